"""What delivery builds so far: how replicas are replaced by a new version, and when a replacement has failed."""

from collections.abc import Iterator

from fairway.core.artefact import Site
from fairway.core.parts import Deadline, Part, Rolling
from fairway.core.profile import Landscape
from fairway.stages.s08_delivery.decisions.rollback import rollback
from fairway.stages.s08_delivery.decisions.rollout import rolling


def parts(landscape: Landscape, site: Site) -> Iterator[Part]:
    """Attach the rolling update and its deadline to every service."""
    del site
    for profile in landscape.services.values():
        moved, back = rolling(profile), rollback(profile)
        yield Rolling(
            service=profile.name,
            rule=moved.rule,
            topic=moved.topic,
            surge=moved.value.max_surge,
            unavailable=moved.value.max_unavailable,
            ready_seconds=moved.value.min_ready_seconds,
            drain_seconds=moved.value.drain_seconds,
            grace_seconds=moved.value.grace_seconds,
        )
        yield Deadline(
            service=profile.name,
            rule=back.rule,
            topic=back.topic,
            seconds=back.value.deadline_seconds,
            versions_kept=back.value.versions_kept,
        )
