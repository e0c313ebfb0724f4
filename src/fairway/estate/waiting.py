"""Routes that let a request wait without end, each gateway and mesh in its own words."""

import re
from collections.abc import Iterator
from typing import Final

from fairway.estate.index import Estate
from fairway.estate.node import Node
from fairway.estate.resource import Resource

STREAMS: Final = re.compile(
    r"(?<![a-z])(?:attach|chat|console|download|events?|exec|feed|grpc|live|logs?|media|notif\w*|notebook|pubsub|"
    r"push|queue|realtime|registry|s3|shell|signalr|socket\.?io|sockets?|sse|ssh|stream\w*|subscri\w*|terminal|tunnel|"
    r"upload|video|vnc|watch|webrtc|websockets?|wss?|xds)(?![a-z])",
    re.IGNORECASE,
)
"""Words of what keeps a connection open on purpose."""
LONG: Final = 3600  # seconds; nobody waits that long for an answer
_NOTHING: Final = re.compile(r"0+(?:\.0+)?(?:ms|s|m|h)?|infin(?:ity|ite)")
_WORDS: Final = re.compile(r"nginx\.(?:ingress\.kubernetes\.io|org)/(?:proxy-(?:read|send)-timeout)$")


def endless(estate: Estate) -> Iterator[tuple[Node, str, str]]:
    """Give each key that ends no wait, with what it says; what is a stream by its name or path is left out."""
    for one in estate.resources:
        found = KINDS.get((one.group, one.kind))
        if found is not None and not STREAMS.search(one.name):
            yield from found(one)


def _virtual_service(one: Resource) -> Iterator[tuple[Node, str, str]]:
    for route in one.spec.items("http"):
        if _zero(route, "timeout") and not _streams(route):
            yield route, "timeout", route.text("timeout")


def _http_route(one: Resource) -> Iterator[tuple[Node, str, str]]:
    for rule in one.spec.items("rules"):
        timeouts = rule.mapping("timeouts")
        key = next((key for key in ("request", "backendRequest") if _zero(timeouts, key)), "")
        bounded = any(timeouts.has(other) and not _zero(timeouts, other) for other in ("request", "backendRequest"))
        if key and not bounded and not _streams(rule):
            yield timeouts, key, timeouts.text(key)


def _backend_policy(one: Resource) -> Iterator[tuple[Node, str, str]]:
    http = one.spec.mapping("timeout").mapping("http")
    if _zero(http, "requestTimeout"):
        yield http, "requestTimeout", http.text("requestTimeout")


def _proxy(one: Resource) -> Iterator[tuple[Node, str, str]]:
    for route in one.spec.items("routes"):
        policy = route.mapping("timeoutPolicy")
        if _zero(policy, "response") and not route.flag("enableWebsockets") and not _streams(route):
            yield policy, "response", policy.text("response")


def _mapping(one: Resource) -> Iterator[tuple[Node, str, str]]:
    spec = one.spec
    if spec.value.get("timeout_ms") == 0 and not _streams(spec) and not spec.has("allow_upgrade"):
        yield spec, "timeout_ms", "0"


def _ingress(one: Resource) -> Iterator[tuple[Node, str, str]]:
    if any("websocket" in key or "stream" in key for key in one.annotations) or _streams(one.spec):
        return
    annotations = one.root.mapping("metadata").mapping("annotations")
    for key, value in one.annotations.items():
        digits = value.removesuffix("s")
        if _WORDS.search(key) and digits.isdecimal() and int(digits) > LONG:
            yield annotations, key, f"{digits} s"
            return


KINDS: Final = {
    ("networking.istio.io", "VirtualService"): _virtual_service,
    ("gateway.networking.k8s.io", "HTTPRoute"): _http_route,
    ("gateway.envoyproxy.io", "BackendTrafficPolicy"): _backend_policy,
    ("projectcontour.io", "HTTPProxy"): _proxy,
    ("getambassador.io", "Mapping"): _mapping,
    ("networking.k8s.io", "Ingress"): _ingress,
}


def _zero(node: Node, key: str) -> bool:
    value = node.value.get(key)
    return isinstance(value, str) and _NOTHING.fullmatch(value.strip()) is not None


def _streams(node: Node) -> bool:
    """Tell whether a route is of something that stays open, by any of its words: names, paths, ports."""
    return STREAMS.search(str(node.value)) is not None
