"""The page of the load balancer above the regions: what is done once, where to look, and how it moves."""

from collections.abc import Callable
from typing import Final

from fairway.core.cluster import ENTRANCE, GATEWAY
from fairway.core.profile import Landscape
from fairway.stages.s11_recovery import decisions
from fairway.stages.s11_recovery.build.objects import GLOBAL, regions, widest


def page(landscape: Landscape) -> str | None:
    """Write it; None where nothing stands above the regions."""
    decided = decisions.balancer(landscape)
    if decided is None or decided.value is None:
        return None
    form = decided.value.form
    return (
        f"# The load balancer above the regions\n\n{decided.answer}.\n\n"
        f"{ABOVE[form](landscape)}\n{_moves(landscape, form)}"
    )


def _accelerator(landscape: Landscape) -> str:
    environment = widest(landscape)
    home, *others = regions(landscape, environment)
    looked = "\n".join(
        f"    aws elbv2 describe-load-balancers --region {region} --names {landscape.system.system}-{environment} \\\n"
        "      --query 'LoadBalancers[0].LoadBalancerArn' --output text"
        for region in others
    )
    return f"""## Once, in this order

1. Apply every region. The AWS Load Balancer Controller (2.17 or newer, with its feature gate for Global Accelerator)
   makes a Network Load Balancer from Service `{ENTRANCE}` in each.
2. The accelerator is set up in {home} and knows load balancers of other regions by their ARN only. Write each into the
   facts, under `entrances` of the environment, build and apply:

{looked}

3. Let the domain lead to it, as a CNAME or an alias:

       kubectl --context {home} --namespace {GATEWAY} get globalaccelerator {GLOBAL} \\
         --output jsonpath='{{.status.dnsName}}'

It leaves a region out when the region's load balancer has no healthy target. How often it looks stands in the
annotations of Service `{ENTRANCE}`: Global Accelerator takes the verdict of the load balancer behind it.
"""


def _multi_cluster(landscape: Landscape) -> str:
    home = regions(landscape, widest(landscape))[0]
    return f"""## Once

1. Register the clusters of all regions to one fleet; enable multi-cluster Services and Gateways, with {home} as the
   configuration cluster. While {home} is down, what is set up goes on; nothing can be changed.
2. Point the domain to the address of the Gateway:

       kubectl --context {home} --namespace {GATEWAY} get gateway {GLOBAL} \\
         --output jsonpath='{{.status.addresses[0].value}}'

## Look

    kubectl --context {home} --namespace {GATEWAY} get gateway,httproute,serviceimport
    kubectl --context {home} --namespace {GATEWAY} describe healthcheckpolicy {ENTRANCE}
"""


def _front_door(landscape: Landscape) -> str:
    home = regions(landscape, widest(landscape))[0]
    return f"""## Once

1. Azure Service Operator runs in {home}, with `cdn.azure.com/*` and `resources.azure.com/*` among its crdPattern, and
   a credential that may write to the subscription. Regions are called as Azure calls them.
2. Prove that the domain is yours: put the TXT record `_dnsauth.<domain>` with

       kubectl --context {home} --namespace {GATEWAY} get afdcustomdomain {GLOBAL} \\
         --output jsonpath='{{.status.validationProperties.validationToken}}'

3. Let the domain lead to Front Door, as a CNAME:

       kubectl --context {home} --namespace {GATEWAY} get afdendpoint {GLOBAL} --output jsonpath='{{.status.hostName}}'

Front Door reaches a region by Azure's own host name and does not compare it with the certificate. Service `{ENTRANCE}`
takes connections from Front Door's addresses only.
"""


def _k8gb(landscape: Landscape) -> str:
    environment = widest(landscape)
    every = regions(landscape, environment)
    domain = landscape.system.environments[environment].domain
    decided = decisions.balancer(landscape)
    assert decided is not None
    assert decided.value is not None
    zone = str(domain).partition(".")[2]
    values = "\n".join(
        f"- in {region}: `k8gb.clusterGeoTag: {region}`,"
        f" `k8gb.extGslbClustersGeoTags: {','.join(one for one in every if one != region)}`"
        for region in every
    )
    return f"""## Once

k8gb runs in every region, each with its own tag:

{values}
- in all: `k8gb.dnsZones` with parent zone `{zone}` and load-balanced zone `{domain}`, and
  `k8gb.reconcileRequeueSeconds: {decided.value.interval.removesuffix("s")}`, which is how often it looks.

It delegates the zone to the regions itself where it may write to the parent zone, by external-dns.
Routing by latency needs the GeoIP database of its CoreDNS; for callers it does not know, all regions are named.

## Look

    kubectl --namespace {GATEWAY} get gslb {GLOBAL} --output yaml
    dig +short {domain}
"""


ABOVE: Final[dict[decisions.Form, Callable[[Landscape], str]]] = {
    "global-accelerator": _accelerator,
    "multi-cluster-gateway": _multi_cluster,
    "front-door": _front_door,
    "k8gb": _k8gb,
}

MOVES: Final[dict[decisions.Form, str]] = {
    "global-accelerator": """makes an accelerator of its own, with other addresses: let the domain lead to it, and
delete the old one when nobody asks it any more. Write the ARN of the load balancer of {old} into the facts, under
`entrances`, and take that of {new} out.""",
    "multi-cluster-gateway": """has to be made the configuration cluster of the fleet before its Gateway is acted on.
It gets another address: let the domain lead to it, and delete the old Gateway when nobody asks it any more.""",
    "front-door": """takes over the same profile, by its name in Azure. Let {old} go of it before anybody
deletes an object there, as a deletion would reach Azure:

    for kind in resourcegroup profile afdendpoint afdcustomdomain afdorigingroup afdorigin route.cdn.azure.com; do
      kubectl --context {old} --namespace gateway annotate "$kind" --all --overwrite \\
        serviceoperator.azure.com/reconcile-policy=detach-on-delete
    done""",
    "k8gb": "is only named first where the facts ask for one region before all others: each answers by itself.",
}


def _moves(landscape: Landscape, form: decisions.Form) -> str:
    """Say what becomes of what there is only one of, when the order of regions changes."""
    old, new, *_ = regions(landscape, widest(landscape))
    return f"""## Another region becomes the first

What there is one of is set up by the first region of the facts. Argo CD deletes nothing of it in {old}, so it goes on
while {new} {MOVES[form].format(old=old, new=new)}
"""
