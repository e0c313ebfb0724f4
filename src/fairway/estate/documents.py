"""Tell the Kubernetes objects in a file from everything else that is written in YAML."""

import re
from collections.abc import Iterator

from fairway.estate.fault import quoted
from fairway.estate.node import Origin
from fairway.estate.resource import GROUPS_OF_OBJECTS
from fairway.yaml.reader import Documents, Mapping, Sequence, Value

_SIGNED = re.compile(rb"^[\s{\-]*[\"']?apiVersion[\"']?\s*:", re.MULTILINE)
_MARKS = b"\xff\xfe\xef\xbb\xbf"  # that some editors put before the text
_TOOLS = frozenset({("v1", "Config"), ("v1", "Policy"), ("kustomize.config.k8s.io/v1beta1", "Kustomization")})
_NAMELESS = frozenset({("audit.k8s.io/v1", "Policy")})
"""What the API server itself is given as a file: it has no metadata, and is worth judging all the same."""


def worth_reading(data: bytes) -> bool:
    """Tell whether *data* can hold a Kubernetes object at all, at a fraction of what parsing costs."""
    plain = data.replace(b"\0", b"") if b"\0" in data else data  # UTF-16 and UTF-32 have one beside each letter
    return b"apiVersion" in plain or (b"kind" in plain and b"metadata" in plain)


def signed(data: bytes) -> bool:
    """Tell whether a file that does not parse was meant to hold Kubernetes objects."""
    return _SIGNED.search(data.replace(b"\0", b"").lstrip(_MARKS)) is not None


def objects(documents: Documents, origin: Origin) -> Iterator[Mapping]:
    """Give the objects of a file, those in Lists too; what looks like an object and is none is reported."""
    others: list[tuple[int, str]] = []
    some = False
    for document in documents.documents:
        value = document.value
        if isinstance(value, Mapping):
            for found in _objects(value, origin):
                some = True
                yield found
        elif value is not None:
            line = value.line if isinstance(value, Sequence) else document.line
            others.append((line, "a list" if isinstance(value, Sequence) else "a single value"))
    for line, what in others if some else ():
        says = f"this document is {what}, among Kubernetes objects."
        origin.report(line, says, "Write an object, or move it to a file of its own.")


def _objects(value: Mapping, origin: Origin) -> Iterator[Mapping]:
    api_version, kind = value.get("apiVersion"), value.get("kind")
    if isinstance(api_version, str) and isinstance(kind, str) and api_version and kind:
        items = value.get("items")
        if kind.endswith("List") and isinstance(items, Sequence):
            yield from _listed(items, api_version, kind, origin)
        elif kind == "List":
            origin.report(value.line, "this List has no list of items.", "Give it items, or remove it.")
        elif _is_object(value, api_version, kind):
            yield value
    elif _looks_like_object(value, api_version, kind):
        missing = "kind" if isinstance(api_version, str) and api_version else "apiVersion"
        held = value.get(missing)
        says = (
            f"this object has no {missing}."
            if held is None
            else f"'{missing}' is {quoted(held)}, where text is expected."
        )
        origin.report(value.lines.get(missing, value.line), says, f"Give it its {missing}.")


def _listed(items: Sequence, api_version: str, kind: str, origin: Origin) -> Iterator[Mapping]:
    for item, line in zip(items, items.lines, strict=True):
        if not isinstance(item, Mapping):
            origin.report(
                line, f"an entry of this {kind} is {quoted(item)}, where an object is expected.", "Remove it."
            )
            continue
        if kind != "List":  # what a server lists, it does not name again
            for key, implied in (("apiVersion", api_version), ("kind", kind.removesuffix("List"))):
                if item.get(key) is None:
                    item[key] = implied
                    item.lines[key] = item.line
        yield from _objects(item, origin)


def _is_object(value: Mapping, api_version: str, kind: str) -> bool:
    if (api_version, kind) in _TOOLS:
        return False
    if (api_version, kind) in _NAMELESS:
        return True
    return value.get("metadata") is not None or api_version.rpartition("/")[0] in GROUPS_OF_OBJECTS


def _looks_like_object(value: Mapping, api_version: Value, kind: Value) -> bool:
    """Tell a malformed object from a file that merely shares a word with Kubernetes, such as a chart's Chart.yaml."""
    parts = sum(isinstance(value.get(key), Mapping) for key in ("metadata", "spec", "data"))
    return parts > 0 and (api_version is not None or kind is not None)
