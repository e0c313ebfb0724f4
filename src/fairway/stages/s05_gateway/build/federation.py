"""Dex, which joins several identity providers: its replicas, its configuration, and where it stands in public."""

from collections.abc import Iterator
from typing import Any, Final

from fairway.core.artefact import Manifest, Site
from fairway.core.cluster import (
    FEDERATION,
    FEDERATION_PATH,
    FEDERATION_PORT,
    GATEWAY,
    GATEWAY_LIMITS,
    GATEWAY_TLS,
    GATEWAYS,
    IDENTITY,
    host,
)
from fairway.core.labels import ANONYMOUS
from fairway.core.profile import Landscape
from fairway.core.secrets import external_secret
from fairway.stages.s05_gateway.build.objects import Program, described, namespace, platform, program, watched
from fairway.stages.s05_gateway.decisions import SIGN_IN, TENANT_CLAIM, authentication, federation
from fairway.yaml.writer import write_document

RULE: Final = "gateway/federated-identity"
OPEN: Final = {ANONYMOUS: "People who sign in have no token yet"}
TOPIC: Final = "federation"
TELEMETRY_PORT: Final = 5558
CONFIGURATION: Final = "/etc/dex"
REFRESHED: Final = "15m"
OBJECTS: Final = (
    "authcodes",
    "authrequests",
    "connectors",
    "devicerequests",
    "devicetokens",
    "oauth2clients",
    "offlinesessionses",
    "passwords",
    "refreshtokens",
    "signingkeies",
)
DEX: Final = Program(
    name=FEDERATION,
    namespace=IDENTITY,
    image="dex",
    user=1001,
    rule=RULE,
    topic=TOPIC,
    args=("dex", "serve", f"{CONFIGURATION}/config.yaml"),
    ports={"http": FEDERATION_PORT, "telemetry": TELEMETRY_PORT},
    ready={"httpGet": {"path": "/healthz/ready", "port": "telemetry"}},
    live={"httpGet": {"path": "/healthz/live", "port": "telemetry"}},
    mounted={FEDERATION: CONFIGURATION},
    token=True,
    metrics=(TELEMETRY_PORT, "/metrics"),
)
# Kong holds fixed keys: Dex keeps its own until somebody changes both. Elsewhere they change by themselves.
KEYS_LAST: Final = {"kong": "87600h", "ambassador": "24h"}


def manifests(landscape: Landscape, site: Site, domain: str) -> Iterator[Manifest]:
    """Render Dex where several providers vouch for callers; nothing where there is one."""
    joined = federation(landscape)
    if joined is None or site.environment not in joined.value.issuers:
        return
    yield namespace(landscape, IDENTITY, RULE, TOPIC)
    yield from watched(landscape, IDENTITY, RULE, TOPIC)
    issuer = joined.value.issuers[site.environment]
    entries = {
        f"{_word(name)}{part}": (FEDERATION, f"{name}-{word}")
        for name in joined.value.providers
        for part, word in (("Id", "client-id"), ("Secret", "client-secret"))
    }
    text = write_document(_configuration(landscape, issuer, domain))
    template = {"engineVersion": "v2", "data": {"config.yaml": text}}
    secret = external_secret(
        landscape, site, described(landscape, FEDERATION, IDENTITY), entries, refresh=REFRESHED, template=template
    )
    yield Manifest(path=f"platform/externalsecret-{FEDERATION}.yaml", rule=RULE, topic=TOPIC, object=secret)
    yield from program(landscape, DEX)
    yield from _rights(landscape)
    if system_gateway(landscape) == "kong":
        yield _limit(landscape)
    yield _public(landscape, domain)


def _limit(landscape: Landscape) -> Manifest:
    """Count requests of each address: who signs in has no token yet."""
    config = {
        "second": SIGN_IN.burst,
        "minute": SIGN_IN.per_second * 60,
        "limit_by": "ip",
        "policy": "redis",
        "redis": {"host": host(GATEWAY_LIMITS, GATEWAY), "port": 6379},
        "fault_tolerant": True,
        "error_code": 429,
    }
    metadata = described(landscape, f"{FEDERATION}-limits", IDENTITY)
    body = {"plugin": "rate-limiting", "config": config}
    return platform("configuration.konghq.com/v1", "KongPlugin", metadata, body, "gateway/rate-limit", "rate limits")


def system_gateway(landscape: Landscape) -> str:
    """Name the gateway that is chosen."""
    return str(landscape.system.platform.gateway)


def _configuration(landscape: Landscape, issuer: str, domain: str) -> dict[str, Any]:
    system = landscape.system
    exposed = [profile for profile in landscape.services.values() if profile.exposed]
    audiences: dict[str, None] = {}
    for profile in exposed:
        wanted = authentication(profile).value
        audiences |= {one.audience: None for one in (wanted.issuers if wanted else ())}
    back = [f"https://{domain}/{profile.name}/callback" for profile in exposed]
    return {
        "issuer": issuer,
        "storage": {"type": "kubernetes", "config": {"inCluster": True}},
        "web": {"http": f"0.0.0.0:{FEDERATION_PORT}"},
        "telemetry": {"http": f"0.0.0.0:{TELEMETRY_PORT}"},
        "expiry": {
            "idTokens": "15m",
            "signingKeys": KEYS_LAST[str(system.platform.gateway)],
            "refreshTokens": {"validIfNotUsedFor": "24h", "absoluteLifetime": "168h", "reuseInterval": "3s"},
        },
        "oauth2": {"responseTypes": ["code"], "skipApprovalScreen": True},
        "staticClients": [
            {"id": audience, "name": system.system, "public": True, "redirectURIs": back} for audience in audiences
        ],
        "connectors": [
            {"type": "oidc", "id": name, "name": name, "config": _connector(name, provider.issuer, issuer, landscape)}
            for name, provider in system.identity_providers.items()
        ],
    }


def _connector(name: str, provider: str, issuer: str, landscape: Landscape) -> dict[str, Any]:
    """Describe one provider; the tenant it names becomes a group, as Dex passes on no claim of its own kind."""
    found: dict[str, Any] = {
        "issuer": provider,
        "clientID": f"{{{{ .{_word(name)}Id }}}}",
        "clientSecret": f"{{{{ .{_word(name)}Secret }}}}",
        "redirectURI": f"{issuer}/callback",
        "scopes": ["openid", "profile", "email"],
    }
    if landscape.system.tenants is not None:
        group = {"prefix": TENANT_CLAIM, "delimiter": ":", "claims": [TENANT_CLAIM]}
        found |= {"insecureEnableGroups": True, "claimModifications": {"newGroupFromClaims": [group]}}
    return found


def _rights(landscape: Landscape) -> Iterator[Manifest]:
    """Let Dex keep its own objects, in its own namespace, and define their kinds once."""
    account = {"kind": "ServiceAccount", "name": FEDERATION, "namespace": IDENTITY}
    group = "rbac.authorization.k8s.io"
    keeping = {
        "apiGroups": ["dex.coreos.com"],
        "resources": list(OBJECTS),
        "verbs": ["create", "delete", "get", "list", "update", "watch"],
    }
    defining = {
        "apiGroups": ["apiextensions.k8s.io"],
        "resources": ["customresourcedefinitions"],
        "verbs": ["create", "get", "list"],
    }
    for kind, rule, place in (("Role", keeping, IDENTITY), ("ClusterRole", defining, "")):
        metadata = described(landscape, FEDERATION, place)
        yield platform(f"{group}/v1", kind, metadata, {"rules": [rule]}, RULE, TOPIC)
        bound = {"roleRef": {"apiGroup": group, "kind": kind, "name": FEDERATION}, "subjects": [account]}
        yield platform(f"{group}/v1", f"{kind}Binding", metadata, bound, RULE, TOPIC)


def _public(landscape: Landscape, domain: str) -> Manifest:
    """Lead the federation's path to it: it is where people sign in, so it is open."""
    system = landscape.system
    if system.platform.gateway == "ambassador":
        spec: dict[str, Any] = {
            "hostname": domain,
            "prefix": f"{FEDERATION_PATH}/",
            "rewrite": f"{FEDERATION_PATH}/",
            "service": f"http://{host(FEDERATION, IDENTITY)}:{FEDERATION_PORT}",
            "labels": {"ambassador": [{"unknown": [_of(FEDERATION), {"remote_address": {"key": "remote_address"}}]}]},
        }
        found = platform(
            "getambassador.io/v3alpha1",
            "Mapping",
            described(landscape, FEDERATION, IDENTITY, annotations=OPEN),
            {"spec": spec},
        )
    elif system.platform.routes == "ingress":
        backend = {"service": {"name": FEDERATION, "port": {"number": FEDERATION_PORT}}}
        paths = [{"path": FEDERATION_PATH, "pathType": "Prefix", "backend": backend}]
        spec = {
            "ingressClassName": GATEWAYS["kong"],
            "tls": [{"hosts": [domain], "secretName": GATEWAY_TLS}],
            "rules": [{"host": domain, "http": {"paths": paths}}],
        }
        metadata = described(landscape, FEDERATION, IDENTITY, annotations=_plugins())
        found = platform("networking.k8s.io/v1", "Ingress", metadata, {"spec": spec})
    else:
        match = {"path": {"type": "PathPrefix", "value": FEDERATION_PATH}}
        spec = {
            "parentRefs": [{"name": GATEWAYS["kong"], "namespace": GATEWAY, "sectionName": "https"}],
            "hostnames": [domain],
            "rules": [{"matches": [match], "backendRefs": [{"name": FEDERATION, "port": FEDERATION_PORT}]}],
        }
        metadata = described(landscape, FEDERATION, IDENTITY, annotations=_plugins())
        found = platform("gateway.networking.k8s.io/v1", "HTTPRoute", metadata, {"spec": spec})
    return Manifest(path=found.path, rule=RULE, topic=TOPIC, object=found.object)


def _of(service: str) -> dict[str, Any]:
    return {"generic_key": {"key": "service", "value": service}}


def _plugins() -> dict[str, str]:
    plugins = {"konghq.com/plugins": f"{FEDERATION}-limits", "konghq.com/strip-path": "false"}
    return {**OPEN, **plugins, "konghq.com/protocols": "https"}


def _word(name: str) -> str:
    """Make a name of a template's variable from a provider's."""
    first, *rest = name.split("-")
    return first + "".join(part.capitalize() for part in rest)
