"""What design tells the proxies around a service: what it speaks."""

from collections.abc import Iterator

from fairway.core.artefact import Site
from fairway.core.parts import Carry
from fairway.core.profile import Landscape, Profile
from fairway.stages.s01_design.decisions.services import protocols


def carry(profile: Profile, landscape: Landscape, site: Site) -> Iterator[Carry]:
    """Tell its protocols."""
    del landscape, site
    spoken = protocols(profile)
    yield Carry(
        service=profile.name, rule=spoken.rule, topic=spoken.topic, path=("protocols",), value=list(spoken.value)
    )
