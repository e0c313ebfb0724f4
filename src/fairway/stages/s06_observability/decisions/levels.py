"""What is measured of a service, and the figures that follow from how critical it is."""

from typing import Final, Literal, cast

import msgspec

from fairway.core.facts import Criticality
from fairway.core.levels import LONGEST_RUN
from fairway.core.profile import Profile

Severity = Literal["page", "ticket"]
Work = Literal["requests", "events", "calls", "tasks", "runs"]
Measure = Literal["requests", "events", "calls", "tasks", "runs", "outbox", "sagas", "stores", "saturation"]


class Burn(msgspec.Struct, frozen=True, kw_only=True):
    """A pace at which the error budget is spent, passed over a long and a short window at once."""

    severity: Severity
    factor: float  # 1 spends the budget of 30 days in exactly 30 days
    long: str
    short: str  # ends the alert soon after the fault has ended


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """The figures that follow from how critical a service is."""

    scrape: str
    burns: tuple[Burn, ...]
    otherwise: Severity  # what throughput and runs raise
    floor: float  # share of typical traffic below which something is wrong before it
    quiet: int  # minutes out of bounds before throughput alerts
    longest: str  # a run may take
    late: str  # a run may come after it was due
    traces: float  # kept each second


FAST = Burn(severity="page", factor=14.4, long="1h", short="5m")  # 2 % of the budget in an hour
STEADY = Burn(severity="page", factor=6, long="6h", short="30m")  # 5 % in six hours
SLOW = Burn(severity="ticket", factor=3, long="1d", short="2h")  # 10 % in a day
CREEPING = Burn(severity="ticket", factor=1, long="3d", short="6h")  # 10 % in three days
UNHURRIED = Burn(severity="ticket", factor=6, long="6h", short="30m")  # as STEADY, but nobody is woken

LEVELS: Final[dict[Criticality, Level]] = {
    "mission-critical": Level(
        scrape="15s",
        burns=(FAST, STEADY, SLOW, CREEPING),
        otherwise="page",
        floor=0.10,
        quiet=10,
        longest=LONGEST_RUN["mission-critical"],
        late="15m",
        traces=20,
    ),
    "standard": Level(
        scrape="30s",
        burns=(FAST, STEADY, CREEPING),
        otherwise="ticket",
        floor=0.05,
        quiet=15,
        longest=LONGEST_RUN["standard"],
        late="1h",
        traces=5,
    ),
    "low": Level(
        scrape="60s",
        burns=(UNHURRIED, CREEPING),
        otherwise="ticket",
        floor=0.01,
        quiet=30,
        longest=LONGEST_RUN["low"],
        late="6h",
        traces=1,
    ),
}

MEASURES: Final[dict[Measure, str]] = {
    "requests": "requests (rate, errors, duration)",
    "events": "events (handled, failed, parked)",
    "calls": "calls to others (errors, retries, open breakers)",
    "tasks": "tasks (rate, errors, duration)",
    "runs": "runs (ended well, failed, duration)",
    "outbox": "its outbox (events waiting)",
    "sagas": "sagas (running, stuck, compensated)",
    "stores": "its stores (connections, waiting time)",
    "saturation": "saturation (processors, memory)",
}


def level(profile: Profile) -> Level:
    """Look up the figures for one service."""
    return LEVELS[profile.facts.criticality]


def work(profile: Profile) -> tuple[Work, ...]:
    """Name what can go wrong in the eyes of those who rely on the service."""
    if profile.runs_to_completion:
        return ("runs",)
    if profile.foreign:  # nothing else of it is counted: by what carries its traffic
        return ("requests",) if profile.serving else ()
    taken: tuple[Work, ...] = (
        *(("requests",) if profile.serving else ()),
        *(("events",) if profile.facts.consumes else ()),
    )
    return taken or (("calls",) if profile.facts.calls else ("tasks",))


def measures(profile: Profile) -> tuple[Measure, ...]:
    """Name the groups of metrics that the service has: its work, then what its work depends on."""
    if profile.foreign:
        return cast("tuple[Measure, ...]", work(profile))
    coordinates = any(
        flow.coordinator == profile.name and flow.facts.consistency == "strong" for flow in profile.workflows
    )
    further: dict[Measure, bool] = {
        "calls": bool(profile.facts.calls),
        "outbox": bool(profile.facts.publishes),
        "sagas": coordinates,
        "stores": bool(profile.stores),
        "saturation": True,
    }
    return tuple(dict.fromkeys((*work(profile), *(measure for measure, there in further.items() if there))))
