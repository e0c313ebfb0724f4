"""Where a region is entered from above: the gateway's public Service, and the page that says the region is well."""

from collections.abc import Iterator
from typing import Any, Final

from fairway.core.artefact import Manifest, Site
from fairway.core.cluster import ENTRANCE, GATEWAY, GATEWAYS, HEALTHY_PATH
from fairway.core.facts import seconds
from fairway.core.labels import ANONYMOUS
from fairway.core.profile import Landscape
from fairway.stages.s11_recovery.build.objects import BALANCING, described, platform, short
from fairway.stages.s11_recovery.decisions import Balancer
from fairway_sdk.contract import REST_PORT

DOORS: Final = {"kong": (8000, 8443), "ambassador": (8080, 8443)}  # of the gateway's Pods: plain, with TLS
TOPIC: Final = "global load balancer"
AWS: Final = "service.beta.kubernetes.io/aws-load-balancer"
AZURE: Final = "service.beta.kubernetes.io/azure"
DNS_LABEL: Final = 63
AWS_NAME: Final = 32
ASKED_BY: Final = "Load balancers that ask whether the region is well have no token"


def service(landscape: Landscape, site: Site, balancer: Balancer) -> Manifest:
    """Open the gateway to what stands above the regions; Google's reaches its Pods by itself."""
    gateway = str(landscape.system.platform.gateway)
    plain, tls = DOORS[gateway]
    ports = [
        {"name": "https", "port": 443, "targetPort": tls, "appProtocol": "HTTPS"},
        {"name": "http", "port": 80, "targetPort": plain, "appProtocol": "http"},
    ]
    spec: dict[str, Any] = {"selector": {"app.kubernetes.io/name": GATEWAYS[gateway]}, "ports": ports}
    if balancer.form == "multi-cluster-gateway":
        spec = {"type": "ClusterIP", **spec}
    else:
        ports[0]["appProtocol"] = "https"
        spec = {"type": "LoadBalancer", "externalTrafficPolicy": "Local", **spec}
    if balancer.form == "global-accelerator":
        spec["loadBalancerClass"] = "service.k8s.aws/nlb"
    notes = annotations(landscape, site, balancer)
    return platform(
        "v1/Service", described(landscape, ENTRANCE, annotations=notes or None), {"spec": spec}, BALANCING, TOPIC
    )


def annotations(landscape: Landscape, site: Site, balancer: Balancer) -> dict[str, str]:
    """Tell the cloud's controller how its load balancer is called and how it looks at the gateway."""
    if balancer.form == "global-accelerator":
        return {
            f"{AWS}-name": short(f"{landscape.system.system}-{site.environment}", AWS_NAME),
            f"{AWS}-scheme": "internet-facing",
            f"{AWS}-nlb-target-type": "ip",
            # Limits count addresses, and without this all of them are the load balancer's.
            f"{AWS}-target-group-attributes": "preserve_client_ip.enabled=true",
            f"{AWS}-healthcheck-protocol": "TCP",
            f"{AWS}-healthcheck-port": "traffic-port",
            f"{AWS}-healthcheck-interval": f"{seconds(balancer.interval):g}",
            f"{AWS}-healthcheck-healthy-threshold": str(balancer.failures),
            f"{AWS}-healthcheck-unhealthy-threshold": str(balancer.failures),
        }
    if balancer.form == "front-door":
        return {
            f"{AZURE}-dns-label-name": label(landscape, site.environment, site.region),
            f"{AZURE}-allowed-service-tags": "AzureFrontDoor.Backend",
        }
    return {}


def label(landscape: Landscape, environment: str, region: str) -> str:
    """Name a region's load balancer on Azure: <label>.<region>.cloudapp.azure.com is its host name."""
    return short(f"{landscape.system.system}-{environment}-{region}", DNS_LABEL)


def healthy(landscape: Landscape, domain: str) -> Iterator[Manifest]:
    """Answer 200 through the gateway itself, for load balancers that take nothing else for well."""
    gateway = str(landscape.system.platform.gateway)
    if gateway == "kong":
        yield from _by_kong(landscape, domain)
        return
    mapping = {
        "hostname": domain,
        "prefix": HEALTHY_PATH,
        "prefix_exact": True,
        "rewrite": "/ambassador/v0/check_ready",
        "service": "127.0.0.1:8877",
        "bypass_auth": True,
    }
    open_to_all = {ANONYMOUS: ASKED_BY}
    metadata = described(landscape, "healthy", annotations=open_to_all)
    yield platform("getambassador.io/v3alpha1/Mapping", metadata, {"spec": mapping}, BALANCING, TOPIC)


def _by_kong(landscape: Landscape, domain: str) -> Iterator[Manifest]:
    system = landscape.system.system
    # The listener takes routes of the system's namespace; Kong ends the request before it goes anywhere.
    behind = next(profile.name for profile in landscape.services.values() if profile.exposed)
    plugins: dict[str, tuple[str, dict[str, Any]]] = {
        "healthy": ("request-termination", {"status_code": 200, "message": "well"}),
        "healthy-limits": ("rate-limiting", {"second": 100, "limit_by": "ip", "policy": "local"}),
    }
    for name, (plugin, config) in plugins.items():
        body = {"plugin": plugin, "config": config}
        yield platform(
            "configuration.konghq.com/v1/KongPlugin", described(landscape, name, system), body, BALANCING, TOPIC
        )
    notes = {ANONYMOUS: ASKED_BY, "konghq.com/plugins": ",".join(plugins), "konghq.com/protocols": "https"}
    route = {
        "parentRefs": [{"name": GATEWAYS["kong"], "namespace": GATEWAY, "sectionName": "https"}],
        "hostnames": [domain],
        "rules": [
            {
                "matches": [{"path": {"type": "Exact", "value": HEALTHY_PATH}}],
                "backendRefs": [{"name": behind, "port": REST_PORT}],
            }
        ],
    }
    metadata = described(landscape, "healthy", system, annotations=notes)
    yield platform("gateway.networking.k8s.io/v1/HTTPRoute", metadata, {"spec": route}, BALANCING, TOPIC)
