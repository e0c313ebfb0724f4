"""Design: capabilities and protocols, sessions, channels, and how workflows that span services stay consistent."""

from collections.abc import Iterator

from fairway.core.decision import AnyDecision
from fairway.core.profile import Landscape, Profile
from fairway.stages.s01_design.decisions import channels, services, workflows


def for_service(profile: Profile, landscape: Landscape) -> Iterator[AnyDecision]:
    """Decide everything that design asks of one service."""
    yield from filter(None, (services.capability(profile), services.protocols(profile), services.sessions(profile)))
    yield from services.retries(profile, landscape)


def for_system(landscape: Landscape) -> Iterator[AnyDecision]:
    """Decide what design asks of the system as a whole: its workflows and channels, each once."""
    yield from services.shared_capabilities(landscape)
    for flow in landscape.workflows.values():
        yield from filter(None, (workflows.transaction_model(flow), workflows.steps(flow)))
        yield from filter(None, (workflows.saga_log(flow, landscape), workflows.participation(flow, landscape)))
    if (carried := channels.broker(landscape)) is not None:
        yield carried
        for channel in landscape.channels.values():
            yield from filter(None, (channels.channel(channel, carried.value), channels.outbox(channel, landscape)))
