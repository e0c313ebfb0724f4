"""Orchestration: what kind of workload it is, how many replicas run, how they are watched and scaled."""

from collections.abc import Iterator
from math import ceil
from typing import Final, Literal

import msgspec

from fairway.core import programs
from fairway.core.conditions import RUNS_ON, STATEFUL, STATELESS
from fairway.core.decision import AnyDecision, Decision, Instead
from fairway.core.facts import seconds
from fairway.core.products import SECRETS_MANAGERS
from fairway.core.profile import Landscape, Profile
from fairway.core.wording import listed

Kind = Literal["Deployment", "StatefulSet", "Job", "CronJob"]
Apart = Literal["machines", "zones"]

LEAST_REPLICAS: Final = {"mission-critical": 3, "standard": 2, "low": 1}
HEAD_ROOM: Final = 1.25  # of the peak, so that one replica may be gone at the busiest minute
CPU_TARGET: Final = 70  # percent of the requested CPU at which replicas are added
SPREAD_HARD: Final = {"mission-critical": True, "standard": False, "low": False}
SHARED_UNAVAILABLE: Final = 8  # from so many replicas on, a quarter may be gone at once


class Replicas(msgspec.Struct, frozen=True, kw_only=True):
    """How many replicas run; equal numbers mean that nothing scales them."""

    least: int
    most: int


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """How often a probe asks, how long it waits, and how many failures it takes, by kind of probe."""

    startup: tuple[int, int, int]  # period and timeout in seconds, failures
    liveness: tuple[int, int, int]
    readiness: tuple[int, int, int] | None  # None for a worker: nobody sends it requests


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """What one replica asks for and may not exceed."""

    requests: dict[str, str]
    limits: dict[str, str]


def kind(profile: Profile) -> Decision[Kind]:
    """Choose the kind of workload."""
    if not RUNS_ON(profile).holds:
        scheduled = profile.facts.schedule is not None
        return Decision(
            rule="orchestration/configmaps-and-secrets",
            topic="workload",
            answer=f"CronJob, at '{profile.facts.schedule}'" if scheduled else "Job",
            because=RUNS_ON(profile).because,
            value="CronJob" if scheduled else "Job",
            instead=(Instead("Deployment", "it would be started again each time it ends"),),
        )
    if (stateful := STATEFUL(profile)).holds:
        return Decision(
            rule="orchestration/statefulset",
            topic="workload",
            answer="StatefulSet",
            because=stateful.because,
            value="StatefulSet",
            instead=(Instead("Deployment", "a new replica would come up without what the old one kept"),),
        )
    return Decision(
        rule="orchestration/deployment",
        topic="workload",
        answer="Deployment",
        because=STATELESS(profile).because,
        value="Deployment",
        instead=(Instead("StatefulSet", "replicas are alike, so none needs a name or a disk of its own"),),
    )


def replicas(profile: Profile) -> Decision[Replicas] | None:
    """Choose how many replicas run, from criticality and declared traffic; None for what runs to completion."""
    if profile.runs_to_completion:
        return None
    facts, traffic = profile.facts, profile.facts.traffic
    assert traffic is not None
    assert traffic.per_replica is not None
    level = LEAST_REPLICAS[facts.criticality]
    if facts.customer_facing:
        level = max(level, LEAST_REPLICAS["standard"])
    least = max(level, ceil(traffic.typical / traffic.per_replica))
    what = f"{'request' if profile.serving else 'event'}{'' if traffic.typical == 1 else 's'}"
    carried = (
        f"{traffic.typical:,.10g} {what} a second, {traffic.peak:,.10g} at peak, {traffic.per_replica:,.10g} a replica"
    )
    customers = ", customers notice when it fails" if facts.customer_facing else ""
    words = f"its criticality is {facts.criticality}{customers}, and it takes {carried}"
    if profile.stateful:
        room = 1 if facts.criticality == "low" else HEAD_ROOM
        always = max(level, ceil(traffic.peak * room / traffic.per_replica))
        reason = "; nothing adds replicas at the peak, so they are enough for it" if always > level else ""
        return Decision(
            rule="orchestration/manual-scaling",
            topic="replicas",
            answer=f"{_replicas(always)}, scaled by hand",
            because=f"{STATEFUL(profile).because}, {words}{reason}",
            value=Replicas(least=always, most=always),
            instead=(Instead("an autoscaler", "it would take replicas away without moving what they keep"),),
        )
    most = max(least * 2, ceil(traffic.peak * HEAD_ROOM / traffic.per_replica))
    return Decision(
        rule="orchestration/autoscale",
        topic="replicas",
        answer=f"{least} to {most}, more at {CPU_TARGET} % of the requested CPU",
        because=f"{STATELESS(profile).because}, {words}",
        value=Replicas(least=least, most=most),
        instead=(Instead(f"always {_replicas(most)}", "they would idle on an ordinary day"),),
    )


def disruption(profile: Profile) -> Decision[str] | None:
    """Choose how many replicas maintenance may take at once; None for what runs to completion."""
    counted = replicas(profile)
    if counted is None:
        return None
    few = counted.value.least < SHARED_UNAVAILABLE
    return Decision(
        rule="orchestration/statefulset" if profile.stateful else "orchestration/deployment",
        topic="disruption budget",
        answer="one replica at a time" if few or profile.stateful else "a quarter of the replicas at a time",
        because=f"at least {_replicas(counted.value.least)} {'runs' if counted.value.least == 1 else 'run'}",
        value="1" if few or profile.stateful else "25%",
        instead=(
            Instead("a least number that must stay", "it blocks maintenance when it equals the number that runs"),
        ),
    )


def watch(profile: Profile) -> Decision[Watch] | None:
    """Choose the probes; None for what runs to completion."""
    if profile.runs_to_completion or (profile.foreign and not programs.listens(profile)):
        return None
    declared = profile.facts.starts_within or "30s"
    tries = max(3, ceil(seconds(declared) / 2))
    critical = profile.facts.criticality == "mission-critical"
    liveness = (10, 2, 3)
    readiness = ((2 if critical else 5), 2, 2) if profile.serving else None
    out = f"; out of rotation after {readiness[0] * readiness[2]}s of failing readiness" if readiness else ""
    restarted = liveness[0] * liveness[2]
    return Decision(
        rule="orchestration/probes",
        topic="probes",
        answer=f"{declared} to start, restarted after {restarted}s without a sign of life{out}",
        because=(
            f"its criticality is {profile.facts.criticality}, and "
            + ("requests reach it" if profile.serving else "nobody sends it requests, so readiness would mean nothing")
        ),
        value=Watch(startup=(2, 2, tries), liveness=liveness, readiness=readiness),
        instead=(
            Instead(
                "one probe for both", "a database that is down would restart every replica instead of resting them"
            ),
        ),
    )


def unwatched(profile: Profile) -> Decision[None] | None:
    """Say that nobody can ask a program that listens nowhere; None where it can be asked."""
    if not profile.foreign or profile.runs_to_completion or programs.listens(profile):
        return None
    return Decision(
        rule="orchestration/probes",
        topic="probes",
        answer="none: only its end is noticed. Which path at PORT tells that it lives? "
        f"services.{profile.name}.run.live",
        because="nobody sends it requests, and the facts name no path that it answers",
        value=None,
        state="owed",
    )


def size(profile: Profile) -> Decision[Size]:
    """Choose what one replica asks for and may not exceed."""
    resources = profile.facts.resources
    assert resources is not None
    cpu, memory = resources.cpu or "250m", resources.memory or "256Mi"
    limit = _millis(cpu) * 4
    return Decision(
        rule=kind(profile).rule,
        topic="resources",
        answer=f"{cpu} CPU, up to {limit}m for a moment; {memory} of memory and no more",
        because="memory that is not there cannot be lent, CPU can",
        value=Size(requests={"cpu": cpu, "memory": memory}, limits={"cpu": f"{limit}m", "memory": memory}),
    )


def spread(profile: Profile) -> Decision[Apart | None] | None:
    """Choose where replicas must stand apart, whatever it takes; None where there is one run at a time."""
    if profile.runs_to_completion:
        return None
    hard, level = SPREAD_HARD[profile.facts.criticality], profile.facts.criticality
    made = Decision[Apart | None](
        rule="orchestration/statefulset" if profile.stateful else "orchestration/deployment",
        topic="spread",
        answer="over zones and machines where there is room",
        because=f"its criticality is {level}",
        value=None,
        instead=(Instead("always over zones", "a replica would wait rather than start while a zone is full"),),
    )
    if not hard:
        return made
    own = [name for name, region in profile.system.regions.items() if region.cloud == "none"]
    if own:
        return msgspec.structs.replace(
            made,
            answer="always over machines, and over zones where there is room",
            because=f"its criticality is {level}, and {listed(own)} {'is' if len(own) == 1 else 'are'} in no cloud, "
            "where a machine would name its zone",
            value="machines",
            instead=(Instead("always over zones", "where no machine names its zone, no replica would start"),),
        )
    return msgspec.structs.replace(
        made,
        answer="always over zones",
        value="zones",
        instead=(Instead("as there is room", "one zone that fails would take several replicas at once"),),
    )


def for_service(profile: Profile, landscape: Landscape) -> Iterator[AnyDecision]:
    """Decide everything that orchestration asks of one service."""
    del landscape
    for decided in (
        kind(profile),
        replicas(profile),
        size(profile),
        spread(profile),
        disruption(profile),
        watch(profile),
        unwatched(profile),
    ):
        if decided is not None:
            yield decided


def for_system(landscape: Landscape) -> Iterator[AnyDecision]:
    """Decide where configuration and secrets live: the same for every service."""
    secrets = str(landscape.system.platform.secrets)
    yield Decision(
        rule="orchestration/configmaps-and-secrets",
        topic="configuration",
        answer="ConfigMaps named by their content, mounted as files; "
        f"secrets from {SECRETS_MANAGERS[secrets]}, mounted as files",
        because="a change of either must reach every replica, and a way back must be exact",
        value={"configuration": "configmap", "secrets": secrets},
        instead=(Instead("values in the workload", "they would differ between environments, and be read by anybody"),),
    )


def _replicas(number: int) -> str:
    return "1 replica" if number == 1 else f"{number:,} replicas"


def _millis(cpu: str) -> int:
    return int(cpu[:-1]) if cpu.endswith("m") else round(float(cpu) * 1000)
