"""How replicas are replaced, who meets a new version first, and what the metrics must say before it goes on."""

from math import ceil
from typing import Final, Literal

import msgspec

from fairway.core.conditions import CUSTOMER_FACING, RUNS_ON
from fairway.core.decision import Decision, Instead
from fairway.core.facts import Criticality, seconds
from fairway.core.profile import Landscape, Profile

DRAIN: Final = 10  # seconds until nobody sends to a replica that is going
LONGEST_REQUESTS: Final = 10  # times the latency objective, for what is still under way
SHORTEST_GRACE: Final = 30  # seconds
ENOUGH: Final = 200  # requests that a step must see, or its share of errors means nothing
LEAST: Final = 50  # requests in the window of a verdict; a step of 15 minutes that sees ENOUGH has more in 5
LEAST_BAD: Final = 5  # one failure among fifty requests is no trend
WINDOW: Final = 5  # minutes that a verdict looks back
LONGEST_STEP: Final = 24 * 60  # minutes; a service that is asked less often waits for a person


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A share of traffic or replicas that meets the new version, and how long it is watched there."""

    percent: int
    minutes: int


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """The figures that follow from how critical a service is."""

    surge: str
    proven: int  # seconds that a new replica must stay ready before it counts
    steps: tuple[Step, ...]
    preview: int  # minutes that blue/green watches the new version before all move
    kept: int  # minutes that the old version stays ready to take back
    burn: float  # pace of spending the error budget at which a version goes back
    slack: float  # times the latency objective
    interval: str


LEVELS: Final[dict[Criticality, Level]] = {
    "mission-critical": Level(
        surge="20%",
        proven=30,
        steps=(
            Step(percent=1, minutes=10),
            Step(percent=5, minutes=10),
            Step(percent=25, minutes=15),
            Step(percent=50, minutes=15),
        ),
        preview=15,
        kept=60,
        burn=6,
        slack=1.0,
        interval="1m",
    ),
    "standard": Level(
        surge="25%",
        proven=15,
        steps=(Step(percent=5, minutes=5), Step(percent=25, minutes=10), Step(percent=50, minutes=10)),
        preview=10,
        kept=30,
        burn=10,
        slack=1.2,
        interval="1m",
    ),
    "low": Level(
        surge="50%",
        proven=5,
        steps=(Step(percent=20, minutes=5), Step(percent=50, minutes=5)),
        preview=5,
        kept=10,
        burn=14.4,
        slack=1.5,
        interval="2m",
    ),
}


class Rolling(msgspec.Struct, frozen=True, kw_only=True):
    """How replicas are replaced. Surge and unavailable are of a Deployment; a StatefulSet replaces one at a time."""

    form: Literal["surge", "one-by-one", "next-run"]
    max_surge: str = "0"
    max_unavailable: int = 0
    min_ready_seconds: int = 0
    drain_seconds: int = 0
    grace_seconds: int = SHORTEST_GRACE


class Progressive(msgspec.Struct, frozen=True, kw_only=True):
    """Who meets a new version when; shares of replicas are rounded up to a whole one."""

    form: Literal["canary", "blue-green", "partitioned"]
    shift: Literal["istio", "gateway-api", "ambassador", "replicas", "service"]
    steps: tuple[Step, ...] = ()
    preview_minutes: int = 0
    kept_minutes: int = 0


class Analysis(msgspec.Struct, frozen=True, kw_only=True):
    """What the metrics must say about a new version. Failures in a row send it back; no verdict makes it wait."""

    errors_above: float  # share, 0 to 1
    slow_above: float  # share, 0 to 1
    slower_than: float  # seconds
    least_bad: int
    least: int  # requests or events in the window, or there is no verdict
    window: str
    interval: str
    failures: int
    no_data: Literal["pause"]


def rolling(profile: Profile) -> Decision[Rolling]:
    """Choose how replicas are replaced, so that no request fails."""
    level, criticality = LEVELS[profile.facts.criticality], profile.facts.criticality
    if profile.runs_to_completion:
        return Decision(
            rule="delivery/rolling",
            topic="rolling update",
            answer="none: its next run starts the new version, and a run that is under way ends with its own",
            because="it runs to completion",
            value=Rolling(form="next-run"),
            instead=(Instead("stopping the run", "its work would be left half done"),),
        )
    grace, leaving = _leaving(profile)
    if profile.stateful:
        return Decision(
            rule="delivery/rolling",
            topic="rolling update",
            answer=f"one replica at a time, ready for {level.proven}s before the next; {leaving}",
            because=f"it is stateful, and its criticality is {criticality}",
            value=Rolling(
                form="one-by-one",
                max_unavailable=1,
                min_ready_seconds=level.proven,
                drain_seconds=DRAIN,
                grace_seconds=grace,
            ),
            instead=(Instead("several at once", "they could hold all copies of the same data"),),
        )
    return Decision(
        rule="delivery/rolling",
        topic="rolling update",
        answer=f"{level.surge.replace('%', ' %')} more replicas while it lasts and none fewer; "
        f"a new one counts when ready for {level.proven}s; {leaving}",
        because=f"it is stateless, and its criticality is {criticality}",
        value=Rolling(
            form="surge",
            max_surge=level.surge,
            min_ready_seconds=level.proven,
            drain_seconds=DRAIN,
            grace_seconds=grace,
        ),
        instead=(
            Instead(
                "stopping the old before starting the new",
                f"{'requests in between would fail' if profile.serving else 'events would pile up in between'}",
            ),
        ),
    )


def _leaving(profile: Profile) -> tuple[int, str]:
    """Tell how many seconds a replica has in all when it goes, and how it goes: nobody sends requests to a worker."""
    waits = [] if profile.serving else [seconds(call.timeout) for call in profile.facts.calls.values() if call.timeout]
    grace = max(SHORTEST_GRACE, DRAIN + ceil(max(LONGEST_REQUESTS * _latency(profile), *waits, 0)))
    if profile.serving:
        return grace, f"an old one stops getting requests {DRAIN}s before it is told to end, and has {grace}s in all"
    return grace, f"an old one works on for {DRAIN}s, takes no event once it is told to end, and has {grace}s in all"


def progressive(profile: Profile) -> Decision[Progressive] | None:
    """Choose who meets a new version first: a canary, a second set, or one replica of a stateful service."""
    asked = (RUNS_ON & CUSTOMER_FACING)(profile)
    if not asked.holds:
        return None
    if profile.stateful:
        return _partitioned(profile, asked.because)
    if _moves_at_once(profile):
        return _blue_green(profile, asked.because)
    return _canary(profile, asked.because)


def _moves_at_once(profile: Profile) -> bool:
    return profile.system.platform.progressive == "blue-green" and profile.serving


def _canary(profile: Profile, because: str) -> Decision[Progressive]:
    traffic = profile.facts.traffic
    assert traffic is not None
    level, steps = LEVELS[profile.facts.criticality], _canary_steps(profile)
    shift, how = _shift(profile)
    what = "requests" if profile.serving else "events"
    few = f"; a {'smaller' if steps[-1] == level.steps[-1] else 'shorter'} step would see fewer than {ENOUGH}"
    blue_green = (
        "the new set would take events before it is promoted"
        if not profile.serving
        else "it moves everybody at once, and needs every replica twice"
    )
    return Decision(
        rule="delivery/progressive",
        topic="release",
        answer=f"canary, {_steps(steps, what)}, {how}",
        because=f"{because}, its criticality is {profile.facts.criticality}, "
        f"and {traffic.typical:,.10g} {what} a second are typical{few if steps != level.steps else ''}",
        value=Progressive(form="canary", shift=shift, steps=steps),
        instead=(
            Instead("blue/green", blue_green),
            Instead("a plain rolling update", "a fault would reach everybody before a metric shows it"),
        ),
    )


def _canary_steps(profile: Profile) -> tuple[Step, ...]:
    """Leave out steps that would see too little; where all would, make the last one long enough."""
    assert profile.facts.traffic is not None
    typical, steps = profile.facts.traffic.typical, LEVELS[profile.facts.criticality].steps
    telling = tuple(step for step in steps if _minutes_for(ENOUGH, typical, step.percent) <= step.minutes)
    if telling:
        return telling
    minutes = _minutes_for(ENOUGH, typical, steps[-1].percent)
    return (Step(percent=steps[-1].percent, minutes=min(minutes, LONGEST_STEP)),)


def _minutes_for(requests: int, typical: float, percent: int) -> int:
    return ceil(requests / (typical * percent / 100) / 60)


def _blue_green(profile: Profile, because: str) -> Decision[Progressive]:
    level = LEVELS[profile.facts.criticality]
    return Decision(
        rule="delivery/progressive",
        topic="release",
        answer=f"blue/green: test calls try the new set for {level.preview}m, then all requests move at once, "
        f"and the old stays for {level.kept}m",
        because=f"{because}, the facts choose blue/green, and its criticality is {profile.facts.criticality}",
        value=Progressive(form="blue-green", shift="service", preview_minutes=level.preview, kept_minutes=level.kept),
        instead=(Instead("canary", "the facts choose that all users meet one version at a time"),),
    )


def _partitioned(profile: Profile, because: str) -> Decision[Progressive]:
    minutes = LEVELS[profile.facts.criticality].preview
    return Decision(
        rule="delivery/progressive",
        topic="release",
        answer=f"one replica first, for {minutes}m, then half of them for {minutes}m, then all",
        because=f"{because} and stateful, and its criticality is {profile.facts.criticality}",
        value=Progressive(
            form="partitioned",
            shift="replicas",
            steps=(Step(percent=1, minutes=minutes), Step(percent=50, minutes=minutes)),
        ),
        instead=(Instead("canary or blue/green", "a second set of replicas would not have the data"),),
    )


def _steps(steps: tuple[Step, ...], what: str) -> str:
    first, *rest = steps
    said = [f"{first.percent} % of {what} for {first.minutes}m", *(f"{s.percent} % for {s.minutes}m" for s in rest)]
    return f"{', '.join(said)}, then all"


def _shift(profile: Profile) -> tuple[Literal["istio", "gateway-api", "ambassador", "replicas"], str]:
    """Say what moves the share: whatever stands before the service and knows weights, or else replica counts."""
    platform = profile.system.platform
    if not profile.serving:
        return "replicas", "by counting replicas, as no request can be routed"
    if platform.mesh == "istio":
        return "istio", "moved by the mesh"
    if profile.exposed and platform.gateway == "ambassador":
        return "ambassador", "moved by the gateway"
    if profile.exposed and platform.routes == "gateway-api":
        return "gateway-api", "moved by the gateway"
    return "replicas", "by counting replicas, as nothing before it knows weights"


def verdict(profile: Profile) -> Decision[Analysis] | None:
    """Choose what the metrics must say of a new version before it goes on, and when it goes back."""
    if not (RUNS_ON & CUSTOMER_FACING)(profile).holds:
        return None
    objectives, level = profile.facts.objectives, LEVELS[profile.facts.criticality]
    assert objectives is not None
    assert objectives.availability is not None
    what = "requests" if profile.serving else "events"
    value = Analysis(
        errors_above=round(min(0.5, level.burn * (1 - objectives.availability / 100)), 9),
        slow_above=0.01,
        slower_than=round(_latency(profile) * level.slack, 3),
        least_bad=LEAST_BAD,
        least=LEAST,
        window=f"{_window(profile)}m",
        interval=level.interval,
        failures=2,
        no_data="pause",
    )
    return Decision(
        rule="delivery/progressive" if profile.stateful else "delivery/metric-rollback",
        topic="goes back when",
        answer=f"more than {value.errors_above * 100:.7g} % of its {what} in {value.window} fail, or more than "
        f"{value.slow_above * 100:g} % take longer than {_spelt(value.slower_than)}, "
        f"twice in a row {value.interval} apart; "
        f"never for fewer than {LEAST_BAD}, and with fewer than {LEAST} {what} in all it waits where it is",
        because=f"{objectives.availability:.10g} % of {what} are to end well and 99 of 100 within "
        f"{objectives.latency}, and its criticality is {profile.facts.criticality}",
        value=value,
        instead=(
            Instead("going on without data", "a version that answers nobody would pass"),
            Instead("a person's judgement", "nobody watches every step of every release"),
        ),
    )


def _window(profile: Profile) -> int:
    """Look back far enough for a verdict in the smallest canary step; others meet enough calls anyway."""
    if profile.stateful or _moves_at_once(profile):
        return WINDOW
    assert profile.facts.traffic is not None
    smallest = _canary_steps(profile)[0]
    return max(WINDOW, min(smallest.minutes, _minutes_for(LEAST, profile.facts.traffic.typical, smallest.percent)))


def _latency(profile: Profile) -> float:
    objectives = profile.facts.objectives
    assert objectives is not None
    assert objectives.latency is not None
    return seconds(objectives.latency)


def _spelt(duration: float) -> str:
    """Write seconds as durations are declared: 480ms, 1.2s."""
    return f"{duration:g}s" if duration >= 1 else f"{duration * 1000:g}ms"


def release_form(landscape: Landscape) -> Decision[str] | None:
    """Choose how customer-facing services are released, where there are any."""
    facing = [name for name, p in landscape.services.items() if (RUNS_ON & CUSTOMER_FACING)(p).holds]
    if not facing:
        return None
    chosen = str(landscape.system.platform.progressive)
    declared = landscape.declared.platform.progressive is not None
    customers = f"{facing[0]} is customer-facing" if len(facing) == 1 else f"{len(facing)} services are customer-facing"
    others = {
        "canary": ("blue/green", "it needs every replica twice"),
        "blue-green": ("canary", "two versions would answer at once"),
    }
    return Decision(
        rule="delivery/progressive",
        topic="releases",
        answer=f"{chosen.replace('-', '/')} by Argo Rollouts",
        because=f"{customers}, and it is {'declared' if declared else 'the default'}",
        value=chosen,
        instead=(Instead(*others[chosen]),),
    )
