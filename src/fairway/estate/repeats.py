"""Retries at gateways and meshes: what they repeat after the callee may have acted already."""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from fairway.core.wording import listed
from fairway.estate.index import Estate
from fairway.estate.node import Node
from fairway.estate.resource import Resource

ONCE: Final = frozenset({"POST", "PATCH"})  # methods that may act twice when they are repeated
ACTED: Final = re.compile(r"(?<![\w-])(?:5xx|gateway-error|reset|retriable-status-codes|retriable-4xx|50\d)(?![\w-])")
"""Conditions under which the callee may have acted before the call failed."""
NGINX: Final = re.compile(r"nginx\.(?:ingress\.kubernetes\.io|org)/proxy-next-upstream$")
GRPC_CALL: Final = re.compile(r"^\^?/(?:\w+\\?\.)+\w+/\w+\$?$")  # /package.Service/Method, its dots escaped or not
LINKERD: Final = "retry.linkerd.io/http"


class Repeat(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A retry of what may act twice."""

    node: Node
    key: str
    says: str
    surely: bool  # a method that is not idempotent is named, or all of them are


def repeats(estate: Estate) -> Iterator[Repeat]:
    """Give every such retry, beside those of a VirtualService."""
    for one in estate.resources:
        found = KINDS.get((one.group, one.kind))
        if found is not None:
            yield from found(one)
        if NGINX_KINDS.get(one.kind) == one.group or one.kind in {"HTTPRoute", "Service"}:
            yield from _annotated(one)


def _annotated(one: Resource) -> Iterator[Repeat]:
    node = one.root.mapping("metadata").mapping("annotations")
    for key, value in one.annotations.items():
        if NGINX.search(key) and "non_idempotent" in value.split():
            yield Repeat(node=node, key=key, says="POST is repeated at another replica after it failed", surely=True)
        elif key == LINKERD and ACTED.search(value):
            yield _whatever(node, key, value)


def _config(one: Resource) -> Iterator[Repeat]:
    """Read the settings of NGINX, which hold for every route."""
    data = one.root.mapping("data")
    upstream = data.value.get("proxy-next-upstream")
    if isinstance(upstream, str) and "non_idempotent" in upstream.split():
        key = "proxy-next-upstream"
        yield Repeat(node=data, key=key, says="POST is repeated at another replica after it failed", surely=True)
    elif data.value.get("retry-non-idempotent") == "true":
        key = "retry-non-idempotent"
        yield Repeat(node=data, key=key, says="POST is repeated at another replica after it failed", surely=True)


def _http_route(one: Resource) -> Iterator[Repeat]:
    for rule in one.spec.items("rules"):
        again = rule.mapping("retry")
        codes = again.value.get("codes")
        if not again or again.value.get("attempts") == 0 or not (isinstance(codes, list) and ACTED.search(str(codes))):
            continue
        methods = {match.text("method").upper() for match in rule.items("matches")} or {""}
        yield from _by_method(again, "codes", methods, f"an answer of {listed(map(str, codes), 'or')}")


def _backend_policy(one: Resource) -> Iterator[Repeat]:
    again = one.spec.mapping("retry")
    asked = again.mapping("retryOn")
    told = f"{' '.join(asked.texts('triggers'))} {asked.value.get('httpStatusCodes', '')}"
    if again and again.value.get("numRetries") != 0 and (condition := ACTED.search(told)):
        kinds = {target.text("kind") for target in (*one.spec.items("targetRefs"), one.spec.mapping("targetRef"))}
        if "GRPCRoute" not in kinds:
            yield _whatever(again, "retryOn", condition[0])


def _mapping(one: Resource) -> Iterator[Repeat]:
    again = one.spec.mapping("retry_policy")
    if again and (condition := ACTED.search(again.text("retry_on"))) and again.value.get("num_retries") != 0:
        yield from _by_method(again, "retry_on", {one.spec.text("method").upper()}, condition[0])


def _proxy(one: Resource) -> Iterator[Repeat]:
    for route in one.spec.items("routes"):
        again = route.mapping("retryPolicy")
        told = " ".join(again.texts("retryOn")) or "5xx"  # which is Contour's default
        if again and (condition := ACTED.search(told)) and again.number("count") not in {-1, 0}:
            yield _whatever(again, "retryOn", condition[0])


def _profile(one: Resource) -> Iterator[Repeat]:
    """Read Linkerd's routes; a call of gRPC is always a POST, which says nothing of what it does."""
    for route in one.spec.items("routes"):
        condition = route.mapping("condition")
        method = condition.text("method").upper()
        if route.flag("isRetryable") and method in ONCE and not GRPC_CALL.search(condition.text("pathRegex")):
            yield from _by_method(route, "isRetryable", {method}, "5xx")


def _by_method(node: Node, key: str, methods: set[str], condition: str) -> Iterator[Repeat]:
    twice = sorted(methods & ONCE)
    if twice:
        yield Repeat(node=node, key=key, says=f"{listed(twice)} is repeated after {condition}", surely=True)
    elif "" in methods:
        yield _whatever(node, key, condition)


def _whatever(node: Node, key: str, condition: str) -> Repeat:
    return Repeat(node=node, key=key, says=f"every method is repeated after {condition}", surely=False)


KINDS: Final = {
    ("", "ConfigMap"): _config,
    ("gateway.networking.k8s.io", "HTTPRoute"): _http_route,
    ("gateway.envoyproxy.io", "BackendTrafficPolicy"): _backend_policy,
    ("getambassador.io", "Mapping"): _mapping,
    ("projectcontour.io", "HTTPProxy"): _proxy,
    ("linkerd.io", "ServiceProfile"): _profile,
}
NGINX_KINDS: Final = {"Ingress": "networking.k8s.io"}
