"""Alerts by the decisions: they fire for what budgets say, over windows as far as these were seen."""

import itertools
from collections.abc import Iterator

import pytest

from fairway.local.telemetry.alerting import Judged, worst_first
from fairway.local.telemetry.counting import Counts
from fairway.local.telemetry.course import Course
from fairway.local.telemetry.prometheus_alerts import alerts as of_prometheus
from fairway.local.telemetry.records import Alert

from .conftest import OBJECTIVES

BEGAN = 1_000_000.0


class Run:
    """A service that is judged, with a clock of its own."""

    def __init__(self) -> None:
        self.judged = Judged("stock", OBJECTIVES, BEGAN)
        self.now = BEGAN

    def work(self, minutes: float, rate: float = 10.0, failed: float = 0.0, slow: float = 0.0) -> list[Alert]:
        """Do so many requests a second for a while, of which a share fails or is slow; give what is wrong then."""
        for _ in range(round(minutes * 12)):
            self.now += 5.0
            done = rate * 5
            within = {0.05: done * (1 - slow), 0.1: done * (1 - slow), 1.0: done}
            self.judged.count(
                "requests", Counts(done=done, failed=done * failed, within=within if done else {}), self.now
            )
            self.judged.count("events", Counts(done=1_000, failed=1_000), self.now)
        return list(self.judged.alerts(self.now))


def _named(alerts: list[Alert], name: str) -> Alert | None:
    return next((alert for alert in alerts if alert.name == name), None)


def test_nothing_is_wrong_while_all_is_well_and_nobody_has_asked() -> None:
    """Also at a share of failures that the budget has room for, and with work of another kind."""
    assert not list(Run().judged.alerts(BEGAN + 10_000))
    assert not Run().work(30, failed=0.01)


def test_failures_beyond_the_pace_page_and_say_what_was_seen() -> None:
    """A window that is longer than the system is up uses what there is."""
    run = Run()
    alert = _named(run.work(2, failed=0.5), "too many errors")
    assert alert is not None
    assert (alert.service, alert.severity, alert.state, alert.by) == ("stock", "page", "firing", "console")
    assert alert.figure == pytest.approx(0.5)
    assert alert.threshold == pytest.approx(0.0144)
    assert alert.says == (
        "50 % of its requests fail over 1h (seen: 2m) and 50 % over 5m (seen: 2m): more than 1.44 % is too much"
    )


def test_a_few_failures_are_no_trend() -> None:
    """However great their share."""
    assert _named(Run().work(1, rate=0.05, failed=1.0), "too many errors") is None


def test_an_alert_ends_soon_after_the_fault_has_and_keeps_its_beginning_until_then() -> None:
    """Which is what the short window is for."""
    run = Run()
    first = _named(run.work(10, failed=0.5), "too many errors")
    still = _named(run.work(3), "too many errors")
    assert first is not None
    assert still is not None
    assert still.since == first.since
    assert _named(run.work(3), "too many errors") is None


def test_what_is_slower_than_promised_counts_by_its_own_budget() -> None:
    """Failures are no slowness."""
    assert _named(Run().work(5, slow=0.1), "too slow") is None
    alert = _named(Run().work(5, slow=0.2, failed=0.0), "too slow")
    assert alert is not None
    assert "take longer than 100ms" in alert.says


def test_too_little_and_too_much_traffic_wait_for_their_window() -> None:
    """And begin with the first work: before it there is none to fall from."""
    run = Run()
    run.work(2)
    low = _named(run.work(3, rate=0.0), "too little traffic")
    assert low is not None
    assert low.state == "pending"
    low = _named(run.work(11, rate=0.0), "too little traffic")
    assert low is not None
    assert (low.state, low.severity) == ("firing", "ticket")
    high = _named(run.work(2, rate=80.0), "too much traffic")
    assert high is not None
    assert (high.state, high.threshold) == ("pending", 50.0)
    assert not run.work(2)


def test_objectives_tell_promise_and_measure() -> None:
    """Over as long as the service was seen."""
    run = Run()
    nothing = {one.about: one.measured for one in run.judged.objectives()}
    assert nothing == {"errors": None, "latency": None, "throughput": None}
    run.work(10, failed=0.02, slow=0.03)
    found = {one.about: one for one in run.judged.objectives()}
    assert found["errors"].measured == pytest.approx(0.02)
    assert found["latency"].measured == pytest.approx(0.03)
    assert found["throughput"].measured == pytest.approx(10.0)
    assert found["errors"].promised == "99.9 % of its requests end well"
    assert found["latency"].promised == "99 % of its requests take at most 100ms"
    assert found["errors"].seen == pytest.approx(600)


def test_a_course_knows_three_days_in_little_room() -> None:
    """Finely at first, coarsely before, and never more than was seen."""
    course = Course(0.0)
    for second in range(0, 4 * 86_400, 5):
        course.add(float(second), 5.0, 0.0, 0.0, 0.0)
    for seconds, within in ((60, 5), (3_600, 5), (6 * 3_600, 60), (86_400, 600), (3 * 86_400, 600)):
        over = course.over(seconds)
        assert over.when == pytest.approx(seconds, abs=within)
        assert over.done == pytest.approx(seconds, abs=within + 5)
    assert Course(0.0).over(60).when == 0


def test_the_worst_comes_first() -> None:
    """What fires before what may, pages before tickets, the oldest first."""

    def every() -> Iterator[Alert]:
        for number, (state, severity) in enumerate(itertools.product(("pending", "firing"), ("ticket", "page"))):
            yield Alert(name=str(number), service="a", severity=severity, state=state, since=number, says="")  # type: ignore[arg-type] # of these words

    assert [alert.name for alert in worst_first(list(every()))] == ["3", "2", "1", "0"]


def test_prometheus_alerts_are_read_into_the_same_record() -> None:
    """As its API tells them."""
    document = b"""{"status": "success", "data": {"alerts": [{"labels": {"alertname": "ErrorBudgetBurn",
        "service": "stock", "severity": "page"}, "annotations": {"summary": "s", "description": "d"},
        "state": "firing", "activeAt": "2026-11-23T12:00:00.123456789Z", "value": "5e-01"}]}}"""
    [alert] = of_prometheus(document, 0.0)
    assert (alert.name, alert.service, alert.severity, alert.state) == ("ErrorBudgetBurn", "stock", "page", "firing")
    assert (alert.says, alert.figure, alert.since, alert.by) == ("d", 0.5, 1_795_435_200.0, "prometheus")
