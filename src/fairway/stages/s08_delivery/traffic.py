"""What delivery tells the proxies around a service: which shares of its requests a new version takes, in order."""

from collections.abc import Iterator

from fairway.core.artefact import Site
from fairway.core.parts import Carry
from fairway.core.profile import Landscape, Profile
from fairway.stages.s08_delivery.decisions.rollout import progressive


def carry(profile: Profile, landscape: Landscape, site: Site) -> Iterator[Carry]:
    """Tell the steps of a canary, for a service that is released so."""
    del landscape, site
    made = progressive(profile)
    if made is not None and made.value.steps:
        steps = [step.percent for step in made.value.steps]
        yield Carry(service=profile.name, rule=made.rule, topic=made.topic, path=("steps",), value=steps)
