"""Names by which objects mean others, brought up to date when those were renamed."""

from collections.abc import Iterable, Iterator
from typing import Final

from fairway.estate.kustomize.item import Item
from fairway.estate.kustomize.transforming import POD_PATHS
from fairway.estate.kustomize.values import walked
from fairway.yaml.reader import Mapping

# Below a Pod's spec: the way to the mapping, the key that names, and the kind that is meant.
IN_PODS: Final = (
    *(
        (box, *way, key, kind)
        for box in ("containers[]", "initContainers[]")
        for *way, key, kind in (
            ("env[]", "valueFrom", "configMapKeyRef", "name", "ConfigMap"),
            ("env[]", "valueFrom", "secretKeyRef", "name", "Secret"),
            ("envFrom[]", "configMapRef", "name", "ConfigMap"),
            ("envFrom[]", "secretRef", "name", "Secret"),
        )
    ),
    ("volumes[]", "configMap", "name", "ConfigMap"),
    ("volumes[]", "secret", "secretName", "Secret"),
    ("volumes[]", "projected", "sources[]", "configMap", "name", "ConfigMap"),
    ("volumes[]", "projected", "sources[]", "secret", "name", "Secret"),
    ("volumes[]", "persistentVolumeClaim", "claimName", "PersistentVolumeClaim"),
    ("imagePullSecrets[]", "name", "Secret"),
    ("serviceAccountName", "ServiceAccount"),
    ("priorityClassName", "PriorityClass"),
)
BY_KIND: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "StatefulSet": (("spec", "serviceName", "Service"),),
    "Ingress": (
        ("spec", "rules[]", "http", "paths[]", "backend", "service", "name", "Service"),
        ("spec", "defaultBackend", "service", "name", "Service"),
        ("spec", "tls[]", "secretName", "Secret"),
    ),
    "ServiceAccount": (("secrets[]", "name", "Secret"), ("imagePullSecrets[]", "name", "Secret")),
}
# Those that say the kind beside the name.
WITH_KIND: Final = {
    "HorizontalPodAutoscaler": ("spec", "scaleTargetRef"),
    "RoleBinding": ("roleRef",),
    "ClusterRoleBinding": ("roleRef",),
}


def bring_up_to_date(items: Iterable[Item]) -> None:
    """Let every reference name what it means by its name of now."""
    every = list(items)
    renamed: dict[tuple[str, str], list[Item]] = {}
    for item in every:
        for _, name in item.names[:-1]:
            if name != item.name:
                renamed.setdefault((item.kind, name), []).append(item)
    if not renamed:
        return
    for item in every:
        for holder, key, kind in _references(item):
            named = holder.get(key)
            meant = renamed.get((kind, named), ()) if isinstance(named, str) else ()
            for one in meant:
                if one.namespace == item.namespace or not one.namespaced or not item.namespaced:
                    holder[key] = one.name
                    break


def _references(item: Item) -> Iterator[tuple[Mapping, str, str]]:
    """Give each mapping that names another object, the key, and the kind that is meant."""
    paths = [(way, kind) for *way, kind in BY_KIND.get(item.kind, ())]
    pod = ("spec",) if item.kind == "Pod" else (*POD_PATHS[item.kind], "spec") if item.kind in POD_PATHS else None
    if pod is not None:
        paths += [([*pod, *way], kind) for *way, kind in IN_PODS]
    for way, kind in paths:
        for holder in walked(item.value, *way[:-1]):
            yield holder, way[-1], kind
    if (path := WITH_KIND.get(item.kind)) is not None:
        for holder in walked(item.value, *path):
            yield holder, "name", str(holder.get("kind") or "")
    if item.kind in {"RoleBinding", "ClusterRoleBinding"}:
        for subject in walked(item.value, "subjects[]"):
            yield subject, "name", str(subject.get("kind") or "")
