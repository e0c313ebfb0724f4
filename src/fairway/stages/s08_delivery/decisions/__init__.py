"""Delivery: gates, rolling and progressive releases, rollback, migrations and flags."""

from collections.abc import Iterator

from fairway.core.decision import AnyDecision
from fairway.core.profile import Landscape, Profile
from fairway.stages.s08_delivery.decisions import flags, pipeline, rollback, rollout


def for_service(profile: Profile, landscape: Landscape) -> Iterator[AnyDecision]:
    """Decide everything that delivery asks of one service."""
    del landscape
    yield pipeline.gates(profile)
    yield rollout.rolling(profile)
    yield from filter(None, (rollout.progressive(profile), rollout.verdict(profile)))
    yield rollback.rollback(profile)
    yield from rollback.migrations(profile)
    yield from filter(None, (flags.feature_flags(profile), flags.toggle_review(profile)))


def for_system(landscape: Landscape) -> Iterator[AnyDecision]:
    """Decide what delivery asks of the system as a whole."""
    yield pipeline.pipeline(landscape)
    yield from filter(None, (rollout.release_form(landscape), flags.flag_system(landscape)))
