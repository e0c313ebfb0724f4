"""What fails or slows down is noticed, and holds up nothing else.

A slow dependency is worse than a dead one: every request that waits for it keeps a place until no place is left for
requests that never needed it. A limit for each dependency and a replica that is left out while it fails keep the
damage where it began.
"""

from collections.abc import Iterator
from typing import Final

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.node import Node
from fairway.estate.resource import Resource
from fairway.estate.selectors import label_selector
from fairway.estate.waiting import endless
from fairway.estate.workload import COUNTED, Workload

LIMITLESS: Final = 1_000_000  # at once to one callee: no service has so many places
POOLS: Final = (("tcp", ("maxConnections",)), ("http", ("http1MaxPendingRequests", "http2MaxRequests")))
BREAKER: Final = ("maxConnections", "maxPendingRequests", "maxParallelRequests")


def check(estate: Estate) -> Iterator[Finding]:
    """Find limits that limit nothing, detection that detects nothing, and waits that are said to have no end.

    That there is no limit or timeout at all is what other rules find; limits in code are in no file.
    """
    for rule in estate.of_kind("DestinationRule", "networking.istio.io"):
        policies = [rule.spec.mapping("trafficPolicy")]
        policies += [subset.mapping("trafficPolicy") for subset in rule.spec.items("subsets")]
        for policy in policies:
            for one in (policy, *policy.items("portLevelSettings")):
                yield from _pool(one.mapping("connectionPool"))
                yield from _detection(one.mapping("outlierDetection"))
    for traffic in estate.of_kind("BackendTrafficPolicy", "gateway.envoyproxy.io"):
        breaker = traffic.spec.mapping("circuitBreaker")
        yield from _limitless([(breaker, key) for key in BREAKER if _huge(breaker, key)])
    for node, key, given in endless(estate):
        says = f"{given} ends no wait: while the callee hangs, whoever calls it hangs with it."
        fix = "Set it a little above what the callee promises; keep what streams in a route of its own."
        yield found(RULE.id, node, key, says, fix, warning=True)
    for budget in estate.of_kind("PodDisruptionBudget", "policy"):
        yield from _budget(estate, budget)


def _pool(pool: Node) -> Iterator[Finding]:
    huge = [(pool.mapping(part), key) for part, keys in POOLS for key in keys if _huge(pool.mapping(part), key)]
    yield from _limitless(huge)


def _limitless(huge: list[tuple[Node, str]]) -> Iterator[Finding]:
    for node, key in huge[:1]:
        says = f"{key} is {node.number(key)}, which is no limit: a callee that hangs takes all places its callers have."
        yield found(RULE.id, node, key, says, "Set it a little above what the callee answers at once at its peak.")


def _huge(node: Node, key: str) -> bool:
    value = node.value.get(key)
    return isinstance(value, int) and not isinstance(value, bool) and value >= LIMITLESS


def _detection(detection: Node) -> Iterator[Finding]:
    """Find detection whose every count is 0, which is off; what is not given is on for 5xx, and off for the rest."""
    errors = detection.value.get("consecutive5xxErrors")
    others = (detection.value.get(key) for key in ("consecutiveGatewayErrors", "consecutiveLocalOriginFailures"))
    if errors == 0 and not isinstance(errors, bool) and not any(others) and not detection.has("consecutiveErrors"):
        says = "the count of errors is 0, which means off: a replica that fails goes on taking its share of requests."
        yield found(RULE.id, detection, "consecutive5xxErrors", says, "Set it above 0: 5 is Istio's own figure.")


def _budget(estate: Estate, budget: Resource) -> Iterator[Finding]:
    """Find budgets of several replicas by which all may go at once, or none ever."""
    least, most = budget.spec.number_or_text("minAvailable"), budget.spec.number_or_text("maxUnavailable")
    key = "minAvailable" if budget.spec.has("minAvailable") else "maxUnavailable"
    for workload in estate.selected(budget, label_selector(budget.spec, "selector")):
        count = _replicas(estate, workload)
        if count < 2:  # noqa: PLR2004 - of a single replica there is nothing to isolate
            continue
        if least in {0, "0%", "0"} or most == "100%" or (isinstance(most, int) and most >= count):
            says = f"it lets all {count} replicas of {workload.name} be taken away at once, as if it were not there."
            fix = "Set maxUnavailable to 1, or to the share that the others can carry."
        elif most in {0, "0%", "0"} or least == "100%" or (isinstance(least, int) and least >= count):
            says = f"it lets none of {count} replicas of {workload.name} go: a node that fails slowly is not emptied."
            fix = "Set maxUnavailable to 1."
        else:
            continue
        yield found(RULE.id, budget.spec, key, says, fix, warning=True)
        return


def _replicas(estate: Estate, workload: Workload) -> int:
    """Give the least number of replicas that runs; 0 where it is not known."""
    if workload.kind not in COUNTED:
        return 0
    least = [one.least for one in estate.autoscalers_of(workload)]
    return min(least) if least else workload.replicas if workload.replicas is not None else 1


RULE = Rule(
    id="resilience/isolation",
    applies=ALWAYS,
    proof=Proof.DRILL,
    shows="one dependency is made slow; routes that do without it keep their latency",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/services/inventory/destinationrule.yaml",
            old="        http2MaxRequests: 24\n",
            new="        http2MaxRequests: 2147483647\n",
        ),
        Edit(
            path="production/eu-west-1/services/orders/poddisruptionbudget.yaml",
            old="  maxUnavailable: 1\n",
            new="  maxUnavailable: 0\n",
        ),
    ),
)
