"""What a service spends on those it works with, when it gives up on them, and what it does then."""

from math import ceil
from typing import Literal

import msgspec

from fairway.core.conditions import CALLED, EXPOSED, MESH, MISSION_CRITICAL, REROUTING, RUNS_ON
from fairway.core.decision import Decision, Instead, State
from fairway.core.facts import Call, WhenDown, seconds
from fairway.core.levels import strictest
from fairway.core.profile import Landscape, Profile, StoreProfile, regions_of
from fairway.core.wording import listed
from fairway.stages.s09_resilience.decisions.levels import (
    BREAKER,
    EJECTION,
    HELD,
    LEAST_CONCURRENT,
    MOST_EJECTED,
    OLDEST,
    OUTSIDE,
    carried,
    latency,
    rate,
)


class Ejection(msgspec.Struct, frozen=True, kw_only=True):
    """When callers leave a failing replica out, and for how long."""

    errors: int  # in a row
    interval: str  # between two looks
    left_out: str  # the first time; each further time that much longer
    at_most: int  # percent of the replicas, so that some always answer


class Breaker(msgspec.Struct, frozen=True, kw_only=True):
    """When a breaker opens, how long it stays so, and what it then lets through."""

    failures: int  # in a row: errors of the callee and time-outs, never refusals of a wrong request
    open_for: str
    trials: int = 1  # calls let through when that time is over, before it closes
    layers: tuple[str, ...] = ("client",)  # the mesh's connection pool too, where there is one


class Fallback(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller does while the callee is down."""

    mode: WhenDown
    oldest: str | None = None  # the oldest answer that may be served; only of 'cached'
    store: str | None = None  # where older answers or waiting calls are kept; None: in each replica's memory


class Rerouting(msgspec.Struct, frozen=True, kw_only=True):
    """How traffic moves to another place."""

    form: Literal["mesh-locality", "gateway-api"]
    between: Literal["regions", "zones"]
    regions: tuple[str, ...]


def ejection(profile: Profile) -> Decision[Ejection] | None:
    """Choose when callers leave a failing replica out; None where no requests reach it."""
    if not profile.serving or not RUNS_ON(profile).holds:
        return None
    errors, interval, left_out = EJECTION[profile.facts.criticality]
    reached = CALLED(profile) if profile.called else EXPOSED(profile)
    return Decision(
        rule="resilience/isolation",
        topic="failing replicas",
        answer=f"a replica that fails {errors} times in a row is left out for {left_out};"
        f" never more than {MOST_EJECTED} % of them at once",
        because=f"{reached.because}, and {MISSION_CRITICAL(profile).because}",
        value=Ejection(errors=errors, interval=interval, left_out=left_out, at_most=MOST_EJECTED),
        instead=(Instead("probes alone", "a replica may pass its probes and fail every request"),),
    )


def limits(profile: Profile, callee: str, landscape: Landscape) -> Decision[int]:
    """Choose how many calls to one callee a replica makes at a time: as many as run while the callee keeps its promise.

    More than that are under way only when the callee is slow; they are refused, so that they hold up nothing else.
    """
    declared = profile.facts.calls[callee].timeout
    answers, because = OUTSIDE, f"{callee} is outside and taken to answer within {OUTSIDE}"
    if callee in landscape.services:
        answers = latency(landscape.services[callee].facts)
        because = f"{callee} promises an answer within {answers}"
    if declared and seconds(declared) < seconds(answers):
        answers, because = declared, f"a call is given up after {declared}"
    concurrent = max(LEAST_CONCURRENT, ceil(rate(profile.facts) * seconds(answers)))
    return Decision(
        rule="resilience/isolation",
        topic="limits",
        subject=f"call {callee}",
        answer=f"{concurrent:,} calls at a time from each {_one(profile)}; the next is refused at once",
        because=f"{carried(profile)}, and {because}",
        value=concurrent,
        instead=(Instead("no limit", f"while {callee} is slow, calls to it would take up the whole {_one(profile)}"),),
    )


def pool(profile: Profile, store: StoreProfile) -> Decision[int]:
    """Choose how many connections a replica may hold to one store."""
    connections = max(LEAST_CONCURRENT, ceil(rate(profile.facts) * HELD))
    return Decision(
        rule="resilience/isolation",
        topic="limits",
        subject=f"store {store.name}",
        answer=f"{connections:,} connections from each {_one(profile)}",
        because=f"{carried(profile)} and holds a connection for {HELD * 1000:g}ms each",
        value=connections,
        instead=(Instead("no limit", "a burst here would leave other users of the store without a connection"),),
    )


def _one(profile: Profile) -> str:
    return "run" if profile.runs_to_completion else "replica"


def breaker(profile: Profile, callee: str) -> Decision[Breaker]:
    """Choose when the breaker of one call opens, for how long, and where it sits."""
    failures, open_for = BREAKER[profile.facts.criticality]
    mesh = MESH(profile)
    where = "in the client and in the mesh" if mesh.holds else "in the client"
    return Decision(
        rule="resilience/circuit-breakers",
        topic="breaker",
        subject=f"call {callee}",
        answer=f"{where}: opens after {failures} failures in a row, for {open_for}, then lets one call through to see",
        because=f"{MISSION_CRITICAL(profile).because}, and {mesh.because}",
        value=Breaker(failures=failures, open_for=open_for, layers=("client", "mesh") if mesh.holds else ("client",)),
        instead=(
            Instead("retries alone", f"they add load while {callee} is down"),
            Instead("all waiting calls as a trial", f"{callee} would be knocked down again as it comes back"),
        ),
    )


def degraded(profile: Profile, callee: str, landscape: Landscape) -> Decision[Fallback]:
    """Choose what the caller does while one callee is down; a question where an essential call is silent about it."""
    call = profile.facts.calls[callee]
    state, answer, because = _open(profile, callee, call) or ("decided", "", "it is declared so")
    value = Fallback(mode="fail" if state != "decided" else call.when_down or "skip")
    if not call.when_down and not call.essential:
        because = "the call is not essential, and nothing else is declared"
    if not answer:
        value, answer, why = _fallback(profile, callee, value, landscape)
        because = f"{because}, and {why}" if why else because
    return Decision(
        rule="resilience/degraded-modes",
        topic="when down",
        subject=f"call {callee}",
        answer=answer,
        because=because,
        value=value,
        instead=(Instead("waiting", f"{profile.name} would soon be down as well"),),
        state=state,
    )


def _open(profile: Profile, callee: str, call: Call) -> tuple[State, str, str] | None:
    """Say what is missing before the fallback of a call can be kept; None where nothing is."""
    if call.when_down is None and call.essential:
        question = f"What does {profile.name} do while {callee} is down: fail, cached, skip or queue?"
        return "unanswered", question, "the call is essential and nothing is declared; until then it fails at once"
    if call.when_down == "skip" and call.essential:
        takes = f"'essential: false' for the call to {callee}, or another answer than skip"
        return "owed", takes, "what is essential cannot be left out; until then the call fails at once"
    if call.when_down == "queue" and not call.idempotent:
        takes = f"a call to {callee} that may be made twice, declared 'idempotent: true'"
        return "owed", takes, "a queued call is made again after a crash; until then it fails at once"
    if call.when_down == "queue" and not profile.durable_stores:
        takes = f"a durable store for {profile.name}"
        return "owed", takes, "queued calls have to be kept somewhere; until then the call fails at once"
    return None


def _fallback(profile: Profile, callee: str, value: Fallback, landscape: Landscape) -> tuple[Fallback, str, str]:
    """Fill in where and how long, and say it in words, with what decided it."""
    if value.mode == "fail":
        return value, f"it fails at once, and says that {callee} is down", ""
    if value.mode == "skip":
        return value, f"it goes on without {callee}, and says which part is missing", ""
    if value.mode == "queue":
        value = msgspec.structs.replace(value, store=profile.durable_stores[0].name)
        return value, f"the call is noted in {value.store}, and made once {callee} is back", ""
    known = landscape.services.get(callee)
    data = strictest(known.data if known else ())
    store = next((store.name for store in profile.stores if not store.durable), None)
    value = msgspec.structs.replace(value, oldest=OLDEST[data], store=store)
    where = f"from {store}" if store else "from each replica's memory"
    return value, f"an older answer {where}, {OLDEST[data]} old at most and marked so", f"{callee} handles {data} data"


def rerouting(profile: Profile) -> Decision[Rerouting | None] | None:
    """Choose how traffic to the service moves to another place; None where it need not."""
    wanted, mesh = REROUTING(profile), MESH(profile)
    if not wanted.holds:
        return None
    if not mesh.holds and profile.system.platform.routes == "ingress":
        return Decision(
            rule="resilience/rerouting",
            topic="rerouting",
            answer="'routes: gateway-api', or a mesh",
            because=f"{wanted.because}, and an Ingress knows no second place; until then nothing moves",
            value=None,
            state="owed",
        )
    regions = tuple(regions_of(profile.system))
    between: Literal["regions", "zones"] = "regions" if len(regions) > 1 else "zones"
    places = f"between {listed(regions)}" if len(regions) > 1 else "between zones"
    form: Literal["mesh-locality", "gateway-api"] = "mesh-locality" if mesh.holds else "gateway-api"
    return Decision(
        rule="resilience/rerouting",
        topic="rerouting",
        answer=f"{'locality failover of the mesh' if mesh.holds else 'a second backend in Gateway API'}, {places}",
        because=f"{wanted.because}, and {mesh.because}",
        value=Rerouting(form=form, between=between, regions=regions),
        instead=(
            Instead("Gateway API", "the mesh sees single replicas fail, and is there already")
            if mesh.holds
            else Instead("a mesh", "moving traffic alone is not worth running one"),
        ),
    )
