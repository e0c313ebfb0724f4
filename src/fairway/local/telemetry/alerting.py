"""Alerts by the decisions for each service, from what was seen since the system is up.

A window that is longer than that uses what there is, and its alert says so.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal, TypeVar

import msgspec

from fairway.core.facts import seconds
from fairway.local.telemetry.counting import Counts, share_beyond
from fairway.local.telemetry.course import Course, Point
from fairway.local.telemetry.records import Alert, Objective

ERRORS: Final = "alert on errors"
LATENCY: Final = "alert on latency"
THROUGHPUT: Final = "alert on throughput"
PACE_OVER: Final = 60.0  # seconds: a pace is of so long
Severity = Literal["page", "ticket"]
State = Literal["pending", "firing"]
T = TypeVar("T")


class _Burn(msgspec.Struct):
    severity: Severity
    factor: float
    long: str
    short: str


class _BurnAlert(msgspec.Struct):
    work: tuple[str, ...]
    budget: float
    burns: tuple[_Burn, ...]
    least_bad: int
    slower_than: str | None = None


class _ThroughputAlert(msgspec.Struct):
    work: tuple[str, ...]
    floor: float
    ceiling: float
    window: str
    severity: Severity


class Judged:
    """One service against what was decided for it."""

    def __init__(self, service: str, decided: Mapping[str, Any], now: float) -> None:
        """Take the values of its decisions by topic."""
        self.service = service
        self._errors = _read(decided, ERRORS, _BurnAlert)
        self._latency = _read(decided, LATENCY, _BurnAlert)
        self._throughput = _read(decided, THROUGHPUT, _ThroughputAlert)
        known = next((one for one in (self._errors, self._latency, self._throughput) if one is not None), None)
        self._work = known.work if known else ()
        self._limit = seconds(self._latency.slower_than) if self._latency and self._latency.slower_than else 0.0
        self._course = Course(now)
        self._since: dict[str, float] = {}

    def count(self, work: str, more: Counts, now: float) -> None:
        """Count work of a kind, where it is what the decisions speak of."""
        if work in self._work:
            timed = max(more.within.values(), default=0.0)
            slow = share_beyond(more.within, self._limit) if self._limit else 0.0
            self._course.add(now, more.done, more.failed, timed, slow)

    def alerts(self, now: float) -> Iterator[Alert]:
        """Give what is wrong now."""
        self._course.add(now, 0, 0, 0, 0)
        for name, alert in (("too many errors", self._errors), ("too slow", self._latency)):
            firing = self._burning(alert) if alert else None
            yield from self._told(name, firing, now)
        if self._throughput:
            for name, pace in self._paces(self._throughput, now):
                yield from self._told(name, pace, now, holds=seconds(self._throughput.window))

    def objectives(self) -> Iterator[Objective]:
        """Give how it does against its promises."""
        last, seen = self._course.last, self._course.last.when - self._course.began
        work = " and ".join(self._work)
        if self._errors:
            promised = f"{_percent(1 - self._errors.budget)} of its {work} end well"
            measured = last.failed / last.done if last.done else None
            yield self._objective("errors", promised, measured, self._errors.budget, seen)
        if self._latency:
            promised = f"{_percent(1 - self._latency.budget)} of its {work} take at most {self._latency.slower_than}"
            measured = last.slow / last.timed if last.timed else None
            yield self._objective("latency", promised, measured, self._latency.budget, seen)
        if self._throughput:
            alert, pace = self._throughput, self._pace()
            least = f"at least {alert.floor:g} {work} a second" if alert.floor else f"some {work}"
            promised = f"{least}, at most {alert.ceiling:g} a second"
            yield self._objective("throughput", promised, pace if last.done else None, alert.floor, seen)

    def _objective(
        self,
        about: Literal["errors", "latency", "throughput"],
        promised: str,
        measured: float | None,
        budget: float,
        seen: float,
    ) -> Objective:
        return Objective(
            service=self.service, about=about, promised=promised, measured=measured, budget=budget, seen=seen
        )

    def _burning(self, alert: _BurnAlert) -> tuple[Severity, str, float, float] | None:
        """Find the first pace that is passed over both of its windows: severity, words, figure, threshold."""
        for burn in alert.burns:
            threshold = burn.factor * alert.budget
            long, short = (self._course.over(seconds(window)) for window in (burn.long, burn.short))
            bad, share = _bad(long, slow=alert.slower_than is not None)
            _, lately = _bad(short, slow=alert.slower_than is not None)
            if bad >= alert.least_bad and share > threshold and lately > threshold:
                what = f"take longer than {alert.slower_than}" if alert.slower_than else "fail"
                says = (
                    f"{_percent(share)} of its {' and '.join(alert.work)} {what} over {_window(burn.long, long)} and "
                )
                says += (
                    f"{_percent(lately)} over {_window(burn.short, short)}: more than {_percent(threshold)} is too much"
                )
                return burn.severity, says, share, threshold
        return None

    def _paces(
        self, alert: _ThroughputAlert, now: float
    ) -> Iterator[tuple[str, tuple[Severity, str, float, float] | None]]:
        """Judge the pace, from a minute after the first work on: before it there is none to fall from."""
        work, pace = " and ".join(alert.work), self._pace()
        known = self._course.begun and now - self._course.begun > PACE_OVER
        low = known and (pace < alert.floor if alert.floor else now - self._course.busy > PACE_OVER)
        least = f"fewer than {alert.floor:g} {work} a second" if alert.floor else f"no {work} at all"
        for_long = f"for {alert.window} on end"
        yield "too little traffic", (alert.severity, f"{least} {for_long}", pace, alert.floor) if low else None
        most = f"more than {alert.ceiling:g} {work} a second {for_long}"
        yield "too much traffic", (alert.severity, most, pace, alert.ceiling) if pace > alert.ceiling else None

    def _pace(self) -> float:
        lately = self._course.over(PACE_OVER)
        return lately.done / lately.when if lately.when else 0.0

    def _told(
        self, name: str, wrong: tuple[Severity, str, float, float] | None, now: float, holds: float = 0.0
    ) -> Iterator[Alert]:
        if wrong is None:
            self._since.pop(name, None)
            return
        since = self._since.setdefault(name, now)
        state: State = "firing" if now - since >= holds else "pending"
        severity, says, figure, threshold = wrong
        yield Alert(
            name=name,
            service=self.service,
            severity=severity,
            state=state,
            since=since,
            says=says,
            figure=figure,
            threshold=threshold,
        )


def worst_first(alerts: Sequence[Alert]) -> list[Alert]:
    """Order alerts: those that fire before those that may, pages before tickets, the oldest first."""
    return sorted(alerts, key=lambda one: (one.state != "firing", one.severity != "page", one.since, one.service))


def _read(decided: Mapping[str, Any], topic: str, kind: type[T]) -> T | None:
    return msgspec.convert(decided[topic], kind) if topic in decided else None


def _bad(point: Point, *, slow: bool) -> tuple[float, float]:
    bad, of = (point.slow, point.timed) if slow else (point.failed, point.done)
    return bad, bad / of if of else 0.0


def _window(named: str, seen: Point) -> str:
    """Name a window, and say where less than it was seen."""
    wanted = seconds(named)
    if seen.when >= wanted * 0.95:
        return named
    return f"{named} (seen: {seen.when / 60:.0f}m)" if seen.when >= 60 else f"{named} (seen: {seen.when:.0f}s)"  # noqa: PLR2004 - a minute


def _percent(share: float) -> str:
    return f"{round(share * 100, 4):g} %"
