"""What runs: anything that has Pods, read into one shape whatever its kind."""

from collections.abc import Callable, Iterator

import msgspec

from fairway.estate.container import Container, Mount, containers
from fairway.estate.node import Node
from fairway.estate.resource import Resource

GROUPS = {
    "Deployment": ("apps", "extensions"),
    "StatefulSet": ("apps",),
    "DaemonSet": ("apps", "extensions"),
    "ReplicaSet": ("apps", "extensions"),
    "ReplicationController": ("",),
    "Job": ("batch",),
    "CronJob": ("batch",),
    "Pod": ("",),
    "Rollout": ("argoproj.io",),
}
COUNTED = frozenset({"Deployment", "StatefulSet", "ReplicaSet", "ReplicationController", "Rollout"})
"""The kinds that have a number of replicas."""
STATELESS_KINDS = frozenset({"Deployment", "Rollout"})
PERSISTENT_SOURCES = frozenset(
    {
        "awsElasticBlockStore",
        "azureDisk",
        "azureFile",
        "cephfs",
        "csi",
        "fc",
        "gcePersistentDisk",
        "glusterfs",
        "hostPath",
        "iscsi",
        "nfs",
        "persistentVolumeClaim",
        "portworxVolume",
        "rbd",
        "vsphereVolume",
    }
)


class Volume(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A volume of a Pod and what it comes from: emptyDir, persistentVolumeClaim, ..."""

    name: str
    source: str
    claim: str  # the PersistentVolumeClaim's name
    read_only: bool
    node: Node

    @property
    def persistent(self) -> bool:
        """Tell whether its content outlives the Pod."""
        return self.source in PERSISTENT_SOURCES


class Workload(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """An object with Pods. Of a Rollout that borrows a Deployment's template, they are written in that Deployment."""

    resource: Resource
    pod: Node
    pod_labels: dict[str, str]
    pod_annotations: dict[str, str]
    pod_metadata: Node
    containers: tuple[Container, ...]
    init_containers: tuple[Container, ...]
    sidecars: tuple[Container, ...]  # the native ones: init containers that go on running
    volumes: tuple[Volume, ...]
    claim_templates: tuple[str, ...]
    replicas: int | None  # None where it is not given, or is malformed
    owned: bool
    runs_to_completion: bool

    @property
    def kind(self) -> str:
        """Name its kind."""
        return self.resource.kind

    @property
    def namespace(self) -> str:
        """Name its namespace."""
        return self.resource.namespace

    @property
    def name(self) -> str:
        """Name it."""
        return self.resource.name

    @property
    def every_container(self) -> tuple[Container, ...]:
        """Give all its containers, whatever they are for."""
        return (*self.containers, *self.sidecars, *self.init_containers)

    def mounts_of(self, volume: Volume) -> Iterator[Mount]:
        """Give the places where *volume* is mounted."""
        return (m for container in self.every_container for m in container.mounts if m.volume == volume.name)


def is_workload(resource: Resource) -> bool:
    """Tell whether an object has Pods, of a kind that is known."""
    return resource.group in GROUPS.get(resource.kind, ())


def workload(resource: Resource, find_template: Callable[[Resource], Resource | None]) -> Workload:
    """Read a workload. *find_template* finds the object whose template a Rollout borrows."""
    owner, template = resource, _template(resource)
    if resource.kind == "Rollout" and not template and (lender := find_template(resource)) is not None:
        owner, template = lender, _template(lender)
    pod = template.mapping("spec")
    metadata = template.mapping("metadata")
    inits = tuple(containers(pod, "initContainers"))
    running = frozenset(c.node for c in inits if c.node.text("restartPolicy") == "Always")
    spec = resource.spec
    ends = resource.kind in {"Job", "CronJob"} or (
        resource.kind == "Pod" and pod.text("restartPolicy", "Always") != "Always"
    )
    return Workload(
        resource=resource,
        pod=pod,
        pod_labels=metadata.pairs("labels"),
        pod_annotations=metadata.pairs("annotations"),
        pod_metadata=metadata,
        containers=tuple(containers(pod, "containers")),
        init_containers=tuple(c for c in inits if c.node not in running),
        sidecars=tuple(c for c in inits if c.node in running),
        volumes=tuple(_volumes(pod)),
        claim_templates=tuple(
            claim.mapping("metadata").text("name") for claim in owner.spec.items("volumeClaimTemplates")
        )
        if resource.kind == "StatefulSet"
        else (),
        replicas=spec.number("replicas") if resource.kind in COUNTED else None,
        owned=any(True for _ in resource.root.mapping("metadata").items("ownerReferences")),
        runs_to_completion=ends,
    )


def _template(resource: Resource) -> Node:
    """Go down to what holds the Pod's metadata and spec; a Pod is its own."""
    match resource.kind:
        case "Pod":
            return resource.root
        case "CronJob":
            return resource.spec.mapping("jobTemplate").mapping("spec").mapping("template")
    return resource.spec.mapping("template")


def _volumes(pod: Node) -> Iterator[Volume]:
    for node in pod.items("volumes"):
        source = next((key for key, value in node.value.items() if key != "name" and value is not None), "emptyDir")
        inner = node.mapping(source) if source != "emptyDir" or node.has(source) else node
        yield Volume(
            name=node.text("name"),
            source=source,
            claim=inner.text("claimName") if source == "persistentVolumeClaim" else "",
            read_only=inner.flag("readOnly") if source in PERSISTENT_SOURCES else False,
            node=node,
        )
