"""What scales a workload: a HorizontalPodAutoscaler, or a KEDA ScaledObject."""

from collections.abc import Iterator

import msgspec

from fairway.estate.node import Node
from fairway.estate.resource import Resource


class Autoscaler(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """An autoscaler as it is written."""

    resource: Resource
    target: Node  # what holds the target's kind and name
    target_kind: str
    target_name: str
    least_key: str  # of spec
    most_key: str
    least: int  # 0 where it may stop all replicas
    most: int | None
    utilization: tuple[tuple[str, str], ...]
    """Resources that it measures as a share of their requests, each with the one container that counts, or ''."""


def is_autoscaler(resource: Resource) -> bool:
    """Tell whether an object scales workloads."""
    return (resource.kind == "HorizontalPodAutoscaler" and resource.group == "autoscaling") or (
        resource.kind == "ScaledObject" and resource.group == "keda.sh"
    )


def autoscaler(resource: Resource) -> Autoscaler:
    """Read an autoscaler."""
    spec = resource.spec
    target = spec.mapping("scaleTargetRef")
    keda = resource.kind == "ScaledObject"
    least_key, most_key = ("minReplicaCount", "maxReplicaCount") if keda else ("minReplicas", "maxReplicas")
    least, most = spec.number(least_key), spec.number(most_key)
    return Autoscaler(
        resource=resource,
        target=target,
        target_kind=target.text("kind", "Deployment" if keda else ""),
        target_name=target.text("name"),
        least_key=least_key,
        most_key=most_key,
        least=least if least is not None else int(not keda),
        most=most if most is not None or not keda else 100,
        utilization=tuple(dict.fromkeys(_triggers(spec) if keda else _metrics(spec))),
    )


def _metrics(spec: Node) -> Iterator[tuple[str, str]]:
    if not spec.has("metrics"):
        yield "cpu", ""  # what both versions measure where nothing else is said
        return
    for metric in spec.items("metrics"):
        for key in ("resource", "containerResource"):
            node = metric.mapping(key)
            target = node.mapping("target")
            # Until autoscaling/v2 the share stood in the metric itself.
            shares = (target.has("averageUtilization"), node.has("targetAverageUtilization"))
            if target.text("type") == "Utilization" or any(shares):
                yield node.text("name"), node.text("container")


def _triggers(spec: Node) -> Iterator[tuple[str, str]]:
    for trigger in spec.items("triggers"):
        kind = trigger.text("type")
        metadata = trigger.mapping("metadata")
        if kind in {"cpu", "memory"} and trigger.text("metricType", "Utilization") == "Utilization":
            yield kind, metadata.text("containerName")
