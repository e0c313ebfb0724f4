"""Public routes for Kong: HTTPRoutes or Ingresses, and the plugins that check and count on each."""

from collections.abc import Iterator
from typing import Any, Final

from fairway.core.artefact import Manifest
from fairway.core.cluster import GATEWAY, GATEWAY_LIMITS, GATEWAY_TLS, GATEWAYS, host
from fairway.core.labels import ANONYMOUS
from fairway.core.open_routes import OpenRoute
from fairway.core.traffic import Limit
from fairway.targets.kubernetes.kong_door import door
from fairway.targets.kubernetes.public_route import CONSUMER_HEADER, Route
from fairway_sdk.contract import REST_PORT
from fairway_sdk.contract.binding import Binding

KONG: Final = GATEWAYS["kong"]
MEGABYTE: Final = 1 << 20
PLUGIN: Final = "configuration.konghq.com/v1/KongPlugin"
COUNTER_PORT: Final = 6379
DECLARED: Final = "Declared as a route that needs no token"
BODY: Final = max(1, Binding(service="").largest_body // MEGABYTE)


def manifests(route: Route, *, ingress: bool) -> Iterator[Manifest]:
    """Render the plugins and routes of one service: those that take a token, and those that need none."""
    public = route.public
    open_routes = route.open_routes
    if public.open_to_all or open_routes:
        yield _plugin(route, "open-door", "pre-function", {"access": [door(route, closed=False)]}, "prefix")
        counted = _limit(public.unknown, {"limit_by": "ip"})
        yield _plugin(route, "open-limits", "rate-limiting", counted, "unknown")
    if route.closed:
        yield _plugin(route, "door", "pre-function", {"access": [door(route, closed=True)]}, "issuers")
        # Kong looks for a token in queries and cookies unless it is told not to; both end up in logs.
        tokens = {
            "key_claim_name": "iss",
            "claims_to_verify": ["exp"],
            "header_names": ["authorization"],
            "uri_param_names": [],
            "cookie_names": [],
        }
        yield _plugin(route, "tokens", "jwt", tokens, "issuers")
        counted = _limit(public.consumer, {"limit_by": "header", "header_name": CONSUMER_HEADER})
        yield _plugin(route, "limits", "rate-limiting", counted, "consumer")
    if not (route.closed or public.open_to_all or open_routes):
        return
    yield _plugin(route, "clean", "request-transformer", {"remove": {"headers": [CONSUMER_HEADER]}}, "consumer")
    size = {"allowed_payload_size": BODY, "size_unit": "megabytes", "require_content_length": False}
    yield _plugin(route, "size", "request-size-limiting", size, "prefix")
    open_plugins, closed_plugins = (
        ("open-door", "open-limits", "clean", "size"),
        ("door", "tokens", "limits", "clean", "size"),
    )
    whole = open_plugins if public.open_to_all else closed_plugins
    if not ingress:
        if open_routes:
            yield _http_route(route, "open", open_routes, open_plugins)
        if public.open_to_all or route.closed:
            yield _http_route(route, "", (), whole)
        return
    # An Ingress is of one set of methods.
    for method in dict.fromkeys(one.method for one in open_routes):
        of_method = tuple(one for one in open_routes if one.method == method)
        yield _ingress(route, "-".join(filter(None, ("open", method.lower()))), of_method, open_plugins)
    if public.open_to_all or route.closed:
        yield _ingress(route, "", (), whole)


def _plugin(route: Route, name: str, plugin: str, config: dict[str, Any], because: str) -> Manifest:
    return route.manifest(PLUGIN, f"{route.service}-{name}", {"plugin": plugin, "config": config}, because)


def _limit(limit: Limit, by: dict[str, Any]) -> dict[str, Any]:
    """Count in windows: a second's worth may be a burst, a minute's may not; replicas of the gateway count together."""
    return {
        "second": limit.burst,
        "minute": max(limit.burst, limit.per_second * 60),
        **by,
        "policy": "redis",
        "redis": {"host": host(GATEWAY_LIMITS, GATEWAY), "port": COUNTER_PORT},
        "fault_tolerant": True,  # without the counter everybody gets in, rather than nobody
        "hide_client_headers": False,
        "error_code": 429,
    }


def _annotations(route: Route, plugins: tuple[str, ...]) -> dict[str, str]:
    why = {} if "door" in plugins else {ANONYMOUS: DECLARED}
    return why | {
        "konghq.com/plugins": ",".join(f"{route.service}-{name}" for name in plugins),
        "konghq.com/strip-path": "false",  # the door cuts the prefix off: a matched path may be longer
        "konghq.com/preserve-host": "false",
        "konghq.com/protocols": "https",
    }


def _http_route(route: Route, name: str, open_routes: tuple[OpenRoute, ...], plugins: tuple[str, ...]) -> Manifest:
    matches: list[dict[str, Any]] = [{"path": {"type": "PathPrefix", "value": stem or "/"}} for stem in route.stems]
    if open_routes:
        matches = [_match(stem, one) for stem in route.stems for one in open_routes]
    # A rule holds 64 matches at most.
    rules = [
        {"matches": matches[start : start + 64], "backendRefs": _backends(route)}
        for start in range(0, len(matches), 64)
    ]
    body = {
        "spec": {
            "parentRefs": [{"name": KONG, "namespace": GATEWAY, "sectionName": "https"}],
            "hostnames": [route.domain],
            "rules": rules,
        }
    }
    because = "anonymous" if open_routes else "prefix"
    return route.manifest(
        "gateway.networking.k8s.io/v1/HTTPRoute",
        "-".join(filter(None, (route.service, name))),
        body,
        because,
        {("metadata", "annotations", "konghq.com/plugins"): "open_to_all" if route.public.open_to_all else "issuers"},
        _annotations(route, plugins),
    )


def _backends(route: Route) -> list[dict[str, Any]]:
    """Send everything to the one version, or to the first of several: whoever releases the others moves the weights."""
    whole = {"name": route.service, "port": REST_PORT}
    if not route.canary:
        return [whole]
    return [{**whole, "weight": 100}, {"name": f"{route.service}-canary", "port": REST_PORT, "weight": 0}]


def _match(stem: str, one: OpenRoute) -> dict[str, Any]:
    if one.plain and one.path != "/":
        path = {"type": "Exact", "value": stem + one.path}
    else:
        path = {"type": "RegularExpression", "value": f"{stem}{one.pattern}$"}
    return {"path": path} | ({"method": one.method} if one.method else {})


def _ingress(route: Route, name: str, open_routes: tuple[OpenRoute, ...], plugins: tuple[str, ...]) -> Manifest:
    backend = {"service": {"name": route.service, "port": {"number": REST_PORT}}}
    paths: list[dict[str, Any]] = [{"path": stem or "/", "pathType": "Prefix"} for stem in route.stems]
    annotations = _annotations(route, plugins)
    if open_routes:
        if open_routes[0].method:
            annotations["konghq.com/methods"] = open_routes[0].method
        paths = [
            {"path": f"/~{stem}{one.pattern}$", "pathType": "ImplementationSpecific"}
            for stem in route.stems
            for one in open_routes
        ]
    body = {
        "spec": {
            "ingressClassName": KONG,
            "tls": [{"hosts": [route.domain], "secretName": GATEWAY_TLS}],
            "rules": [{"host": route.domain, "http": {"paths": [{**path, "backend": backend} for path in paths]}}],
        }
    }
    return route.manifest(
        "networking.k8s.io/v1/Ingress",
        "-".join(filter(None, (route.service, name))),
        body,
        "anonymous" if open_routes else "prefix",
        annotations=annotations,
    )
