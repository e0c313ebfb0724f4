"""What holds inside an autoscaler and a disruption budget."""

from collections.abc import Iterator

from fairway.estate.fault import Fault, Place, called
from fairway.estate.semantics.nodes import Node, Rules, entries, mapping, number, text

METRICS = {"ContainerResource", "External", "Object", "Pods", "Resource"}
TARGETS = {"Utilization": "averageUtilization", "Value": "value", "AverageValue": "averageValue"}


def bounds(node: Node, path: Place) -> Iterator[Fault]:
    """Check that the least number of replicas is not above the greatest."""
    least, most = number(node, "minReplicas"), number(node, "maxReplicas")
    if least is not None and most is not None and least > most:
        says = f"'minReplicas' ({least}) is above 'maxReplicas' ({most})."
        yield Fault((*path, "minReplicas"), says, "Exchange or correct them.")


def metric(node: Node, path: Place) -> Iterator[Fault]:
    """Check that a metric brings what its type says."""
    kind = text(node, "type")
    if kind not in METRICS:  # reported where it stands
        return
    field = kind[0].lower() + kind[1:]
    others = [name for name in node if name not in {"type", field} and node[name] is not None]
    if node.get(field) is None:
        yield Fault(path, f"{called(path)} is of type {kind} and has no '{field}'.", f"Add '{field}'.")
    for other in others:
        yield Fault((*path, other), f"{called(path)} is of type {kind} and has '{other}'.", "Remove it.")


def target(node: Node, path: Place) -> Iterator[Fault]:
    """Check that a metric's target brings the value that its type says."""
    wanted = TARGETS.get(text(node, "type") or "")
    if wanted is not None and node.get(wanted) is None:
        yield Fault(path, f"{called(path)} is of type {node['type']} and has no '{wanted}'.", f"Add '{wanted}'.")


def measurable(node: Node, path: Place) -> Iterator[Fault]:
    """Check that the use of a resource is wanted as a share or an average, the two that can be measured."""
    if mapping(node, "target").get("type") == "Value":
        says = "The target of a resource is of type Value."
        yield Fault((*path, "target", "type"), says, "Write Utilization or AverageValue.")


def scaling_policies(node: Node, path: Place) -> Iterator[Fault]:
    """Check that scaling rules have a policy to choose from."""
    if isinstance(node.get("policies"), list) and not any(True for _ in entries(node, "policies")):
        yield Fault((*path, "policies"), f"{called(path)} has no policy.", "Add one, or remove 'policies'.")


RULES: Rules = {
    "autoscaling.v1.HorizontalPodAutoscalerSpec": (bounds,),
    "autoscaling.v2.ContainerResourceMetricSource": (measurable,),
    "autoscaling.v2.HPAScalingRules": (scaling_policies,),
    "autoscaling.v2.HorizontalPodAutoscalerSpec": (bounds,),
    "autoscaling.v2.MetricSpec": (metric,),
    "autoscaling.v2.MetricTarget": (target,),
    "autoscaling.v2.ResourceMetricSource": (measurable,),
}
