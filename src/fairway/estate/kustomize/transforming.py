"""What a kustomization changes in all its objects: namespace, names, labels, annotations, replicas, images."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from fairway.estate.kustomize.item import Item
from fairway.estate.kustomize.values import inner, put, walked
from fairway.yaml.reader import Mapping, Sequence, Value

UNNAMED: Final = frozenset({"CustomResourceDefinition", "APIService", "Namespace"})  # keep their names
POD_PATHS: Final = {
    "Deployment": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "ReplicationController": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}
SELECTED: Final = frozenset({"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"})
SCALED: Final = frozenset({"Deployment", "ReplicaSet", "ReplicationController", "StatefulSet"})
_AMONG_PODS: Final = (
    ("affinity", "podAntiAffinity", "preferredDuringSchedulingIgnoredDuringExecution[]", "podAffinityTerm"),
    ("affinity", "podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution[]"),
    ("affinity", "podAffinity", "preferredDuringSchedulingIgnoredDuringExecution[]", "podAffinityTerm"),
    ("affinity", "podAffinity", "requiredDuringSchedulingIgnoredDuringExecution[]"),
    ("topologySpreadConstraints[]",),
)
_OF_PODS: Final = tuple(("spec", "template", "spec", *way, "labelSelector", "matchLabels") for way in _AMONG_PODS)
# Where selectors are, in objects that have them; SELECTED get one where they have none.
SELECTORS: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "Service": (("spec", "selector"),),
    "ReplicationController": (("spec", "selector"),),
    "PodDisruptionBudget": (("spec", "selector", "matchLabels"),),
    "NetworkPolicy": (
        ("spec", "podSelector", "matchLabels"),
        ("spec", "ingress[]", "from[]", "podSelector", "matchLabels"),
        ("spec", "egress[]", "to[]", "podSelector", "matchLabels"),
    ),
    "Deployment": _OF_PODS,
    "StatefulSet": _OF_PODS,
}
CONTAINERS: Final = frozenset({"containers", "initContainers"})
_IMAGE: Final = re.compile(r"(?P<name>.*?)(?::(?P<tag>[\w][\w.-]*))?(?:@(?P<digest>[\w:.+-]+))?")


def set_namespace(items: Iterable[Item], namespace: str, line: int) -> None:
    """Move every object that lives in a namespace; a Namespace itself takes the name."""
    every = list(items)
    accounts = (item for item in every if item.kind == "ServiceAccount")
    moved = {name for account in accounts for _, name in account.names} | {"default"}
    for item in every:
        if item.kind == "Namespace":
            put(item.metadata, "name", namespace, line)
        elif item.namespaced:
            put(item.metadata, "namespace", namespace, line)
        if item.kind in {"RoleBinding", "ClusterRoleBinding"}:
            for subject in walked(item.value, "subjects[]"):
                if subject.get("kind") == "ServiceAccount" and str(subject.get("name")) in moved:
                    put(subject, "namespace", namespace, line)
        item.renamed()


def set_names(items: Iterable[Item], prefix: str, suffix: str, line: int) -> None:
    """Put something before and after every name."""
    for item in items:
        if item.kind not in UNNAMED and item.name:
            put(item.metadata, "name", f"{prefix}{item.name}{suffix}", line)
            item.renamed()


def set_labels(items: Iterable[Item], labels: Mapping, *, selectors: bool, templates: bool) -> None:
    """Add labels to objects, to their Pods and to what selects these."""
    for item in items:
        _add(inner(item.metadata, "labels", labels.line), labels)
        if item.kind in POD_PATHS and (selectors or templates):
            for template in walked(item.value, *POD_PATHS[item.kind]):
                _add(inner(inner(template, "metadata", labels.line), "labels", labels.line), labels)
        if selectors:
            _label_selectors(item, labels)


def _label_selectors(item: Item, labels: Mapping) -> None:
    spec = item.value.get("spec")
    if item.kind in SELECTED and isinstance(spec, Mapping):
        _add(inner(inner(spec, "selector", labels.line), "matchLabels", labels.line), labels)
    for path in SELECTORS.get(item.kind, ()):
        for selector in walked(item.value, *path):
            _add(selector, labels)


def set_annotations(items: Iterable[Item], annotations: Mapping) -> None:
    """Add annotations to objects and to their Pods."""
    for item in items:
        _add(inner(item.metadata, "annotations", annotations.line), annotations)
        if item.kind in POD_PATHS:
            for template in walked(item.value, *POD_PATHS[item.kind]):
                metadata = inner(template, "metadata", annotations.line)
                _add(inner(metadata, "annotations", annotations.line), annotations)


def _add(target: Mapping, entries: Mapping) -> None:
    for key, value in entries.items():
        put(target, key, value, entries.lines[key])


def set_replicas(items: Iterable[Item], entry: Mapping) -> bool:
    """Set how many replicas run of one name; tell whether there was any."""
    found = False
    for item in items:
        if item.kind in SCALED and any(name == entry.get("name") for _, name in item.names):
            line = entry.lines.get("count", entry.line)
            put(inner(item.value, "spec", line), "replicas", entry.get("count"), line)
            found = True
    return found


def set_image(items: Iterable[Item], entry: Mapping) -> None:
    """Change an image wherever it is run."""
    name = str(entry.get("name") or "")
    for item in items:
        for container in _containers(item.value):
            image = container.get("image")
            found = _IMAGE.fullmatch(image) if isinstance(image, str) else None
            if found is not None and found["name"] == name:
                put(container, "image", _image(found, entry), entry.line)


def _image(found: re.Match[str], entry: Mapping) -> str:
    name = str(entry.get("newName") or found["name"])
    tag, digest = entry.get("newTag"), entry.get("digest")
    if digest:
        return f"{name}@{digest}" if not tag else f"{name}:{tag}@{digest}"
    if tag is not None:
        return f"{name}:{tag}"
    suffix = str(entry.get("tagSuffix") or "")
    kept = f":{found['tag']}{suffix}" if found["tag"] else ""
    return f"{name}{kept}" + (f"@{found['digest']}" if found["digest"] else "")


def _containers(value: Value) -> Iterator[Mapping]:
    """Find containers wherever they are, as in kinds that nobody knows here."""
    if isinstance(value, Mapping):
        for key, below in value.items():
            if key in CONTAINERS and isinstance(below, Sequence):
                yield from (item for item in below if isinstance(item, Mapping))
            elif isinstance(below, Mapping | Sequence):
                yield from _containers(below)
    elif isinstance(value, Sequence):
        for below in value:
            yield from _containers(below)
