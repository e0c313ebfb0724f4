"""Resilience: limits, breakers, what is done while a callee is down, and events that fail or come twice."""

from collections.abc import Iterator

from fairway.core.decision import AnyDecision
from fairway.core.profile import Landscape, Profile
from fairway.stages.s09_resilience.decisions import calls, events


def for_service(profile: Profile, landscape: Landscape) -> Iterator[AnyDecision]:
    """Decide everything that resilience asks of one service."""
    yield from filter(None, (calls.ejection(profile), calls.rerouting(profile)))
    for callee in profile.facts.calls:
        yield calls.limits(profile, callee, landscape)
        yield calls.breaker(profile, callee)
        yield calls.degraded(profile, callee, landscape)
    for store in profile.stores:
        yield calls.pool(profile, store)
    for name in profile.facts.publishes:
        yield events.identity(name)
    for name in profile.facts.consumes:
        yield events.in_flight(profile, landscape.channels[name])
        yield events.handled(profile, landscape.channels[name])


def for_system(landscape: Landscape) -> Iterator[AnyDecision]:
    """Decide what the broker survives, and what happens to events that cannot be handled."""
    yield from filter(None, (events.servers(landscape),))
    for channel in landscape.channels.values():
        yield from filter(None, (events.dead_letters(channel, landscape),))
