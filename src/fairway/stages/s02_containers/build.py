"""What containers builds so far: the name of each service's image, and the user it runs as."""

from collections.abc import Iterator

from fairway.core.artefact import Site
from fairway.core.parts import Image, Part
from fairway.core.profile import Landscape
from fairway.stages.s02_containers.decisions import build, image


def parts(landscape: Landscape, site: Site) -> Iterator[Part]:
    """Name the image that every site runs: the same one everywhere."""
    del site
    for profile in landscape.services.values():
        named, made = image(profile), build(profile)
        yield Image(
            service=profile.name,
            rule=named.rule,
            topic=named.topic,
            name=f"{named.value.repository}:{named.value.tag}",
            user=made.value.user,
            group=made.value.group,
        )
