"""Traffic moves to where the service still works.

A zone or a region can fail as a whole while the service is well elsewhere. Routes that name the second place before it
is needed move traffic in seconds; routes that are written during the failure take as long as the people do.
"""

from collections.abc import Iterator
from typing import Final

from fairway.core.conditions import REROUTING
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.core.wording import listed
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.node import Node

ISTIO: Final = "networking.istio.io"
ELSEWHERE: Final = ("failover", "failoverPriority")


def check(estate: Estate) -> Iterator[Finding]:
    """Find a failover that is written and cannot happen, and Services that never leave the caller's node.

    Whether rerouting is wanted is not in files; these say that it is, or rule it out.
    """
    for rule in estate.of_kind("DestinationRule", ISTIO):
        policy = rule.spec.mapping("trafficPolicy")
        yield from _failover(policy, policy)
        for subset in rule.spec.items("subsets"):
            yield from _failover(subset.mapping("trafficPolicy"), policy)
    for one in estate.services:
        if one.resource.spec.text("internalTrafficPolicy") != "Local":
            continue
        lost = [w.resource.id for w in estate.workloads_of(one) if w.kind not in {"DaemonSet", "Pod"}]
        if lost:
            says = f"requests go to replicas on the caller's own node alone, and {listed(lost)} is not on every node: "
            says += "elsewhere they fail while replicas are well."
            fix = "Use Cluster, or trafficDistribution: PreferClose, which goes on to other nodes."
            yield found(RULE.id, one.resource.spec, "internalTrafficPolicy", says, fix)


def _failover(policy: Node, around: Node) -> Iterator[Finding]:
    """Find locality settings that never move traffic. Without any breaker at all, that is what is missing first."""
    near = policy.mapping("loadBalancer").mapping("localityLbSetting")
    named = [key for key in ELSEWHERE if near.has(key)]
    if not named:
        return
    if near.has("enabled") and not near.flag("enabled"):
        says = f"'{named[0]}' names another place, and the setting is off: traffic stays where it fails."
        yield found(RULE.id, near, "enabled", says, "Set enabled to true.")
    elif near.has("distribute"):
        says = f"'distribute' and '{named[0]}' exclude each other: Istio refuses the rule, and nothing moves."
        yield found(RULE.id, near, "distribute", says, "Keep one of them.")
    elif any(one.has("connectionPool") for one in (policy, around)) and not any(
        one.has("outlierDetection") for one in (policy, around)
    ):
        says = f"'{named[0]}' moves traffic once replicas are known to fail, and nothing here finds that out."
        yield found(RULE.id, near, named[0], says, "Add outlierDetection to the trafficPolicy.")


RULE = Rule(
    id="resilience/rerouting",
    applies=REROUTING,
    proof=Proof.DRILL,
    shows="all replicas in one place are killed: traffic moves, with the seconds and errors it took",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/services/orders/destinationrule.yaml",
            old="    outlierDetection:\n      consecutive5xxErrors: 3\n      consecutiveGatewayErrors: 3\n"
            "      consecutiveLocalOriginFailures: 3\n      splitExternalLocalOriginErrors: true\n"
            "      interval: 5s\n      baseEjectionTime: 30s\n      maxEjectionPercent: 50\n",
            new="",
        ),
    ),
)
