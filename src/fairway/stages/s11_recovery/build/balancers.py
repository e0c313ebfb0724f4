"""What stands above the regions, in the form that was decided; what there is only one of is set up in the first."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from fairway.core.artefact import Manifest, Site
from fairway.core.cluster import ENTRANCE, GATEWAY, GATEWAY_TLS, HEALTHY_PATH
from fairway.core.facts import seconds
from fairway.core.labels import KEPT
from fairway.core.profile import Landscape
from fairway.stages.s11_recovery import decisions
from fairway.stages.s11_recovery.build import entrance
from fairway.stages.s11_recovery.build.objects import (
    BALANCING,
    GLOBAL,
    ROUTING,
    above,
    described,
    platform,
    regions,
    short,
)
from fairway.stages.s11_recovery.decisions import Balancer, Form, Policy

TOPIC: Final = "global load balancer"
WAY: Final = "global routing"
GATEWAY_API: Final = "gateway.networking.k8s.io/v1"
CDN: Final = "cdn.azure.com/v1api20230501"
ACCELERATOR_NAME: Final = 64
AZURE_NAME: Final = 46
EVEN: Final = 1000  # weight of every origin on Azure: latency alone chooses among those of one priority


def manifests(landscape: Landscape, site: Site) -> Iterator[Manifest]:
    """Render what one site has of the load balancer above the regions; nothing where none stands above it."""
    decided, routed, domain = decisions.balancer(landscape), decisions.policy(landscape), above(landscape, site)
    if decided is None or decided.value is None or routed is None or domain is None:
        return
    yield entrance.service(landscape, site, decided.value)
    yield from BUILT[decided.value.form](landscape, site, decided.value, routed.value, domain)


def _accelerator(
    landscape: Landscape, site: Site, balancer: Balancer, policy: Policy, domain: str
) -> Iterator[Manifest]:
    """Render Global Accelerator: where a region's every endpoint fails, the share that it was given is ignored."""
    del balancer, domain
    home, *others = regions(landscape, site.environment)
    if site.region != home:
        return
    known = landscape.system.environments[site.environment].entrances
    own: dict[str, Any] = {"type": "Service", "name": ENTRANCE, "namespace": GATEWAY}
    groups: list[dict[str, Any]] = [{"region": home, "trafficDialPercentage": 100, "endpoints": [own]}]
    groups += [
        {
            "region": region,
            "trafficDialPercentage": 100 if policy == "latency" else 0,
            "endpoints": [{"type": "EndpointID", "endpointID": known[region]}],
        }
        for region in others
        if region in known
    ]
    ports = [{"fromPort": port, "toPort": port} for port in (443, 80)]
    spec = {
        "name": short(f"{landscape.system.system}-{site.environment}", ACCELERATOR_NAME),
        "ipAddressType": "IPV4",
        "listeners": [{"protocol": "TCP", "portRanges": ports, "clientAffinity": "NONE", "endpointGroups": groups}],
    }
    yield platform(
        "aga.k8s.aws/v1beta1/GlobalAccelerator", described(landscape, GLOBAL), {"spec": spec}, BALANCING, TOPIC
    )


def _multi_cluster(
    landscape: Landscape, site: Site, balancer: Balancer, policy: Policy, domain: str
) -> Iterator[Manifest]:
    """Render Google's multi-cluster Gateway; each region exports its entrance, the first one holds the routes."""
    yield platform("net.gke.io/v1/ServiceExport", described(landscape, ENTRANCE), {}, BALANCING, TOPIC)
    yield from entrance.healthy(landscape, domain)
    if site.region != regions(landscape, site.environment)[0]:
        return
    imported = {"group": "net.gke.io", "kind": "ServiceImport", "name": ENTRANCE}
    listeners = [
        {"name": "http", "port": 80, "protocol": "HTTP", "hostname": domain},
        {
            "name": "https",
            "port": 443,
            "protocol": "HTTPS",
            "hostname": domain,
            "tls": {"mode": "Terminate", "certificateRefs": [{"name": GATEWAY_TLS}]},
        },
    ]
    own = {"allowedRoutes": {"namespaces": {"from": "Same"}}}
    spec: dict[str, Any] = {
        "gatewayClassName": "gke-l7-global-external-managed-mc",
        "listeners": [listener | own for listener in listeners],
    }
    yield platform(f"{GATEWAY_API}/Gateway", described(landscape, GLOBAL), {"spec": spec}, BALANCING, TOPIC)
    to_https = {"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}
    rules: dict[str, tuple[str, dict[str, Any]]] = {
        GLOBAL: ("https", {"backendRefs": [{**imported, "port": 443}]}),
        f"{GLOBAL}-to-https": ("http", {"filters": [to_https]}),
    }
    for name, (listener, rule) in rules.items():
        parent = {"name": GLOBAL, "namespace": GATEWAY, "sectionName": listener}
        route = {"parentRefs": [parent], "hostnames": [domain], "rules": [rule]}
        yield platform(f"{GATEWAY_API}/HTTPRoute", described(landscape, name), {"spec": route}, BALANCING, TOPIC)
    asked = {"host": domain, "requestPath": HEALTHY_PATH, "portSpecification": "USE_SERVING_PORT"}
    health = {
        "checkIntervalSec": int(seconds(balancer.interval)),
        "timeoutSec": min(5, int(seconds(balancer.interval))),
        "healthyThreshold": 1,
        "unhealthyThreshold": balancer.failures,
        "config": {"type": "HTTPS", "httpsHealthCheck": asked},
    }
    yield platform(
        "networking.gke.io/v1/HealthCheckPolicy",
        described(landscape, ENTRANCE),
        {"spec": {"default": health, "targetRef": imported}},
        BALANCING,
        TOPIC,
    )
    if policy == "availability":
        preferred = {
            "default": {"backendPreference": "PREFERRED"},
            "targetRef": {"group": "net.gke.io", "kind": "ServiceExport", "name": ENTRANCE},
        }
        metadata = described(landscape, ENTRANCE)
        yield platform("networking.gke.io/v1/GCPBackendPolicy", metadata, {"spec": preferred}, ROUTING, WAY)


def _front_door(
    landscape: Landscape, site: Site, balancer: Balancer, policy: Policy, domain: str
) -> Iterator[Manifest]:
    """Render Azure Front Door by objects of Azure Service Operator, one for each region behind it."""
    yield from entrance.healthy(landscape, domain)
    home, *others = regions(landscape, site.environment)
    if site.region != home:
        return
    named = short(f"{landscape.system.system}-{site.environment}", AZURE_NAME)

    def made(kind: str, spec: dict[str, Any], name: str = GLOBAL) -> Manifest:
        routing = kind == f"{CDN}/AfdOrigin"
        rule, topic = (ROUTING, WAY) if routing else (BALANCING, TOPIC)
        return platform(kind, described(landscape, name, annotations=KEPT), {"spec": spec}, rule, topic)

    owner = {"owner": {"name": GLOBAL}}
    yield made("resources.azure.com/v1api20200601/ResourceGroup", {"azureName": f"{named}-global", "location": home})
    everywhere = {"azureName": named, "location": "Global", **owner}
    yield made(f"{CDN}/Profile", {**everywhere, "sku": {"name": "Standard_AzureFrontDoor"}})
    yield made(f"{CDN}/AfdEndpoint", {**everywhere, "enabledState": "Enabled"})
    yield made(
        f"{CDN}/AfdCustomDomain",
        {
            "azureName": domain.replace(".", "-"),
            "hostName": domain,
            "tlsSettings": {"certificateType": "ManagedCertificate", "minimumTlsVersion": "TLS12"},
            **owner,
        },
    )
    probe = {
        "probeIntervalInSeconds": int(seconds(balancer.interval)),
        "probePath": HEALTHY_PATH,
        "probeProtocol": "Https",
        "probeRequestType": "GET",
    }
    # None of the last so many answers was good: that is what leaves a region out.
    counted = {
        "sampleSize": balancer.failures,
        "successfulSamplesRequired": 1,
        "additionalLatencyInMilliseconds": 50,
    }
    group = {"azureName": ENTRANCE, "healthProbeSettings": probe, "loadBalancingSettings": counted, **owner}
    yield made(f"{CDN}/AfdOriginGroup", {**group, "sessionAffinityState": "Disabled"})
    for number, region in enumerate((home, *others), 1):
        origin = {
            "azureName": region,
            "hostName": f"{entrance.label(landscape, site.environment, region)}.{region}.cloudapp.azure.com",
            "originHostHeader": domain,
            "httpsPort": 443,
            "enabledState": "Enabled",
            # The host name is Azure's own, and the certificate is the domain's.
            "enforceCertificateNameCheck": False,
            "priority": 1 if policy == "latency" else min(number, 5),
            "weight": EVEN,
            **owner,
        }
        yield made(f"{CDN}/AfdOrigin", origin, region)
    route = {
        "azureName": GLOBAL,
        "customDomains": [{"reference": _to("AfdCustomDomain")}],
        "originGroup": {"reference": _to("AfdOriginGroup")},
        "patternsToMatch": ["/*"],
        "supportedProtocols": ["Http", "Https"],
        "httpsRedirect": "Enabled",
        "forwardingProtocol": "HttpsOnly",
        "linkToDefaultDomain": "Disabled",
        "enabledState": "Enabled",
        **owner,
    }
    yield made(f"{CDN}/Route", route)


def _to(kind: str) -> dict[str, str]:
    return {"group": "cdn.azure.com", "kind": kind, "name": GLOBAL}


def _k8gb(landscape: Landscape, site: Site, balancer: Balancer, policy: Policy, domain: str) -> Iterator[Manifest]:
    """Render k8gb's resource, the same in every region: each answers for the domain, by those that are well."""
    home = regions(landscape, site.environment)[0]
    strategy: dict[str, Any] = {"type": "geoip"}
    if policy == "availability":
        strategy = {"type": "failover", "primaryGeoTag": home}
    strategy["dnsTtlSeconds"] = int(seconds(balancer.kept or "30s"))
    reference = {"apiVersion": "v1", "kind": "Service", "name": ENTRANCE}
    metadata = described(landscape, GLOBAL, annotations={"k8gb.io/hostname": domain})
    made = platform(
        "k8gb.io/v1beta1/Gslb", metadata, {"spec": {"resourceRef": reference, "strategy": strategy}}, BALANCING, TOPIC
    )
    yield made


BUILT: Final[dict[Form, Callable[[Landscape, Site, Balancer, Policy, str], Iterator[Manifest]]]] = {
    "global-accelerator": _accelerator,
    "multi-cluster-gateway": _multi_cluster,
    "front-door": _front_door,
    "k8gb": _k8gb,
}
