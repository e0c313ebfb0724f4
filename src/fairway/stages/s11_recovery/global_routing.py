"""Which region answers is a policy: the nearest one, or the first one that is available.

Without a policy, chance decides: callers cross an ocean for nothing, or half of them land in the region that was meant
as a reserve. A policy makes it known beforehand who is served where, and who moves when a region fails.
"""

from collections.abc import Iterator
from typing import Final

from fairway.core.conditions import SEVERAL_REGIONS
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.node import Node

POLICIES: Final = ("aws/weight", "aws/region", "aws/failover", "aws/geolocation-", "aws/geoproximity-", "aws/cidr-")


def check(estate: Estate) -> Iterator[Finding]:
    """Find places where chance decides which region answers."""
    fix = "Say which region answers: the nearest (geoip, latency), or the first that is available (failover)."
    for resource in estate.of_kind("Gslb", "k8gb.io", "k8gb.absa.oss"):
        strategy = resource.spec.mapping("strategy")
        if strategy.text("type") == "roundRobin":
            says = "callers get regions in turn: each waits for a far one as often as for a near one."
            yield found(RULE.id, strategy, "type", says, fix)
        elif strategy.text("type") == "failover" and not strategy.has("primaryGeoTag"):
            says = "it fails over, and does not say which region comes first."
            yield found(RULE.id, strategy, "type", says, fix)
    for resource in estate.of_kind("DNSEndpoint", "externaldns.k8s.io"):
        for node in resource.spec.items("endpoints"):
            if node.has("setIdentifier") and not _decides(node):
                says = f"{node.text('dnsName')} has several answers, and nothing says which of them a caller gets."
                yield found(RULE.id, node, "setIdentifier", says, fix)


def _decides(node: Node) -> bool:
    """Tell whether a record says when it is given; providers other than AWS have words that are not known here."""
    names = [one.text("name") for one in node.items("providerSpecific")]
    return any(not name.startswith("aws/") or name.startswith(POLICIES) for name in names)


RULE = Rule(
    id="recovery/global-routing",
    applies=SEVERAL_REGIONS,
    proof=Proof.DRILL,
    shows="the region that the policy names answers, and the next one does while that is down",
    places=(Place.LOCAL,),
    once=True,
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/platform/gslb.yaml",
            new="apiVersion: k8gb.io/v1beta1\nkind: Gslb\nmetadata:\n  name: shop\n  namespace: gateway\n"
            "  annotations: {k8gb.io/hostname: shop.example.com}\nspec:\n"
            "  resourceRef: {apiVersion: v1, kind: Service, name: entrance}\n  strategy: {type: roundRobin}\n",
        ),
    ),
)
