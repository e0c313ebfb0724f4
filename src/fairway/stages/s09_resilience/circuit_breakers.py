"""Every call to another service goes through a circuit breaker.

Calling what is known to be down wastes the caller's time and keeps the callee down when it tries to return. A breaker
refuses such calls at once, lets a single one through to see whether the callee is back, and closes when it is.
"""

import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Final

from fairway.core.conditions import CALLS_OTHERS
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.mesh import mesh_of
from fairway.estate.node import Node
from fairway.estate.resource import Resource
from fairway.estate.routes import service_of
from fairway.estate.service import Service
from fairway.estate.traffic import serving
from fairway.estate.whole import is_tool

ISTIO: Final = "networking.istio.io"
OTHERS: Final = (  # other meshes' and gateways' own breakers; whom each is for is told in too many ways to follow
    ("MeshCircuitBreaker", "kuma.io"),
    ("ServiceDefaults", "consul.hashicorp.com"),
    ("BackendTrafficPolicy", "gateway.envoyproxy.io"),
    ("Resiliency", "dapr.io"),
    ("CiliumEnvoyConfig", "cilium.io"),
    ("CiliumClusterwideEnvoyConfig", "cilium.io"),
)
ACCRUAL: Final = "balancer.linkerd.io/failure-accrual"  # Linkerd's breaker, an annotation of the Service
IN_CLIENTS: Final = re.compile(
    r'circuit[-_]?breaker|outlier[-_]?detection|resilience4j|hystrix|"breaker"', re.IGNORECASE
)
TEXTS: Final = 4096  # of settings that are remembered, as systems beside one another share most of them
NOT_CALLS: Final = ("tcp", "tls", "udp", "mongo", "mysql", "redis")  # first words of ports that carry no requests


def check(estate: Estate) -> Iterator[Finding]:
    """Find services that others call through no breaker.

    A breaker in the caller's code cannot be seen. One in its settings can: without a mesh it is enough, in a mesh the
    mesh's own is asked for beside it, as a remark.
    """
    if any(estate.of_kind(kind, group) for kind, group in OTHERS):
        return
    guarded, tame = _guarded(estate), _guarded(estate, breaking=False)
    told = {
        resource.namespace
        for resource in estate.of_kind("ConfigMap", "")
        if any(map(_breaking, resource.root.pairs("data").values()))
    }
    mesh = mesh_of(estate)
    told_of = {call.service for call in estate.calls if call.service is not None}
    for one in estate.services:
        where = (one.resource.namespace, one.resource.name)
        rules = (*guarded.get(where, ()), *guarded.get((where[0], ""), ()), *guarded.get(("", ""), ()))
        if any(estate.visible(rule, one.resource) for rule in rules) or not _called(estate, one, told_of):
            continue
        in_clients = where[0] in told
        if (in_clients and not mesh) or one.resource.annotations.get(ACCRUAL):
            continue
        beside = ", though settings of callers tell of one" if in_clients else ""
        says = (
            f"nothing breaks off calls to {one.resource.name} while it is down: no breaker is for this Service{beside}."
        )
        fix = "Add a DestinationRule with connectionPool and outlierDetection, or a breaker in its callers."
        near = next((rule for rule in tame.get(where, ()) if estate.visible(rule, one.resource)), None)
        node, key = (near.spec, "trafficPolicy") if near is not None else (one.resource.root, "spec")
        yield found(RULE.id, node, key, says, fix, warning=in_clients)


@lru_cache(maxsize=TEXTS)
def _breaking(text: str) -> bool:
    return IN_CLIENTS.search(text) is not None


def _guarded(estate: Estate, *, breaking: bool = True) -> dict[tuple[str, str], list[Resource]]:
    """Give the DestinationRules with a breaker, or those without, by namespace and Service; empty names mean all."""
    guarded: dict[tuple[str, str], list[Resource]] = {}
    for rule in estate.of_kind("DestinationRule", ISTIO):
        policies = [rule.spec.mapping("trafficPolicy")]
        policies += [subset.mapping("trafficPolicy") for subset in rule.spec.items("subsets")]
        if any(map(_breaks, policies)) != breaking:
            continue
        host = rule.spec.text("host")
        where = service_of(host, rule.namespace)
        if host.startswith("*"):
            parts = host.split(".")
            where = (parts[1] if len(parts) > len(("*", "local")) else "", "")
        guarded.setdefault(where, []).append(rule)
    return guarded


def _breaks(policy: Node) -> bool:
    every = [policy, *policy.items("portLevelSettings")]
    return any(one.has(key) for one in every for key in ("outlierDetection", "connectionPool"))


def _called(estate: Estate, one: Service, told_of: Collection[Service]) -> bool:
    """Tell whether services inside call a Service: not what stores data, watches, or only stands at the entrance."""
    if one.headless or one.public or one.selector is None:
        return False
    if one not in told_of and all(port.name.partition("-")[0] in NOT_CALLS for port in one.ports):
        return False
    behind = estate.workloads_of(one)
    return any(
        estate.store_of(w) is None
        and not is_tool(w)
        and not w.runs_to_completion
        and bool(serving(estate, w))
        and not _only_entered(estate, one)
        for w in behind
    )


def _only_entered(estate: Estate, one: Service) -> bool:
    """Tell whether a Service is reached from outside, and through the gateway alone, as far as can be seen."""
    return any(estate.entrances(w) for w in estate.workloads_of(one))


RULE = Rule(
    id="resilience/circuit-breakers",
    applies=CALLS_OTHERS,
    proof=Proof.DRILL,
    shows="the callee is killed: the breaker opens, calls fail fast, and it closes once the callee is back",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/services/inventory/destinationrule.yaml",
            old="    connectionPool:\n      tcp:\n        connectTimeout: 1s\n      http:\n"
            "        http1MaxPendingRequests: 24\n        http2MaxRequests: 24\n    outlierDetection:\n"
            "      consecutive5xxErrors: 3\n      consecutiveGatewayErrors: 3\n"
            "      consecutiveLocalOriginFailures: 3\n      splitExternalLocalOriginErrors: true\n      interval: 5s\n"
            "      baseEjectionTime: 30s\n      maxEjectionPercent: 50\n",
            new="",
        ),
    ),
)
