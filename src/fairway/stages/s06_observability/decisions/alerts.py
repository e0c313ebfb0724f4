"""Alerts on errors, latency and throughput: how bad, for how long, and who is told."""

from math import ceil
from typing import Final

import msgspec

from fairway.core.decision import Decision, Instead
from fairway.core.profile import Landscape, Profile
from fairway.core.wording import listed
from fairway.stages.s06_observability.decisions.levels import Burn, Severity, Work, level, work

SLOW_BUDGET: Final = 0.01  # a latency objective speaks of 99 of 100
LEAST_BAD: Final = 5  # at one request a minute a single failure is no trend
EXPECTED: Final = 50  # requests in a window of throughput; with fewer, too few may be chance
LONGEST: Final = 3 * 24 * 60  # minutes; rarer work than that is not watched by its pace


class BurnAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert on the pace at which a budget is spent: it fires where the bad share passes factor times budget."""

    work: tuple[Work, ...]
    budget: float  # the share that may be bad, 0 to 1
    burns: tuple[Burn, ...]
    least_bad: int
    slower_than: str | None = None  # bad is what takes longer; None: bad is what fails


class ThroughputAlert(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of how much is done in a second; a floor of 0 alerts only when nothing is done at all."""

    work: tuple[Work, ...]
    floor: float
    ceiling: float
    window: str
    severity: Severity


class RunAlert(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a run: it fails, takes too long, or does not come."""

    severity: Severity
    longest: str
    late: str | None  # None where nothing says when it is due


def unseen(profile: Profile) -> Decision[None] | None:
    """Say that nothing tells of what a program does; None where something does."""
    if profile.runs_to_completion or work(profile):
        return None
    return Decision(
        rule="observability/alerts",
        topic="alert on errors",
        answer="none: nothing counts its work. Which counts, by which names, does it tell itself?",
        because="it is not written with the SDK, and no proxy sees what a program does that nobody calls",
        value=None,
        state="owed",
    )


def alert_on_errors(profile: Profile) -> Decision[BurnAlert]:
    """Choose when failures alert: by how fast they spend what the availability objective leaves."""
    availability, _ = _objectives(profile)
    budget = round(1 - availability / 100, 9)
    alert = BurnAlert(work=work(profile), budget=budget, burns=_burns(profile, budget), least_bad=LEAST_BAD)
    return Decision(
        rule="observability/alerts",
        topic="alert on errors",
        answer=_burning(alert, f"{listed(alert.work)} fail"),
        because=f"{availability:.10g} % of its {listed(alert.work)} are to end well, {_critical(profile)}",
        value=alert,
        instead=(
            Instead("a fixed limit on errors", "it wakes people for a blip, or sleeps through a slow loss"),
            *_unpaged(alert),
        ),
    )


def alert_on_latency(profile: Profile) -> Decision[BurnAlert]:
    """Choose when slowness alerts: by how fast it spends the one in a hundred that may be slow."""
    _, latency = _objectives(profile)
    alert = BurnAlert(
        work=work(profile),
        budget=SLOW_BUDGET,
        burns=_burns(profile, SLOW_BUDGET),
        least_bad=LEAST_BAD,
        slower_than=latency,
    )
    return Decision(
        rule="observability/alerts",
        topic="alert on latency",
        answer=_burning(alert, f"{listed(alert.work)} take longer than {latency}"),
        because=f"99 of 100 of its {listed(alert.work)} are to stay within {latency}, {_critical(profile)}",
        value=alert,
        instead=(
            Instead("an alert on the average", "it hides the slow ones that users remember"),
            *_unpaged(alert),
        ),
    )


def _unpaged(alert: BurnAlert) -> tuple[Instead, ...]:
    paged = any(burn.severity == "page" for burn in alert.burns)
    return () if paged else (Instead("a page", "nobody is woken for a service of low criticality"),)


def _critical(profile: Profile) -> str:
    return f"and its criticality is {profile.facts.criticality}"


def _burns(profile: Profile, budget: float) -> tuple[Burn, ...]:
    """Leave out a pace that no outage reaches: where 10 % may fail, a full one spends at pace 10."""
    return tuple(burn for burn in level(profile).burns if burn.factor * budget < 1)


def _burning(alert: BurnAlert, bad: str) -> str:
    """Say all thresholds of an alert; what is bad is said with the first of them."""
    severities: dict[Severity, list[str]] = {}
    for burn in alert.burns:
        what = "" if severities else f" of its {bad}"
        over = f"{round(burn.factor * alert.budget * 100, 7):g} %{what} over {burn.long} and {burn.short}"
        severities.setdefault(burn.severity, []).append(over)
    said = [f"a {severity} when more than {', or '.join(over)}" for severity, over in severities.items()]
    return f"{'; '.join(said)}; never for fewer than {alert.least_bad}"


def alert_on_throughput(profile: Profile, landscape: Landscape) -> Decision[ThroughputAlert]:
    """Choose what is too little and too much; without declared traffic only a full stop is too little."""
    figures, traffic, kinds = level(profile), profile.facts.traffic, work(profile)
    assert traffic is not None
    peak = f"{traffic.peak:,.10g}"
    if landscape.declared.services[profile.name].traffic is None:
        floor, too_few = 0.0, f"no {' or '.join(kinds)} at all"
        because = f"no traffic is declared: only a full stop is surely too little, and a peak of {peak} a "
        because += f"second is assumed; its criticality is {profile.facts.criticality}"
    else:
        floor = float(f"{traffic.typical * figures.floor:.3g}")
        too_few = f"fewer than {floor:,.10g} {listed(kinds)} a second"
        are = "is" if traffic.typical == 1 else "are"
        because = f"{traffic.typical:,.10g} a second {are} typical and {peak} its peak, {_critical(profile)}"
    minutes = min(max(figures.quiet, ceil(EXPECTED / traffic.typical / 60)), LONGEST)
    return Decision(
        rule="observability/alerts",
        topic="alert on throughput",
        answer=f"a {figures.otherwise} for {too_few}, or more than {peak} a second, for {minutes}m on end",
        because=because,
        value=ThroughputAlert(
            work=kinds, floor=floor, ceiling=traffic.peak, window=f"{minutes}m", severity=figures.otherwise
        ),
        instead=(Instead("a comparison with last week", "a new service has none, and holidays mislead"),),
    )


def alert_on_runs(profile: Profile) -> Decision[RunAlert]:
    """Choose when a run alerts: it fails, takes too long, or does not come."""
    figures = level(profile)
    late = figures.late if profile.facts.schedule else None
    missing = f", or when none has ended well {late} after it was due" if late else ""
    return Decision(
        rule="observability/alerts",
        topic="alert on runs",
        answer=f"a {figures.otherwise} when a run fails or takes longer than {figures.longest}{missing}",
        because="it runs to completion: a run's failure, length and absence are its errors, latency and throughput; "
        f"its criticality is {profile.facts.criticality}",
        value=RunAlert(severity=figures.otherwise, longest=figures.longest, late=late),
    )


def alerted(profile: Profile) -> Decision[str] | None:
    """Name who gets its alerts; where nobody answers for it, the question is asked once for the system."""
    owner = profile.facts.owner
    if owner is None:
        return None
    reached = profile.system.owners.get(owner)
    return Decision(
        rule="observability/alerts",
        topic="who is alerted",
        answer=f"{owner}, at {reached}" if reached else owner,
        because=f"{owner} answers for it",
        value=owner,
    )


def _objectives(profile: Profile) -> tuple[float, str]:
    objectives = profile.facts.objectives
    assert objectives is not None
    assert objectives.availability is not None
    assert objectives.latency is not None
    return objectives.availability, objectives.latency
