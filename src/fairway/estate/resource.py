"""One object of an estate: who it is, and where each of its keys stands."""

import re
from typing import TypeAlias

import msgspec

from fairway.estate.node import Node, Origin
from fairway.yaml.reader import Mapping, Sequence, Value

NO_NAMESPACE = frozenset(
    {
        "APIService",
        "CSIDriver",
        "ClusterIssuer",
        "ClusterPolicy",
        "ClusterRole",
        "ClusterRoleBinding",
        "ClusterSecretStore",
        "CustomResourceDefinition",
        "GatewayClass",
        "IngressClass",
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "RuntimeClass",
        "StorageClass",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
        "VolumeSnapshotClass",
    }
)
# The groups whose kinds are all objects; elsewhere a document without metadata is some tool's own configuration.
GROUPS_OF_OBJECTS = frozenset(
    {
        "",
        "apps",
        "autoscaling",
        "batch",
        "extensions",
        "gateway.networking.k8s.io",
        "networking.k8s.io",
        "policy",
        "rbac.authorization.k8s.io",
        "storage.k8s.io",
    }
)
CORE_KINDS = dict.fromkeys(("ConfigMap", "PersistentVolumeClaim", "Secret", "Service", "ServiceAccount"), ("",))
"""Kinds that references mean without naming a group, while other groups have kinds of the same name."""
DEFAULT_NAMESPACE = "default"
Steps: TypeAlias = tuple[str | int, ...]
_STEP = re.compile(r"\[([^\]]*)\]|([^.\[\]]+)")


class Resource(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """An object as it is written. Two of the same name are two objects, as they may stand in different files."""

    api_version: str
    kind: str
    namespace: str  # empty for what has none
    name: str
    labels: dict[str, str]
    annotations: dict[str, str]
    root: Node
    file: str

    @property
    def id(self) -> str:
        """Name it as Kind/namespace/name."""
        return identity(self.kind, self.namespace, self.name)

    @property
    def core(self) -> bool:
        """Tell whether it is what Kubernetes itself calls by this kind, or a namesake from elsewhere."""
        return self.group in CORE_KINDS.get(self.kind, (self.group,))

    @property
    def group(self) -> str:
        """Name its API group, without the version; empty for the core."""
        return self.api_version.rpartition("/")[0]

    @property
    def spec(self) -> Node:
        """Go down to its spec."""
        return self.root.mapping("spec")

    def at(self, path: str | Steps) -> int:
        """Give the line of the key at *path*, or of the longest part of the path that is there.

        A path is its steps, or dotted with list entries in brackets: spec.template.spec.containers[web].image.
        """
        steps = [bracketed or plain for bracketed, plain in _STEP.findall(path)] if isinstance(path, str) else path
        value: Value = self.root.value
        line = self.root.line
        for step in steps:
            if isinstance(value, Mapping) and step in value:
                line, value = value.lines[str(step)], value[str(step)]
            elif isinstance(value, Sequence) and (index := _position(value, str(step))) is not None:
                line, value = value.lines[index], value[index]
            else:
                break
        return line


def identity(kind: str, namespace: str, name: str) -> str:
    """Name an object as Kind/namespace/name."""
    return f"{kind}/{namespace}/{name}" if namespace else f"{kind}/{name}"


def resource(value: Mapping, origin: Origin) -> Resource:
    """Make an object of *value*, whose apiVersion and kind are texts. What else is malformed is reported."""
    api_version, kind = value["apiVersion"], value["kind"]
    assert isinstance(api_version, str)
    assert isinstance(kind, str)
    root = Node(origin, value, "", value.lines["kind"])
    origin.resource = kind  # until its name is known
    metadata = root.mapping("metadata")
    name = metadata.text("name") or metadata.text("generateName")
    if not name and api_version.rpartition("/")[0] in GROUPS_OF_OBJECTS:
        origin.report(metadata.line, f"this {kind} has no name.", "Give it a metadata.name.")
    namespace = "" if kind in NO_NAMESPACE else metadata.text("namespace") or DEFAULT_NAMESPACE
    origin.resource = identity(kind, namespace, name or "(no name)")
    return Resource(
        api_version=api_version,
        kind=kind,
        namespace=namespace,
        name=name,
        labels=metadata.pairs("labels"),
        annotations=metadata.pairs("annotations"),
        root=root,
        file=origin.file,
    )


def _position(items: Sequence, step: str) -> int | None:
    """Find an entry of a list by its name or number."""
    for index, item in enumerate(items):
        if isinstance(item, Mapping) and item.get("name") == step:
            return index
    return int(step) if step.isascii() and step.isdigit() and int(step) < len(items) else None
