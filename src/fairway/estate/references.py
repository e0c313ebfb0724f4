"""What a workload's Pods take from other objects: ConfigMaps, Secrets, claims and a service account."""

from collections.abc import Iterator

import msgspec

from fairway.estate.node import Node
from fairway.estate.workload import Workload


class Reference(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """An object that a Pod names; Estate.find tells whether it is there."""

    kind: str
    name: str
    optional: bool  # the Pod starts without it
    mounted: bool  # as files; otherwise as environment variables, or by the cluster itself
    node: Node  # that holds the name
    key: str


def references(workload: Workload) -> Iterator[Reference]:
    """Give everything that the Pods of *workload* name, in the order of the manifest's parts."""
    if name := workload.pod.text("serviceAccountName") or workload.pod.text("serviceAccount"):
        key = "serviceAccountName" if workload.pod.has("serviceAccountName") else "serviceAccount"
        yield Reference(kind="ServiceAccount", name=name, optional=False, mounted=False, node=workload.pod, key=key)
    for node in workload.pod.items("imagePullSecrets"):
        yield from _one("Secret", node, "name", mounted=False)
    for container in workload.every_container:
        for source in container.node.items("envFrom"):
            yield from _one("ConfigMap", source.mapping("configMapRef"), "name", mounted=False)
            yield from _one("Secret", source.mapping("secretRef"), "name", mounted=False)
        for variable in container.variables:
            source = variable.node.mapping("valueFrom")
            yield from _one("ConfigMap", source.mapping("configMapKeyRef"), "name", mounted=False)
            yield from _one("Secret", source.mapping("secretKeyRef"), "name", mounted=False)
    for volume in workload.volumes:
        yield from _volume(volume.node)
        for source in volume.node.mapping("projected").items("sources"):
            yield from _one("ConfigMap", source.mapping("configMap"), "name")
            yield from _one("Secret", source.mapping("secret"), "name")


def _volume(volume: Node) -> Iterator[Reference]:
    yield from _one("ConfigMap", volume.mapping("configMap"), "name")
    yield from _one("Secret", volume.mapping("secret"), "secretName")
    yield from _one("PersistentVolumeClaim", volume.mapping("persistentVolumeClaim"), "claimName")


def _one(kind: str, node: Node, key: str, *, mounted: bool = True) -> Iterator[Reference]:
    if name := node.text(key):
        yield Reference(kind=kind, name=name, optional=node.flag("optional"), mounted=mounted, node=node, key=key)
