"""What every object carries: its name, labels, annotations and selectors."""

from collections.abc import Iterator
from typing import Any

from fairway.estate.definitions import builtin
from fairway.estate.fault import Fault, Place, called
from fairway.estate.names import DNS_LABEL, DNS_SUBDOMAIN, LABEL_KEY, PATH_SEGMENT, NameRule
from fairway.estate.semantics.nodes import Node, Rules, mapping, text

ANNOTATIONS_LIMIT = 256 * 1024  # bytes of keys and values together
LABEL_NAMED = {"v1/Namespace", "v1/Service"}
# A CronJob's name is lengthened by 11 characters for its Jobs, whose pods carry it as a label.
LONGEST_CRONJOB = 52
SEGMENT_NAMED = (
    "rbac.authorization.k8s.io/",
    "certificates.k8s.io/",
    "apiregistration.k8s.io/",
    "networking.k8s.io/v1/IP",
)
# Calls that answer at once and leave nothing behind, and lists, have no name.
NAMELESS = ("Review", "List", "Status", "TokenRequest", "DeleteOptions")


def object_name(obj: Node, key: str) -> Iterator[Fault]:
    """Check the name that *obj* itself has, by the rule of its kind, which *key* names as group/version/Kind."""
    kind = key.rpartition("/")[2]
    metadata, path = mapping(obj, "metadata"), ("metadata", "name")
    name = text(metadata, "name")
    if name is None:
        # What is no kind of Kubernetes may be a tool's own file, such as a Kustomization, which has no name.
        if key in builtin().kinds and not text(metadata, "generateName") and not kind.endswith(NAMELESS):
            yield Fault(("metadata",), f"This {kind} has no name.", "Add metadata.name.")
        return
    if fault := _rule(key).fault(name, path):
        yield fault
    elif kind == "CronJob" and len(name) > LONGEST_CRONJOB:
        says = f"The CronJob's name has {len(name)} characters, where at most {LONGEST_CRONJOB} are allowed."
        yield Fault(path, says, "Shorten it.")


def _rule(key: str) -> NameRule:
    """Choose how objects of group/version/Kind are named."""
    if key in LABEL_NAMED:
        return DNS_LABEL
    return PATH_SEGMENT if key.startswith(SEGMENT_NAMED) else DNS_SUBDOMAIN


def annotations(node: Node, path: Place) -> Iterator[Fault]:
    """Check the keys of annotations, and their size: what is applied is kept there once more by kubectl."""
    pairs = mapping(node, "annotations")
    if not pairs:
        return
    for key in pairs:
        # Unlike a label's, an annotation's key may have capitals before its '/'.
        if fault := LABEL_KEY.fault(str(key).lower(), (*path, "annotations", str(key)), key=True):
            yield fault
    size = sum(len(str(key)) + len(str(value)) for key, value in pairs.items())
    if size > ANNOTATIONS_LIMIT:
        says = f"The annotations have {size} characters, where at most {ANNOTATIONS_LIMIT} fit."
        yield Fault((*path, "annotations"), says, "Move the text into a ConfigMap.")


def requirement(node: Node, path: Place) -> Iterator[Fault]:
    """Check that one requirement of a selector has as many values as its operator takes."""
    operator, values = text(node, "operator"), node.get("values")
    count = len(values) if isinstance(values, list) else 0
    if operator in {"In", "NotIn"} and not count:
        yield Fault(path, f"{called(path)} has the operator {operator} and no values.", "Add 'values'.")
    if operator in {"Exists", "DoesNotExist"} and count:
        yield Fault(path, f"{called(path)} has the operator {operator}, which takes no values.", "Remove 'values'.")
    if operator in {"Gt", "Lt"} and not (count == 1 and isinstance(values, list) and _is_whole(values[0])):
        says = f"{called(path)} has the operator {operator}, which takes one whole number as text."
        yield Fault(path, says, "Write one value, in quotes.")


def _is_whole(value: Any) -> bool:  # noqa: ANN401 - any item of a list
    """Tell whether *value* is text of a whole number."""
    return isinstance(value, str) and value.removeprefix("-").isdigit()


def matches(selector: Node, labels: dict[str, str]) -> bool:
    """Tell whether *selector* picks what has *labels*; a malformed part of it is reported elsewhere and picks all."""
    for key, value in mapping(selector, "matchLabels").items():
        if isinstance(value, str) and labels.get(key) != value:
            return False
    expressions = selector.get("matchExpressions")
    return all(_meets(one, labels) for one in expressions) if isinstance(expressions, list) else True


def _meets(expression: object, labels: dict[str, str]) -> bool:
    """Tell whether *labels* meet one requirement."""
    if not isinstance(expression, dict):
        return True
    key, values = expression.get("key"), expression.get("values")
    held = labels.get(key) if isinstance(key, str) else None
    among = held in values if isinstance(values, list) else True
    match expression.get("operator"):
        case "In":
            return held is not None and among
        case "NotIn":
            return held is None or not among
        case "Exists":
            return held is not None
        case "DoesNotExist":
            return held is None
    return True


RULES: Rules = {
    "core.v1.NodeSelectorRequirement": (requirement,),
    "meta.v1.LabelSelectorRequirement": (requirement,),
    "meta.v1.ObjectMeta": (annotations,),
}
