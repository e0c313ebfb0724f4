"""Public routes for Ambassador's open form: Mappings; services beside it look after tokens and counts."""

from collections.abc import Iterator
from typing import Any, Final

from fairway.core.artefact import Manifest
from fairway.core.cluster import GATEWAY_CLIENTS, host
from fairway.targets.kubernetes.public_route import CONSUMER_HEADER, Route
from fairway_sdk.contract import REST_PORT

UNKNOWN_HEADER: Final = "x-fairway-unknown"  # inside the gateway only: nobody verified a token
DOMAIN: Final = "ambassador"  # of the labels that the counter is asked by


def manifests(route: Route) -> Iterator[Manifest]:
    """Render the Mapping of one service; whether a request of it needs a token is the checker's business."""
    if not (route.closed or route.public.open_to_all or route.open_routes):
        return
    name = host(route.service, route.system)
    stem = route.stems[0] if len(route.stems) == 1 else f"({'|'.join(route.stems)})"
    group = 2 if len(route.stems) > 1 else 1
    body: dict[str, Any] = {
        "hostname": route.domain,
        "prefix": f"{stem}(/.*)?",
        "prefix_regex": True,
        "regex_rewrite": {"pattern": f"^{stem}/?(.*)$", "substitution": f"/\\{group}"},
        "service": f"{name}:{REST_PORT}",
        "host_rewrite": name,
        "labels": {DOMAIN: _labels(route.service)},
    }
    if not route.mesh:
        body |= {"service": f"https://{name}:{REST_PORT}", "tls": GATEWAY_CLIENTS["ambassador"]}
    if route.deadline is not None:
        body["timeout_ms"] = round(route.deadline * 1000)
    body["remove_request_headers"] = [CONSUMER_HEADER, UNKNOWN_HEADER]
    yield route.manifest(
        "getambassador.io/v3alpha1/Mapping",
        route.service,
        {"spec": body},
        "prefix",
        {("spec", "labels"): "route"},
    )


def _labels(service: str) -> list[dict[str, list[dict[str, Any]]]]:
    """Name what a request counts against: its route always, its consumer where one is known, else its address."""
    of = {"generic_key": {"key": "service", "value": service}}
    consumer = {"request_headers": {"key": "consumer", "header_name": CONSUMER_HEADER, "omit_if_not_present": True}}
    unknown = {"request_headers": {"key": "unknown", "header_name": UNKNOWN_HEADER, "omit_if_not_present": True}}
    address = {"remote_address": {"key": "remote_address"}}
    return [{"route": [of]}, {"consumer": [of, consumer]}, {"unknown": [of, unknown, address]}]
