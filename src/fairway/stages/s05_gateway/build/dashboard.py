"""One page of Grafana about the gateway: what came in, what was refused, and what it asks in turn."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from fairway.core.artefact import Manifest
from fairway.core.cluster import (
    FEDERATION,
    GATEWAY_LIMITS,
    GRAFANA,
    IDENTITY,
    OBSERVABILITY,
    RATE_LIMITER,
    TOKEN_CHECKER,
)
from fairway.core.profile import Landscape
from fairway.stages.s05_gateway.build.objects import described, platform, selector
from fairway.stages.s05_gateway.decisions import federation

HEIGHT, WIDTH = 8, 12
NAME: Final = "dashboard-gateway"
COMMON: Final = {f"Counts kept by {GATEWAY_LIMITS}": 'sum(redis_db_keys{pod=~"' + GATEWAY_LIMITS + '.*"})'}
QUERIES: Final[dict[str, dict[str, str]]] = {
    "kong": {
        "Answers by code": "sum by (code) (rate(kong_http_requests_total[5m]))",
        "Refused for want of a token": 'sum by (route) (rate(kong_http_requests_total{code=~"401|403"}[5m]))',
        "Refused as too many": 'sum by (route) (rate(kong_http_requests_total{code="429"}[5m]))',
        "99 of 100 within (ms)": ("histogram_quantile(0.99, sum by (le) (rate(kong_request_latency_ms_bucket[5m])))"),
    },
    "ambassador": {
        "Answers by class of code": "sum by (envoy_response_code_class) "
        '(rate(envoy_http_downstream_rq_xx{pod=~"ambassador.*",envoy_http_conn_manager_prefix=~"ingress.*"}[5m]))',
        f"Tokens refused by {TOKEN_CHECKER}": "sum(rate(envoy_http_jwt_authn_denied[5m]))",
        f"Too many, by {RATE_LIMITER}": "sum by (key1) (rate(ratelimit_service_rate_limit_over_limit[5m]))",
    },
}
JOINED: Final = {
    f"Requests to {FEDERATION}": f'sum by (handler, code) (rate(http_requests_total{{namespace="{IDENTITY}"}}[5m]))'
}


def dashboard(landscape: Landscape) -> Iterator[Manifest]:
    """Write the page into a ConfigMap, and tell Grafana's operator of it."""
    queries = {**QUERIES[str(landscape.system.platform.gateway)], **COMMON}
    if federation(landscape) is not None:
        queries |= JOINED
    panels = [_panel(number, title, query) for number, (title, query) in enumerate(queries.items())]
    page = {
        "uid": "gateway",
        "title": "Gateway",
        "schemaVersion": 41,
        "time": {"from": "now-3h", "to": "now"},
        "refresh": "30s",
        "panels": panels,
    }
    text = msgspec.json.format(msgspec.json.encode(page), indent=2).decode() + "\n"
    metadata = described(landscape, NAME, OBSERVABILITY, labels={"grafana_dashboard": "1"})
    yield platform("v1", "ConfigMap", metadata, {"data": {"gateway.json": text}})
    shown = {
        "instanceSelector": {"matchLabels": selector(landscape, GRAFANA)},
        "configMapRef": {"name": NAME, "key": "gateway.json"},
        "folder": landscape.system.system,
        "resyncPeriod": "10m",
    }
    metadata = described(landscape, NAME, OBSERVABILITY)
    yield platform("grafana.integreatly.org/v1beta1", "GrafanaDashboard", metadata, {"spec": shown}, short="gateway")


def _panel(number: int, title: str, query: str) -> dict[str, Any]:
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": title,
        "gridPos": {"h": HEIGHT, "w": WIDTH, "x": number % 2 * WIDTH, "y": number // 2 * HEIGHT},
        "datasource": {"type": "prometheus", "uid": "prometheus"},
        "targets": [{"refId": "A", "expr": query}],
    }
