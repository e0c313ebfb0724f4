"""What delivery tells the proxies around a service: the versions of a release, and the shares the new one takes."""

from collections.abc import Iterator
from typing import Final

from fairway.core.artefact import Site
from fairway.core.parts import Carry
from fairway.core.profile import Landscape, Profile
from fairway.stages.s08_delivery.decisions.rollout import progressive

VERSIONS: Final = ("stable", "canary")  # the one that runs now first
WEIGHED: Final = frozenset({"istio", "gateway-api"})  # what reads its shares from routes that are built


def carry(profile: Profile, landscape: Landscape, site: Site) -> Iterator[Carry]:
    """Tell the versions and the steps of a canary, for a service that is released so."""
    del landscape, site
    made = progressive(profile)
    if made is None or made.value.form != "canary":
        return
    steps = [step.percent for step in made.value.steps]
    yield Carry(service=profile.name, rule=made.rule, topic=made.topic, path=("steps",), value=steps)
    if made.value.shift in WEIGHED:
        yield Carry(service=profile.name, rule=made.rule, topic=made.topic, path=("versions",), value=list(VERSIONS))
