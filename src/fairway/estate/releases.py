"""Which workloads are released in steps, and which Services share their requests by weights."""

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from fairway.estate.index import Estate
from fairway.estate.resource import Resource
from fairway.estate.routes import named_backends, service_of

if TYPE_CHECKING:
    from fairway.estate.node import Node

CANARIES = (("Canary", "flagger.app", "targetRef"), ("Rollout", "rollouts.kruise.io", "workloadRef"))


@lru_cache(maxsize=4)
def in_steps(estate: Estate) -> frozenset[Resource]:
    """Give what is released in steps: Rollouts that have some, and what Flagger or OpenKruise releases."""
    return frozenset((*_rollouts(estate), *_targets(estate)))


def _rollouts(estate: Estate) -> Iterator[Resource]:
    for rollout in estate.of_kind("Rollout", "argoproj.io"):
        strategy = rollout.spec.mapping("strategy")
        if strategy.has("blueGreen") or any(strategy.mapping("canary").items("steps")):
            yield rollout


def _targets(estate: Estate) -> Iterator[Resource]:
    for kind, group, key in CANARIES:
        for canary in estate.of_kind(kind, group):
            given = canary.spec.mapping(key) or canary.spec.mapping("objectRef").mapping("workloadRef")
            yield from estate.find(given.text("kind"), canary.namespace, given.text("name"), canary)


@lru_cache(maxsize=4)
def weighed(estate: Estate) -> frozenset[Resource]:
    """Give the Services between which somebody shares requests by weights: two versions, released by hand."""
    found: set[Resource] = set()
    for route in estate.resources:
        if route.group == "gateway.networking.k8s.io":
            for one in named_backends(route):
                if one.node.has("weight"):
                    found.update(estate.find("Service", one.namespace, one.name, route))
        elif route.kind == "VirtualService" and route.group == "networking.istio.io":
            for namespace, name in _shared(route):
                found.update(estate.find("Service", namespace, name, route))
    return frozenset(found)


def _shared(route: Resource) -> Iterator[tuple[str, str]]:
    for http in route.spec.items("http"):
        ways: list[Node] = list(http.items("route"))
        if len(ways) > 1:
            yield from (service_of(way.mapping("destination").text("host"), route.namespace) for way in ways)
