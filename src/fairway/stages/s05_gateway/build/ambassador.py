"""Ambassador's open form as the gateway: where it listens, whom it asks about tokens, and who counts for it."""

from collections.abc import Iterator
from typing import Any, Final

from fairway.core.artefact import Manifest, Site
from fairway.core.cluster import (
    CHALLENGE,
    GATEWAY,
    GATEWAY_CLIENTS,
    GATEWAY_LIMITS,
    GATEWAY_TLS,
    GATEWAYS,
    RATE_LIMITER,
    TOKEN_CHECKER,
    host,
)
from fairway.core.labels import ANONYMOUS
from fairway.core.profile import Landscape
from fairway.stages.s05_gateway.build import certificates, token_checker
from fairway.stages.s05_gateway.build.objects import NAME, Program, described, monitor, platform, program
from fairway.stages.s05_gateway.decisions import SIGN_IN, Limit, rate_limits
from fairway.yaml.writer import write_document
from fairway_sdk.contract import TENANT_HEADER
from fairway_sdk.contract.binding import Binding

API: Final = "getambassador.io/v3alpha1"
RATES: Final = "gateway/rate-limit"
RATES_TOPIC: Final = "rate limits"
DOMAIN: Final = "ambassador"
GRPC_PORT: Final = 8081
HTTP_PORT: Final = 8080
REDIS_PORT: Final = 6379
METRICS_PORT: Final = 9090
ADMIN_PORT: Final = 8877


def manifests(landscape: Landscape, site: Site, domain: str) -> Iterator[Manifest]:
    """Render everything of Ambassador that is not of one service."""
    for name, port, protocol in (("http", 8080, "HTTP"), ("https", 8443, "HTTPS")):
        # Nobody stands before it whose word about the outside it could take.
        spec: dict[str, Any] = {
            "port": port,
            "protocol": protocol,
            "securityModel": "INSECURE" if name == "http" else "SECURE",
            "hostBinding": {"namespace": {"from": "ALL"}},
        }
        yield platform(API, "Listener", described(landscape, name), {"spec": spec})
    public = {
        "hostname": domain,
        "tlsSecret": {"name": GATEWAY_TLS},
        "tls": {"min_tls_version": "v1.2"},
        "requestPolicy": {"insecure": {"action": "Redirect"}},
    }
    yield platform(API, "Host", described(landscape, "public"), {"spec": public}, topic="public route")
    yield platform(API, "Module", described(landscape, DOMAIN), {"spec": {"config": _settings()}})
    yield monitor(landscape, GATEWAYS["ambassador"], GATEWAY, {NAME: GATEWAYS["ambassador"]}, ADMIN_PORT, "/metrics")
    if certificates.proof(landscape, site).by == "http":
        yield from _challenge(landscape, domain)
    if not landscape.mesh:
        own = GATEWAY_CLIENTS["ambassador"]
        tls = {"secret": own, "ca_secret": own, "min_tls_version": "v1.2"}
        yield platform(API, "TLSContext", described(landscape, own), {"spec": tls})
    asked = {
        "auth_service": f"{host(TOKEN_CHECKER, GATEWAY)}:{token_checker.PORT}",
        "proto": "http",
        "protocol_version": "v3",
        "timeout_ms": 500,
        "allowed_request_headers": ["authorization"],
        "allowed_authorization_headers": [
            token_checker.CONSUMER_HEADER,
            token_checker.UNKNOWN_HEADER,
            TENANT_HEADER,
            token_checker.REMOVED,
        ],
        "failure_mode_allow": False,
    }
    yield platform(
        API,
        "AuthService",
        described(landscape, TOKEN_CHECKER),
        {"spec": asked},
        token_checker.RULE,
        token_checker.TOPIC,
    )
    yield from token_checker.manifests(landscape, site)
    counted = {
        "service": f"{host(RATE_LIMITER, GATEWAY)}:{GRPC_PORT}",
        "domain": DOMAIN,
        "protocol_version": "v3",
        "timeout_ms": 100,
    }
    yield platform(API, "RateLimitService", described(landscape, RATE_LIMITER), {"spec": counted}, RATES, RATES_TOPIC)
    yield from program(landscape, rates(landscape))


def _challenge(landscape: Landscape, domain: str) -> Iterator[Manifest]:
    """Lead the issuer of public certificates to its answer: in plain text, and asked for no token."""
    port = certificates.SOLVER_PORT
    ports = [{"name": "http", "port": port, "targetPort": port, "appProtocol": "http"}]
    spec = {"selector": certificates.SOLVER, "ports": ports}
    topic = certificates.TOPIC
    yield platform("v1", "Service", described(landscape, CHALLENGE), {"spec": spec}, topic=topic)
    # By this prefix, to the letter, Ambassador knows what it must not redirect.
    mapping = {
        "hostname": domain,
        "prefix": "/.well-known/acme-challenge/",
        "rewrite": "",
        "service": f"http://{host(CHALLENGE, GATEWAY)}:{port}",
        "bypass_auth": True,
    }
    open_to_all = {ANONYMOUS: "The issuer of certificates has no token"}
    metadata = described(landscape, CHALLENGE, annotations=open_to_all)
    yield platform(API, "Mapping", metadata, {"spec": mapping}, topic=topic)


def rates(landscape: Landscape) -> Program:
    """Describe the counter that Ambassador asks about each request."""
    return Program(
        name=RATE_LIMITER,
        namespace=GATEWAY,
        image="ratelimit",
        user=65532,
        rule=RATES,
        topic=RATES_TOPIC,
        command=("/bin/ratelimit",),
        settings={
            "BACKEND_TYPE": "redis",
            "REDIS_SOCKET_TYPE": "tcp",
            "REDIS_URL": f"{host(GATEWAY_LIMITS, GATEWAY)}:{REDIS_PORT}",
            "RUNTIME_ROOT": "/data",
            "RUNTIME_SUBDIRECTORY": "ratelimit",
            "RUNTIME_WATCH_ROOT": "false",
            "USE_STATSD": "false",
            "USE_PROMETHEUS": "true",
            "LOG_FORMAT": "json",
        },
        ports={"grpc": GRPC_PORT, "http": HTTP_PORT, "metrics": METRICS_PORT},
        ready={"httpGet": {"path": "/healthcheck", "port": "http"}},
        live={"tcpSocket": {"port": "grpc"}},
        files={"limits.yaml": write_document(_limits(landscape))},
        folder="/data/ratelimit/config",
        metrics=(METRICS_PORT, "/metrics"),
    )


def _settings() -> dict[str, Any]:
    return {
        "merge_slashes": True,
        "reject_requests_with_escaped_slashes": True,
        "headers_with_underscores_action": "REJECT_REQUEST",
        "strip_matching_host_port": True,
        "use_remote_address": True,
        "xff_num_trusted_hops": 0,
        "server_name": "gateway",
        "suppress_envoy_headers": True,
        "buffer": {"max_request_bytes": Binding(service="").largest_body},
        "diagnostics": {"enabled": False},
    }


def _limits(landscape: Landscape) -> dict[str, Any]:
    """Write what each label may be counted up to: a route, a consumer of it, an address without a token."""
    descriptors: list[dict[str, Any]] = []
    for profile in landscape.services.values():
        if not profile.exposed:
            continue
        limits = rate_limits(profile).value
        consumer = {"key": "consumer", "rate_limit": _minute(limits.consumer)}
        address = {"key": "remote_address", "rate_limit": _minute(limits.anonymous)}
        descriptors.append(
            {
                "key": "service",
                "value": profile.name,
                "rate_limit": {"unit": "second", "requests_per_unit": limits.route.per_second},
                "descriptors": [consumer, {"key": "unknown", "descriptors": [address]}],
            }
        )
    address = {"key": "remote_address", "rate_limit": _minute(SIGN_IN)}
    descriptors.append({"key": "service", "value": "dex", "descriptors": [address]})
    return {"domain": DOMAIN, "descriptors": descriptors}


def _minute(limit: Limit) -> dict[str, Any]:
    """Count a minute's worth, so that what comes at once is a burst and no more than the rate over time."""
    return {"unit": "minute", "requests_per_unit": limit.per_second * 60}
