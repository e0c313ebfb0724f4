"""No panel asks for a metric that nobody exports."""

import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import msgspec
import prometheus_client
import pytest
from tests.stages.observed_systems import SITE, landscapes, objects

from fairway.core.profile import Landscape
from fairway.stages.s06_observability.build.alert_rules import groups
from fairway.stages.s06_observability.build.dashboards import service_dashboard, system_dashboard
from fairway_sdk.contract import metrics

EVERY = list(landscapes().items())
SDK: tuple[str, ...] = (
    "admin",
    "calls.metrics",
    "configuration.ages",
    "events.brokers.metrics",
    "events.metrics",
    "flags.metrics",
)
SDK += ("grpc.metrics", "identity.metrics", "rest.metrics", "sagas.metrics", "sessions.metrics", "stores.metrics")
MESH = {"istio_requests_total"} | {f"istio_request_duration_milliseconds_{kind}" for kind in ("bucket", "count", "sum")}
PROXY = {"envoy_http_downstream_rq_xx"} | {
    f"envoy_http_downstream_rq_time_{kind}" for kind in ("bucket", "count", "sum")
}
PROMETHEUS = {"ALERTS", "up"}
STATE_OF_RUNS = {  # of kube-state-metrics
    "kube_cronjob_next_schedule_time",
    "kube_cronjob_status_last_schedule_time",
    "kube_cronjob_status_last_successful_time",
    "kube_job_created",
    "kube_job_failed",
    "kube_job_status_active",
    "kube_job_status_completion_time",
    "kube_job_status_start_time",
}
OPERATORS = {"and", "or", "unless", "by", "on", "without", "ignoring", "bool", "group_left", "group_right", "offset"}


def exported() -> set[str]:
    """Name every series that a process with the SDK exports."""
    for module in SDK:
        import_module(f"fairway_sdk.{module}")
    return set(prometheus_client.REGISTRY._names_to_collectors)  # noqa: SLF001 - the client tells it nowhere else


def asked(expression: str) -> set[str]:
    """Name the series that an expression asks for."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", bare)
    bare = re.sub(r"\b(?:by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)", " ", bare)
    names = re.findall(r"(?<![\w.:])([A-Za-z_:][\w:]*)(?!\w)(?!\s*\()", bare)
    return {name for name in names if name not in OPERATORS}


def queries(dashboard: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Give the queries of a dashboard, each with its panel's title."""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]


def test_the_names_in_an_expression_are_found() -> None:
    """Series, not functions, labels or texts."""
    expression = 'sum by (le, route) (rate(a_bucket{b=~"c"}[5m])) / on (x) group_left () d:e:f > 0 and time() - g > 1'
    assert asked(expression) == {"a_bucket", "d:e:f", "g"}


def test_the_sdk_exports_what_its_contract_names() -> None:
    """A name of the contract that no module keeps would leave every panel on it empty."""
    names = {value for name, value in vars(metrics).items() if name.isupper()}
    assert {name for name in names if not {name, f"{name}_bucket"} & exported()} == set()


@pytest.mark.parametrize(("name", "landscape"), EVERY, ids=[name for name, _ in EVERY])
def test_every_panel_and_every_rule_asks_for_what_is_exported(name: str, landscape: Landscape) -> None:
    """By the SDK, the mesh, what watches runs, or a rule that records it."""
    rules = [rule for group in groups(landscape, SITE) for rule in group["rules"]]
    recorded = {rule["record"] for rule in rules if "record" in rule}
    known = exported() | MESH | PROXY | STATE_OF_RUNS | PROMETHEUS | recorded
    shown = [system_dashboard(landscape), *(service_dashboard(landscape, one) for one in landscape.services)]
    for dashboard in shown:
        for title, query in queries(dashboard):
            assert asked(query) <= known, (name, dashboard["title"], title)
    for rule in rules:
        assert asked(rule["expr"]) <= known, rule


@pytest.mark.parametrize(("name", "landscape"), EVERY, ids=[name for name, _ in EVERY])
def test_a_dashboard_has_the_rows_that_were_decided_and_leads_on(name: str, landscape: Landscape) -> None:
    """No two panels in one place; links lead to dashboards that are there."""
    built = {m.object["metadata"]["name"]: m.object for m in objects(landscape) if m.object["kind"] == "ConfigMap"}
    held = [msgspec.json.decode(next(iter(one["data"].values()))) for n, one in built.items() if "dashboard" in n]
    uids = {one["uid"] for one in held}
    assert len(uids) == len(held) == len(landscape.services) + 1
    for one in held:
        places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in one["panels"]]
        assert len(set(places)) == len(places), name
        assert any(panel["type"] == "timeseries" for panel in one["panels"])
        assert {link["url"].rpartition("/")[2] for link in one["links"]} <= uids
