"""What one service is for, what it speaks, and how it keeps sessions and retries."""

from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from fairway.core.completion import SESSION_STORE
from fairway.core.conditions import CALLED, EVENTUAL_WORKFLOW, EXPOSED, SECURE_USER_DATA, SESSIONS, STATELESS
from fairway.core.decision import Decision, Instead
from fairway.core.facts import seconds
from fairway.core.levels import EVENT_RETRIES
from fairway.core.products import ENGINES
from fairway.core.profile import GRPC_RULE, Landscape, Profile
from fairway.core.wording import listed

Protocol = Literal["rest", "grpc"]
Model = Literal["saga", "events"]
PROTOCOLS: Final[dict[tuple[bool, bool], tuple[str, tuple[Protocol, ...], tuple[Instead, ...]]]] = {  # exposed, called
    (True, True): (
        "REST at the edge, gRPC inside",
        ("rest", "grpc"),
        (Instead("REST for both", "other services gain deadlines and a typed contract from gRPC"),),
    ),
    (True, False): ("REST with an OpenAPI document", ("rest",), (Instead("gRPC", "callers choose their own tools"),)),
    (False, True): ("gRPC", ("grpc",), (Instead("REST", "nobody outside calls it"),)),
    (False, False): ("none: it takes no requests", (), ()),
}
SESSION_ENDS: Final = {  # by what the service handles: after so long without use, and in any case
    "regulated": ("15m", "8h"),
    "personal": ("30m", "12h"),
    "ordinary": ("2h", "24h"),
}


class SessionStore(msgspec.Struct, frozen=True, kw_only=True):
    """Where sessions live, and when they end."""

    store: str
    engine: str
    idle: str  # without use, as a declared duration
    absolute: str  # in any case


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How a consumer goes on after a failure; the pause doubles from first to longest, with jitter."""

    tries: int
    first: str
    longest: str
    factor: int = 2
    jitter: Literal["full"] = "full"  # each pause is a random part of its length, so that nobody marches in step


def capability(profile: Profile) -> Decision[str | None]:
    """Name what the service is for. Whether another has it too is a question to the whole system."""
    declared = profile.facts.capability
    return Decision(
        rule="design/single-capability",
        topic="capability",
        answer=declared or f"What is the one thing that the business has {profile.name} for?",
        because="the facts say so" if declared else "no capability is declared; until then its catalogue page is empty",
        value=declared,
        state="decided" if declared else "unanswered",
    )


def shared_capabilities(landscape: Landscape) -> Iterator[Decision[tuple[str, ...]]]:
    """Report each capability that several services claim."""
    claims: dict[str, list[str]] = {}
    for name, profile in landscape.services.items():
        if profile.facts.capability:
            claims.setdefault(" ".join(profile.facts.capability.casefold().split()), []).append(name)
    for words, services in claims.items():
        if len(services) > 1:
            yield Decision(
                rule="design/single-capability",
                topic="capability",
                subject=f"capability {words}",
                answer=f"say what sets {listed(services)} apart, or make them one service",
                because=f"{listed(services)} claim the same capability",
                value=tuple(services),
                state="owed",
            )


def protocols(profile: Profile) -> Decision[tuple[Protocol, ...]]:
    """Choose what the service speaks: REST to the outside, gRPC to other services, nothing where nobody calls."""
    outside, inside = EXPOSED(profile), CALLED(profile)
    if inside.holds and not profile.grpc:
        return _waived_protocol(profile, inside.because)
    answer, value, instead = PROTOCOLS[outside.holds, inside.holds]
    return Decision(
        rule="design/rest-when-external" if outside.holds else "design/grpc-when-internal",
        topic="protocol",
        answer=answer,
        because=outside.because if outside.holds and not inside.holds else f"{outside.because}, and {inside.because}",
        value=value,
        instead=instead,
    )


def _waived_protocol(profile: Profile, because: str) -> Decision[tuple[Protocol, ...]]:
    waiver = profile.facts.waivers.get(GRPC_RULE) or profile.system.waivers[GRPC_RULE]
    return Decision(
        rule=GRPC_RULE,
        topic="protocol",
        answer="REST, inside as well",
        because=f"{because}, and gRPC is waived: {waiver.reason}",
        value=("rest",),
        instead=(Instead("gRPC", f"the waiver holds until {waiver.expires}"),),
    )


def sessions(profile: Profile) -> Decision[SessionStore] | None:
    """Choose where sessions live and when they end; None where there are none, or the service keeps state itself."""
    asked = (STATELESS & SESSIONS)(profile)
    if not asked.holds:
        return None
    # One is always there: where none is declared, the completion of the facts has added it.
    store = min(profile.stores, key=lambda store: (store.name != SESSION_STORE, store.durable))
    assert store.facts.engine is not None
    care, words = _care(profile)
    idle, absolute = SESSION_ENDS[care]
    return Decision(
        rule="design/external-sessions",
        topic="session store",
        answer=f"{store.name} ({ENGINES[store.facts.engine]}); "
        f"a session ends after {idle} unused, and after {absolute} at most",
        because=f"{asked.because}; {words}",
        value=SessionStore(store=store.name, engine=str(store.facts.engine), idle=idle, absolute=absolute),
        instead=(
            Instead("session affinity", "a session would still end with its replica"),
            Instead("the whole session in a signed cookie", "it could not be ended before it expires"),
        ),
    )


def retries(profile: Profile, landscape: Landscape) -> Iterator[Decision[RetryPolicy]]:
    """Choose, for each channel that the service consumes, how often and how patiently it tries again."""
    asked = EVENTUAL_WORKFLOW(profile)
    if not asked.holds:
        return
    tries, first, longest = EVENT_RETRIES[profile.facts.criticality]
    for name in profile.facts.consumes:
        channel = landscape.channels[name].facts
        number = channel.tries or tries
        times = "1 try" if number == 1 else f"{number} tries, {_pauses(number, first, longest)}"
        source = f"{name} declares its tries" if channel.tries else f"its criticality is {profile.facts.criticality}"
        held = f"; later events of the same {channel.ordered_by} wait meanwhile" if channel.ordered_by else ""
        yield Decision(
            rule="design/eventual-consistency-retries",
            topic="retries",
            subject=f"channel {name}",
            answer=f"{times}, then parked{held}",
            because=f"{asked.because}, and {source}",
            value=RetryPolicy(tries=number, first=first, longest=longest),
            instead=(Instead("the broker's own redelivery", "it tries again at once, when nothing has changed yet"),),
        )


def _pauses(tries: int, first: str, longest: str) -> str:
    """Say how long the pauses really become: few tries end before the longest."""
    last = seconds(first) * 2 ** (tries - 2)
    if tries == 2:  # noqa: PLR2004 - one pause between two tries
        return f"a pause of {first}"
    return f"pauses from {first} doubling to {longest if last >= seconds(longest) else f'{last:g}s'}"


def _care(profile: Profile) -> tuple[str, str]:
    """Tell how carefully sessions are ended, and which fact says so."""
    if "regulated" in profile.data:
        return "regulated", "it handles regulated data"
    if "personal" in profile.data:
        return "personal", "it handles personal data"
    reads = SECURE_USER_DATA(profile)
    return ("personal" if reads.holds else "ordinary"), reads.because
