"""Network policies of every make: whose connections they hold, in which direction, and how strictly."""

from collections.abc import Iterator, Mapping

import msgspec

from fairway.estate.index import Estate
from fairway.estate.node import Node
from fairway.estate.resource import Resource
from fairway.estate.selectors import LabelIndex, Selector, label_selector
from fairway.estate.workload import Workload

DIRECTIONS = ("ingress", "egress")
CLUSTER_WIDE = {
    "CiliumClusterwideNetworkPolicy": "cilium.io",
    "GlobalNetworkPolicy": "crd.projectcalico.org",
    "AdminNetworkPolicy": "policy.networking.k8s.io",
    "BaselineAdminNetworkPolicy": "policy.networking.k8s.io",
    "ClusterNetworkPolicy": "policy.networking.k8s.io",
}
"""Policies that hold in all namespaces; whom exactly, only their own language tells."""
EVERYBODY = Selector()


class Policy(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A policy of one namespace, or of all."""

    resource: Resource
    namespace: str  # empty for all
    selector: Selector
    holds: frozenset[str]  # the directions that it isolates
    open: Mapping[str, Node]  # the directions in which it then allows everything, each with the rule that does


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What of a workload some policy holds strictly."""

    ingress: bool
    egress: bool


def policies(estate: Estate) -> Iterator[Policy]:
    """Give all policies."""
    for resource in estate.of_kind("NetworkPolicy", "networking.k8s.io", "extensions"):
        yield _kubernetes(resource)
    for resource in estate.of_kind("CiliumNetworkPolicy", "cilium.io"):
        yield _cilium(resource)
    for resource in estate.of_kind("NetworkPolicy", "crd.projectcalico.org", "projectcalico.org"):
        yield _known_to_itself(resource, resource.namespace)
    for kind, group in CLUSTER_WIDE.items():
        for resource in estate.of_kind(kind, group, "projectcalico.org"):
            yield _known_to_itself(resource, "")


def held(estate: Estate, every: tuple[Policy, ...]) -> dict[Workload, Held]:
    """Tell of each workload in which directions a policy holds it."""
    pods = LabelIndex((w.namespace, w.pod_labels, w) for w in estate.workloads)
    found: dict[Workload, set[str]] = {workload: set() for workload in estate.workloads}
    for policy in every:
        strict = policy.holds - policy.open.keys()
        spaces = (policy.namespace,) if policy.namespace else tuple(estate.namespaces)
        for space in spaces:
            for workload in pods.find(space, policy.selector):
                if estate.visible(policy.resource, workload.resource):
                    found[workload] |= strict
    return {w: Held(ingress="ingress" in ways, egress="egress" in ways) for w, ways in found.items()}


def _kubernetes(resource: Resource) -> Policy:
    spec = resource.spec
    types = {kind.lower() for kind in spec.texts("policyTypes")}
    holds = types or ({"ingress", "egress"} if spec.has("egress") else {"ingress"})
    opened = {
        way: rule
        for way, peers in (("ingress", "from"), ("egress", "to"))
        for rule in spec.items(way)
        if way in holds and not rule.has(peers) and not rule.has("ports")
    }
    selector = label_selector(spec, "podSelector") or EVERYBODY
    return Policy(
        resource=resource, namespace=resource.namespace, selector=selector, holds=frozenset(holds), open=opened
    )


def _cilium(resource: Resource) -> Policy:
    spec = resource.spec
    ways = {way for way in DIRECTIONS if spec.has(way) or spec.has(f"{way}Deny")}
    plain = label_selector(spec, "endpointSelector") or EVERYBODY
    labels = tuple((key.removeprefix("k8s:"), value) for key, value in plain.labels)
    return Policy(
        resource=resource,
        namespace=resource.namespace,
        selector=Selector(labels, plain.requirements),
        holds=frozenset(ways),
        open={},
    )


def _known_to_itself(resource: Resource, namespace: str) -> Policy:
    return Policy(resource=resource, namespace=namespace, selector=EVERYBODY, holds=frozenset(DIRECTIONS), open={})
