"""Spans of proxies as a person reads them: whose proxy it was, and what it did with which request."""

import re
from typing import Final

import msgspec

from fairway.local.telemetry.records import Span, Value
from fairway.local.telemetry.settings import GATEWAY

KEPT: Final = (
    "http.method",
    "http.status_code",
    "http.protocol",
    "grpc.status_code",
    "upstream_cluster",
    "upstream_address",
    "response_flags",
    "retry.count",
    "request_size",
    "response_size",
    "user_agent",
    "error",
)  # the rest says the same in other words, or nothing
WAY: Final = re.compile(r"([^.]+)(?:\.(?:to|store)\.(.+))?")  # as the proxies before and behind a replica are named


def of_proxy(span: Span, proxy: str) -> Span:
    """Say of a proxy's span whose it is, and in its name what Envoy says in attributes."""
    found = span.attributes
    replica, callee = ends(proxy)
    if span.kind == "client":
        name = f"try {callee or found.get('upstream_cluster', '')}"
    else:
        path = _path(str(found.get("http.url", "")))
        asked = path[1:] if "grpc.status_code" in found else f"{found.get('http.method', '')} {path}".strip()
        name = asked if proxy == GATEWAY else f"proxy to {callee}: {asked}" if callee else f"proxy: {asked}"
    kept: dict[str, Value] = {key: found[key] for key in KEPT if found.get(key, "-") not in {"-", ""}}
    return msgspec.structs.replace(
        span,
        service=service_of(replica),
        replica="" if replica == GATEWAY else replica,
        name=name,
        attributes={"fairway.proxy": proxy} | kept,
    )


def ends(proxy: str) -> tuple[str, str]:
    """Tell whose proxy it is, and whom it leads to: an empty name where that is the replica itself."""
    found = WAY.fullmatch(proxy)
    return (found[1], found[2] or "") if found else (proxy, "")


def service_of(replica: str) -> str:
    """Name the service of a replica: orders of orders-0."""
    name, _, number = replica.rpartition("-")
    return name if number.isdigit() else replica


def _path(url: str) -> str:
    """Give a URL's path; its query may be personal."""
    _, _, rest = url.partition("://")
    return "/" + (rest or url).partition("/")[2].partition("?")[0].partition("#")[0]
