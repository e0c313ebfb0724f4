"""Observability decides logs, metrics, alerts, traces and dashboards, and stands before critical releases."""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

import msgspec
import pytest

from fairway.core.decision import AnyDecision
from fairway.core.facts import System
from fairway.core.order import order as waves_of
from fairway.core.profile import Landscape, survey
from fairway.stages.s06_observability import decisions
from fairway.stages.s06_observability.decisions.alerts import BurnAlert, RunAlert, ThroughputAlert
from fairway.stages.s06_observability.decisions.system import AlertDelivery, Monitoring, Pipeline, Traces
from fairway.stages.s06_observability.decisions.telemetry import Logs, Retention, Sampling, Scrape
from fairway.stages.s06_observability.order import order

Facts = dict[str, Any]


def land(services: Facts, **rest: Any) -> Landscape:  # noqa: ANN401 - any fact may be given
    """Survey a small system that has an owner."""
    facts = {"system": "shop", "owners": {"shop": "#shop"}, "services": services}
    facts |= {name.replace("_", "-"): value for name, value in rest.items()}
    return survey(msgspec.convert(facts, System))


def find(made: Iterable[AnyDecision], rule: str, topic: str) -> AnyDecision:
    """Find the one decision on a topic."""
    (found,) = [d for d in made if (d.rule, d.topic) == (f"observability/{rule}", topic)]
    return found


def of(facts: Facts, rule: str, topic: str, **rest: Any) -> AnyDecision:  # noqa: ANN401
    """Decide about orders, which has these facts."""
    landscape = land({"orders": facts}, **rest)
    return find(decisions.for_service(landscape.services["orders"], landscape), rule, topic)


def topics(facts: Facts, **rest: Any) -> set[str]:  # noqa: ANN401
    """Name what is decided about orders."""
    landscape = land({"orders": facts}, **rest)
    return {decision.topic for decision in decisions.for_service(landscape.services["orders"], landscape)}


def whole(rule: str, topic: str, landscape: Landscape) -> AnyDecision:
    """Decide about the system."""
    return find(decisions.for_system(landscape), rule, topic)


def test_logs_leave_out_what_the_classes_of_data_forbid() -> None:
    """Secrets never get in; personal fields not where there are any."""
    plain, personal = of({}, "structured-logs", "logs"), of({"data": ["personal"]}, "structured-logs", "logs")
    assert plain.value == Logs(form="json", redact=("secrets",))
    assert personal.value == Logs(form="json", redact=("secrets", "personal"))
    assert "personal fields" in personal.answer
    assert personal.because == "it handles personal data"


@pytest.mark.parametrize(
    ("classes", "kept"),
    [
        ([], Retention(data="internal", kept="30d")),
        (["public"], Retention(data="public", kept="30d")),
        (["personal", "internal"], Retention(data="personal", kept="14d")),
        (["personal", "regulated"], Retention(data="regulated", kept="365d")),
    ],
)
def test_the_strictest_class_of_data_decides_how_long_logs_are_kept(classes: list[str], kept: Retention) -> None:
    """One word of the facts changes the figure."""
    decision = of({"data": classes}, "log-pipeline", "logs are kept")
    assert decision.value == kept
    assert decision.answer == kept.kept


def test_a_service_measures_what_it_does_and_what_that_depends_on() -> None:
    """Requests, events, calls, outbox and sagas each have a fact behind them, and the dashboard has their rows."""
    rest: Facts = {
        "channels": {"placed": {}},
        "external_systems": {"bank": {"host": "bank.example.com"}},
        "workflows": {"checkout": {"participants": ["orders", "orders"], "consistency": "strong"}},
    }
    rich: Facts = {"exposure": "external", "publishes": ["placed"], "calls": {"bank": {}}}
    assert of(rich, "metrics", "metrics", **rest).value == (
        "requests",
        "calls",
        "outbox",
        "sagas",
        "stores",
        "saturation",
    )
    assert of({}, "metrics", "metrics").value == ("tasks", "saturation")
    assert of({"runs": "to-completion"}, "metrics", "metrics").value == ("runs", "saturation")
    consumer = of({"consumes": ["placed"]}, "dashboards", "dashboard", channels={"placed": {}})
    assert consumer.value == ("objectives", "events", "saturation")


@pytest.mark.parametrize(
    ("criticality", "interval"), [("mission-critical", "15s"), ("standard", "30s"), ("low", "60s")]
)
def test_scraping_is_as_frequent_as_the_service_is_critical(criticality: str, interval: str) -> None:
    """The interval follows from one word."""
    decision = of({"criticality": criticality}, "prometheus", "scraping")
    assert decision.value == Scrape(path="/metrics", port=9000, interval=interval, monitor="PodMonitor")
    assert criticality in decision.because


def test_errors_alert_by_how_fast_the_promised_budget_is_spent() -> None:
    """99.9 % leaves 0.1 %; 14.4 times that over an hour pages."""
    decision = of({"exposure": "external"}, "alerts", "alert on errors")
    assert isinstance(decision.value, BurnAlert)
    assert decision.value.budget == 0.001
    assert decision.value.work == ("requests",)
    assert [(burn.severity, burn.factor, burn.long, burn.short) for burn in decision.value.burns] == [
        ("page", 14.4, "1h", "5m"),
        ("page", 6, "6h", "30m"),
        ("ticket", 1, "3d", "6h"),
    ]
    assert "a page when more than 1.44 % of its requests fail over 1h and 5m, or 0.6 % over" in decision.answer


def test_a_declared_objective_moves_the_thresholds() -> None:
    """Alerts follow the promise, not a constant."""
    facts: Facts = {"exposure": "external", "objectives": {"availability": 99, "latency": "2s"}}
    assert "14.4 % of its requests fail" in of(facts, "alerts", "alert on errors").answer
    latency = of(facts, "alerts", "alert on latency")
    assert latency.value.slower_than == "2s"
    assert latency.value.budget == 0.01
    assert "take longer than 2s" in latency.answer


def test_a_pace_that_no_outage_reaches_is_left_out() -> None:
    """Where 10 % may fail, a full outage spends at pace 10, and an alert at 14.4 would never fire."""
    alert = of({"objectives": {"availability": 90}}, "alerts", "alert on errors").value
    assert [burn.factor for burn in alert.burns] == [6, 1]


def test_nobody_is_woken_for_a_service_of_low_criticality() -> None:
    """Low raises tickets, mission-critical pages for all that is urgent."""
    low, critical = ({"criticality": level} for level in ("low", "mission-critical"))
    for topic in ("alert on errors", "alert on latency"):
        assert {burn.severity for burn in of(low, "alerts", topic).value.burns} == {"ticket"}
        assert len(of(critical, "alerts", topic).value.burns) == 4
        assert any("page" in option.option for option in of(low, "alerts", topic).instead)
    assert of(low, "alerts", "alert on throughput").value.severity == "ticket"
    assert of(critical, "alerts", "alert on throughput").value.severity == "page"


def test_throughput_has_a_floor_and_a_ceiling_from_declared_traffic() -> None:
    """A twentieth of the typical rate is too little for a standard service, more than the peak too much."""
    decision = of({"traffic": {"typical": 120, "peak": 9000}}, "alerts", "alert on throughput")
    assert decision.value == ThroughputAlert(work=("tasks",), floor=6, ceiling=9000, window="15m", severity="ticket")
    assert "9,000 a second" in decision.answer


def test_without_declared_traffic_only_a_full_stop_is_too_little() -> None:
    """An assumed rate wakes nobody."""
    decision = of({}, "alerts", "alert on throughput")
    assert decision.value.floor == 0
    assert "no tasks at all" in decision.answer
    assert decision.because.startswith("no traffic is declared")


@pytest.mark.parametrize(("typical", "window"), [(10, "15m"), (0.01, "84m"), (0.00001, "4320m")])
def test_rare_work_is_watched_over_a_longer_window(typical: float, window: str) -> None:
    """With one request in minutes, a quiet quarter of an hour is chance."""
    assert of({"traffic": {"typical": typical, "peak": 50}}, "alerts", "alert on throughput").value.window == window


def test_what_runs_to_completion_alerts_on_its_runs() -> None:
    """Failure, length and absence of a run take the place of errors, latency and throughput."""
    job: Facts = {"runs": "to-completion", "schedule": "0 1 * * *"}
    assert of(job, "alerts", "alert on runs").value == RunAlert(severity="ticket", longest="4h", late="1h")
    critical = of(job | {"criticality": "mission-critical"}, "alerts", "alert on runs")
    assert critical.value == RunAlert(severity="page", longest="1h", late="15m")
    unscheduled = of({"runs": "to-completion"}, "alerts", "alert on runs")
    assert unscheduled.value.late is None
    assert "due" not in unscheduled.answer
    assert not {"alert on errors", "alert on latency", "alert on throughput"} & topics(job)
    assert "alert on runs" not in topics({})


def test_alerts_go_to_the_owner_where_one_is_declared() -> None:
    """The service's own owner, and where that team is reached."""
    decision = of({"owner": "money"}, "alerts", "who is alerted", owners={"shop": "#shop", "money": "#money"})
    assert decision.value == "money"
    assert decision.answer == "money, at #money"


def test_without_owners_the_system_asks_once_whom_to_tell() -> None:
    """One question for all services, with a few of them by name."""
    landscape = land({f"s{number}": {} for number in range(8)}, owners={})
    decision = whole("alerts", "alert delivery", landscape)
    assert decision.state == "unanswered"
    assert "s0, s1, s2, s3, s4 and 3 more fail" in decision.answer
    assert "who is alerted" not in topics({}, owners={})
    answered = whole("alerts", "alert delivery", land({"orders": {}}))
    assert answered.state == "decided"
    assert isinstance(answered.value, AlertDelivery)
    assert answered.value.owners == {"shop": "#shop"}


@pytest.mark.parametrize(
    ("criticality", "typical", "ratio"),
    [("mission-critical", 15, 1.0), ("mission-critical", 2000, 0.01), ("standard", 10, 0.5), ("low", 10, 0.1)],
)
def test_sampling_follows_criticality_and_traffic(criticality: str, typical: float, ratio: float) -> None:
    """A steady few traces a second, whatever the load."""
    facts = {"tracing": True, "criticality": criticality, "traffic": {"typical": typical, "peak": 5000}}
    assert of(facts, "tracing", "tracing").value == Sampling(ratio=ratio)


def test_an_untraced_service_has_no_sampling_and_a_run_is_always_traced() -> None:
    """A decision whose rule does not apply is not made."""
    assert "tracing" not in topics({"tracing": False})
    assert of({"tracing": True, "runs": "to-completion"}, "tracing", "tracing").value == Sampling(ratio=1.0)
    untraced = [decision.topic for decision in decisions.for_system(land({"orders": {"tracing": False}}))]
    assert "traces" not in untraced


def test_only_a_mission_critical_release_waits_for_observability() -> None:
    """The word decides."""
    assert of({"criticality": "mission-critical"}, "before-delivery", "before delivery").value is True
    assert "before delivery" not in topics({})
    job = of({"criticality": "mission-critical", "runs": "to-completion"}, "before-delivery", "before delivery")
    assert job.answer.startswith("no new version runs until")  # nothing sends it traffic


def test_one_request_a_second_is_one() -> None:
    """A figure of 1 takes no plural, in traces and in alerts."""
    facts = {"exposure": "external", "tracing": True, "traffic": {"typical": 1, "peak": 5}}
    assert ", 1 request a second is typical, " in of(facts, "tracing", "tracing").because
    assert of(facts, "alerts", "alert on throughput").because.startswith("1 a second is typical and 5 its peak")


def test_the_log_pipeline_is_what_the_platform_says_and_keeps_each_class_its_time() -> None:
    """Declared parts are named as such, others as defaults; only classes that occur are listed."""
    landscape = land({"orders": {"data": ["personal"]}, "web": {}}, platform={"log-store": "elasticsearch"})
    decision = whole("log-pipeline", "log pipeline", landscape)
    assert decision.value == Pipeline(
        collector="fluent-bit", store="elasticsearch", kept={"internal": "30d", "personal": "14d"}
    )
    assert decision.because.startswith("the facts name Elasticsearch and Fluent Bit is the default")
    assert [option.option for option in decision.instead] == ["Fluentd", "Loki"]


def test_one_mission_critical_service_doubles_what_watches() -> None:
    """Who watches the watchman depends on what is watched."""
    standard, critical = land({"orders": {}}), land({"orders": {"criticality": "mission-critical"}})
    assert whole("prometheus", "monitoring", standard).value == Monitoring(prometheus=1, alertmanager=1, kept="35d")
    assert whole("prometheus", "monitoring", critical).value == Monitoring(prometheus=2, alertmanager=3, kept="35d")
    both = land({"orders": {}}, regions={"north": {}, "south": {}})
    assert "in each region" in whole("prometheus", "monitoring", both).answer


def test_traces_share_elasticsearch_where_it_is_there() -> None:
    """A second store only where none is there to share."""
    traced = {"orders": {"tracing": True}}
    assert whole("tracing", "traces", land(traced)).value == Traces(storage="badger", kept="7d")
    shared = land(traced, platform={"log-store": "elasticsearch"})
    assert whole("tracing", "traces", shared).value == Traces(storage="elasticsearch", kept="7d")


def test_the_system_dashboard_shows_what_the_system_has() -> None:
    """No row without something to show."""
    assert whole("dashboards", "system dashboard", land({"orders": {}})).value == ("objectives", "traffic")
    rich = land({"orders": {"exposure": "external", "publishes": ["placed"]}}, channels={"placed": {}})
    assert {"public routes", "channels", "stores"} <= set(whole("dashboards", "system dashboard", rich).value)


RULES: list[tuple[str, Facts, Facts | None, str]] = [
    ("structured_logs", {}, None, "every service"),
    ("metrics", {}, None, "every service"),
    ("log_pipeline", {}, None, "every service"),
    ("prometheus", {}, None, "every service"),
    ("alerts", {}, None, "every service"),
    ("dashboards", {}, None, "every service"),
    ("tracing", {"tracing": True}, {"tracing": False}, "not traced"),
    ("before_delivery", {"criticality": "mission-critical"}, {}, "criticality is standard"),
]


@pytest.mark.parametrize(("slug", "facts", "others", "words"), RULES, ids=[row[0] for row in RULES])
def test_a_rule_applies_where_the_standard_says_so(slug: str, facts: Facts, others: Facts | None, words: str) -> None:
    """It holds for the first facts and not for the others, and says why."""
    rule = import_module(f"fairway.stages.s06_observability.{slug}").RULE
    holds = rule.applies(land({"orders": facts}).services["orders"])
    assert holds.holds
    assert holds.because
    if others is None:
        assert words in holds.because
        return
    verdict = rule.applies(land({"orders": others}).services["orders"])
    assert not verdict.holds
    assert words in verdict.because


def test_observability_stands_before_the_release_of_a_mission_critical_service_only() -> None:
    """Collectors first, then the service's own; only critical releases wait."""
    edges = list(order(land({"orders": {"criticality": "mission-critical"}, "web": {}})))
    pairs = {(edge.first, edge.then) for edge in edges}
    assert pairs == {
        ("platform", "observability"),
        ("observability", "observability/orders"),
        ("observability", "observability/web"),
        ("observability/orders", "release/orders"),
    }
    assert all(edge.because for edge in edges)
    assert waves_of(edges).waves[0] == ("platform",)
