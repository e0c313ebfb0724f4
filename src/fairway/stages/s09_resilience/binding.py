"""What resilience tells a running service: limits, breakers, fallbacks, and how patient it is with events."""

from collections.abc import Iterator
from typing import Final

from fairway.core.artefact import Site
from fairway.core.facts import seconds
from fairway.core.parts import Bind
from fairway.core.profile import Landscape, Profile
from fairway.stages.s09_resilience.decisions import calls, events

BROKER_AUTHORITY: Final = "/etc/fairway/broker/ca.crt"  # who vouches for the broker's servers


def bind(profile: Profile, landscape: Landscape, site: Site) -> Iterator[Bind]:
    """Tell how each call, store and channel is kept from taking the service down."""
    del site
    for callee in (*profile.callees, *profile.outside):
        yield from _call(profile, callee, landscape)
    for store in profile.stores:
        held = calls.pool(profile, store)
        path = ("stores", store.name, "connections")
        yield Bind(service=profile.name, rule=held.rule, topic=held.topic, path=path, value=held.value)
    yield from _events(profile, landscape)


def _call(profile: Profile, callee: str, landscape: Landscape) -> Iterator[Bind]:
    limit, breaker = calls.limits(profile, callee, landscape), calls.breaker(profile, callee)
    down = calls.degraded(profile, callee, landscape)
    opens = {"failures": breaker.value.failures, "pause": seconds(breaker.value.open_for)}
    told: list[tuple[str, object, str, str]] = [
        ("at-once", limit.value, limit.rule, limit.topic),
        ("breaker", opens, breaker.rule, breaker.topic),
        ("when-down", down.value.mode, down.rule, down.topic),
    ]
    if down.value.oldest is not None:
        told.append(("stale", seconds(down.value.oldest), down.rule, down.topic))
    if down.value.mode == "cached" and down.value.store is not None:
        told.append(("cache", down.value.store, down.rule, down.topic))
    for key, value, rule, topic in told:
        yield Bind(service=profile.name, rule=rule, topic=topic, path=("calls", callee, key), value=value)


def _events(profile: Profile, landscape: Landscape) -> Iterator[Bind]:
    servers = events.servers(landscape)
    if servers is not None and (profile.facts.publishes or profile.facts.consumes):
        path = ("broker", "replicas")
        yield Bind(service=profile.name, rule=servers.rule, topic=servers.topic, path=path, value=servers.value)
        path = ("broker", "tls-authority")
        yield Bind(service=profile.name, rule=servers.rule, topic=servers.topic, path=path, value=BROKER_AUTHORITY)
    for name in profile.facts.consumes:
        channel = landscape.channels[name]
        flight, known = events.in_flight(profile, channel), events.handled(profile, channel)
        told: list[tuple[str, object, str, str]] = [("at-once", flight.value.events, flight.rule, flight.topic)]
        if known.value is not None:
            told.append(("remembered", seconds(known.value.kept), known.rule, known.topic))
        if (parked := events.dead_letters(channel, landscape)) is not None:
            patience = parked.value.consumers[profile.name]
            pauses = {
                "tries": patience.tries,
                "first-pause": seconds(patience.first_pause),
                "longest-pause": seconds(patience.longest_pause),
            }
            told.append(("retries", pauses, parked.rule, parked.topic))
        for key, value, rule, topic in told:
            yield Bind(service=profile.name, rule=rule, topic=topic, path=("consumes", name, key), value=value)
