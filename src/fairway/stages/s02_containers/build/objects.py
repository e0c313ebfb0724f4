"""Containers' parts of each workload, and the objects that bring secrets into the cluster."""

from collections.abc import Iterator

from fairway.core.artefact import Manifest, Site
from fairway.core.parts import Image, Part
from fairway.core.profile import Landscape
from fairway.stages.s02_containers import decisions
from fairway.stages.s02_containers.build import secrets, sidecars


def parts(landscape: Landscape, site: Site) -> Iterator[Part]:
    """Name the image that every site runs, the same one everywhere; mount secrets; start sidecars first."""
    del site
    for profile in landscape.services.values():
        named, made = decisions.image(profile), decisions.build(profile)
        yield Image(
            service=profile.name,
            rule=named.rule,
            topic=named.topic,
            name=f"{named.value.repository}:{named.value.tag}",
            user=made.value.user,
            group=made.value.group,
        )
        yield from secrets.mounted(profile)
        yield from sidecars.beside(profile)


def manifests(landscape: Landscape, site: Site) -> Iterator[Manifest]:
    """Build what fetches secrets from the manager."""
    yield from secrets.store(landscape, site)
    for profile in landscape.services.values():
        yield from secrets.fetched(landscape, profile, site)
