"""A load balancer above the regions sends traffic away from one that fails.

Two regions behind two addresses are two systems, and the customer has to know which one works. Health checks from
outside notice within seconds what people notice within minutes, and move traffic without asking anyone.
"""

from collections.abc import Iterator

from fairway.core.conditions import SEVERAL_REGIONS
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.node import Node


def check(estate: Estate) -> Iterator[Finding]:
    """Find what leads to several regions and never looks whether they are well.

    That no load balancer is there at all cannot be known from one region's files.
    """
    fix = "Give it a health check, with an interval and the number of failures after which a region is left out."
    origins: dict[tuple[str, str], int] = {}
    for origin in estate.of_kind("AfdOrigin", "cdn.azure.com"):
        group = (origin.namespace, origin.spec.mapping("owner").text("name"))
        origins[group] = origins.get(group, 0) + 1
    for resource in estate.of_kind("AfdOriginGroup", "cdn.azure.com"):
        several = origins.get((resource.namespace, resource.name), 0) > 1
        if several and not resource.spec.has("healthProbeSettings"):
            says = "several origins stand behind it, and it probes none of them: requests go on to a dead region."
            yield found(RULE.id, resource.spec, "healthProbeSettings", says, fix)
    for resource in estate.of_kind("RecordSet", "route53.services.k8s.aws"):
        spec = resource.spec
        alias = spec.mapping("aliasTarget").flag("evaluateTargetHealth")
        if spec.has("setIdentifier") and not (spec.has("healthCheckID") or spec.has("healthCheckRef") or alias):
            says = "it is one of several answers for a name, and is given out whether what it names is well or not."
            yield found(RULE.id, spec, "setIdentifier", says, fix)
    for resource in estate.of_kind("DNSEndpoint", "externaldns.k8s.io"):
        for node in resource.spec.items("endpoints"):
            if node.has("setIdentifier") and not _looks(node):
                says = (
                    f"{node.text('dnsName')} has several answers, and this one is given out whether it is well or not."
                )
                yield found(RULE.id, node, "setIdentifier", says, fix)


def _looks(node: Node) -> bool:
    told = {one.text("name"): one.text("value") for one in node.items("providerSpecific")}
    return bool(told.get("aws/health-check-id")) or "true" in (
        told.get("alias"),
        told.get("aws/evaluate-target-health"),
    )


RULE = Rule(
    id="recovery/global-load-balancing",
    applies=SEVERAL_REGIONS,
    proof=Proof.DRILL,
    shows="a region is killed, and its traffic is answered by another, with the seconds that took",
    places=(Place.LOCAL,),
    once=True,
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/platform/dnsendpoint.yaml",
            new="apiVersion: externaldns.k8s.io/v1alpha1\nkind: DNSEndpoint\nmetadata:\n  name: shop\n"
            "  namespace: gateway\nspec:\n  endpoints:\n  - dnsName: shop.example.com\n    recordType: A\n"
            "    setIdentifier: eu-west-1\n    targets: [192.0.2.1]\n    providerSpecific:\n"
            "    - {name: aws/region, value: eu-west-1}\n",
        ),
    ),
)
