"""Kong as the gateway: its class, its proxies, its listeners, and the issuers whose tokens it verifies."""

from collections.abc import Iterator
from typing import Any, Final

from fairway.core.artefact import Manifest, Site
from fairway.core.cluster import GATEWAY, GATEWAY_CLIENTS, GATEWAY_TLS, GATEWAYS, IDENTITY, UNMESHED_IN
from fairway.core.images import IMAGES
from fairway.core.profile import Landscape
from fairway.core.secrets import external_secret
from fairway.stages.s05_gateway.binding import issuers
from fairway.stages.s05_gateway.build.objects import HARDENED, PUBLIC, described, monitor, platform, selector

KONG: Final = GATEWAYS["kong"]
KEYS_REFRESHED: Final = "5m"
STATUS_PORT: Final = 8100
AUTHORITY: Final = "/etc/gateway/client"
USER: Final = 1000  # the image names its user by a word, which the kubelet cannot tell from root
WRITTEN: Final = {"prefix": "/var/kong", "scratch": "/tmp"}  # noqa: S108 - the container's own, sized
TOKENS: Final = "gateway/jwt"


def manifests(landscape: Landscape, site: Site, domain: str) -> Iterator[Manifest]:
    """Render everything of Kong that is not of one service."""
    yield platform("v1", "ServiceAccount", described(landscape, KONG), {"automountServiceAccountToken": False})
    configured = {
        "group": "gateway-operator.konghq.com",
        "kind": "GatewayConfiguration",
        "name": KONG,
        "namespace": GATEWAY,
    }
    yield platform(
        "gateway.networking.k8s.io/v1",
        "GatewayClass",
        described(landscape, KONG, ""),
        {"spec": {"controllerName": "konghq.com/gateway-operator", "parametersRef": configured}},
    )
    if landscape.system.platform.routes == "ingress":
        controller = {"spec": {"controller": "ingress-controllers.konghq.com/kong"}}
        yield platform("networking.k8s.io/v1", "IngressClass", described(landscape, KONG, ""), controller)
    yield platform(
        "gateway-operator.konghq.com/v2beta1",
        "GatewayConfiguration",
        described(landscape, KONG),
        {"spec": _configuration(landscape, site)},
    )
    yield platform(
        "gateway.networking.k8s.io/v1", "Gateway", described(landscape, KONG), {"spec": _listeners(domain, landscape)}
    )
    yield _to_https(landscape, domain)
    counting = {"plugin": "prometheus", "config": {"status_code_metrics": True, "latency_metrics": True}}
    everywhere = described(
        landscape,
        "prometheus",
        "",
        labels={"global": "true"},
        annotations={"kubernetes.io/ingress.class": KONG},
    )
    yield platform("configuration.konghq.com/v1", "KongClusterPlugin", everywhere, counting)
    yield monitor(landscape, KONG, GATEWAY, selector(landscape, KONG), STATUS_PORT, "/metrics")
    for number, issuer in enumerate(issuers(landscape, site)):
        if issuer["issuer"] not in [one["issuer"] for one in issuers(landscape, site)[:number]]:
            yield from _consumer(landscape, site, str(issuer["issuer"]))


def _configuration(landscape: Landscape, site: Site) -> dict[str, Any]:
    public = {"type": "LoadBalancer", "externalTrafficPolicy": "Local"}
    if len(landscape.system.environments[site.environment].regions or landscape.system.regions) > 1:
        public = {"type": "ClusterIP"}  # what stands above the regions comes in by a Service of its own
    annotations: dict[str, str] = {}
    if landscape.mesh:
        # The outside is not of the mesh: what comes in is Kong's alone, what goes out is the mesh's.
        annotations = UNMESHED_IN
    settings = {
        "KONG_UNTRUSTED_LUA": "sandbox",
        "KONG_UNTRUSTED_LUA_SANDBOX_REQUIRES": "cjson.safe",
        "KONG_ANONYMOUS_REPORTS": "off",
        "KONG_HEADERS": "off",  # a stranger need not know what stands here
        "KONG_PREFIX": WRITTEN["prefix"],
    }
    mounts: list[dict[str, Any]] = [{"name": name, "mountPath": folder} for name, folder in WRITTEN.items()]
    volumes: list[dict[str, Any]] = [{"name": name, "emptyDir": {"sizeLimit": "256Mi"}} for name in WRITTEN]
    if not landscape.mesh:
        settings["KONG_LUA_SSL_TRUSTED_CERTIFICATE"] = f"system,{AUTHORITY}/ca.crt"
        mounts.append({"name": "client", "mountPath": AUTHORITY, "readOnly": True})
        volumes.append({"name": "client", "secret": {"secretName": GATEWAY_CLIENTS["kong"]}})
    proxy: dict[str, Any] = {
        "name": "proxy",
        "image": IMAGES["kong"],
        "env": [{"name": name, "value": value} for name, value in settings.items()],
        "resources": {"requests": {"cpu": "500m", "memory": "512Mi"}, "limits": {"cpu": "2000m", "memory": "1Gi"}},
        "securityContext": HARDENED,
        "volumeMounts": mounts,
    }
    pod = {
        "serviceAccountName": KONG,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [proxy],
        "volumes": volumes,
    }
    labels = selector(landscape, KONG)
    return {
        "controlPlaneOptions": {"ingressClass": KONG},
        "dataPlaneOptions": {
            "deployment": {
                "scaling": {"horizontal": {"minReplicas": 2, "maxReplicas": 10, "metrics": [_busy()]}},
                "podTemplateSpec": {
                    "metadata": {"labels": labels, **({"annotations": annotations} if annotations else {})},
                    "spec": pod,
                },
            },
            "network": {"services": {"ingress": public}},
            "resources": {"podDisruptionBudget": {"spec": {"maxUnavailable": 1}}},
        },
    }


def _busy() -> dict[str, Any]:
    return {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
    }


def _listeners(domain: str, landscape: Landscape) -> dict[str, Any]:
    own = {"namespaces": {"from": "Same"}}
    known = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": [landscape.system.system, IDENTITY]}
    system = {"namespaces": {"from": "Selector", "selector": {"matchExpressions": [known]}}}
    tls = {"mode": "Terminate", "certificateRefs": [{"name": GATEWAY_TLS}]}
    return {
        "gatewayClassName": KONG,
        "listeners": [
            {"name": "http", "port": 80, "protocol": "HTTP", "hostname": domain, "allowedRoutes": own},
            {
                "name": "https",
                "port": 443,
                "protocol": "HTTPS",
                "hostname": domain,
                "tls": tls,
                "allowedRoutes": system,
            },
        ],
    }


def _to_https(landscape: Landscape, domain: str) -> Manifest:
    redirect = {"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}
    return platform(
        "gateway.networking.k8s.io/v1",
        "HTTPRoute",
        described(landscape, "to-https"),
        {
            "spec": {
                "parentRefs": [{"name": KONG, "namespace": GATEWAY, "sectionName": "http"}],
                "hostnames": [domain],
                "rules": [{"filters": [redirect]}],
            }
        },
        PUBLIC,
        "public route",
    )


def _consumer(landscape: Landscape, site: Site, issuer: str) -> Iterator[Manifest]:
    """Make an issuer known by the key it signs with; a token that names another issuer finds no key."""
    names = {one.issuer: name for name, one in landscape.system.identity_providers.items()}
    name = f"issuer-{names.get(issuer, 'federation')}"
    system = landscape.system.system
    metadata = described(landscape, name, system, annotations={"kubernetes.io/ingress.class": KONG})
    yield platform(
        "configuration.konghq.com/v1",
        "KongConsumer",
        metadata,
        {"username": name, "credentials": [f"{name}-key"]},
        TOKENS,
        "authentication",
    )
    template = {
        "engineVersion": "v2",
        "metadata": {"labels": {"konghq.com/credential": "jwt"}},
        "data": {
            "key": issuer,
            "algorithm": "{{ .algorithm }}",
            "rsa_public_key": '{{ index . "public-key" }}',
        },
    }
    entries = {"algorithm": (GATEWAY, f"{name}-algorithm"), "public-key": (GATEWAY, f"{name}-public-key")}
    described_key = described(landscape, f"{name}-key", system)
    found = external_secret(landscape, site, described_key, entries, refresh=KEYS_REFRESHED, template=template)
    yield Manifest(path=f"platform/externalsecret-{name}-key.yaml", rule=TOKENS, topic="authentication", object=found)
