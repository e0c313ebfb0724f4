"""What delivery tells a running service: its flags, and how long it may take to end."""

from collections.abc import Iterator

from fairway.core.artefact import Site
from fairway.core.parts import Bind
from fairway.core.profile import Landscape, Profile
from fairway.stages.s08_delivery.decisions.flags import feature_flags
from fairway.stages.s08_delivery.decisions.rollout import rolling
from fairway_sdk.contract import FLAGS_FILE

LEAST_DRAIN = 5  # seconds
LET_GO = 5  # seconds of the grace period that are kept for letting go of stores and brokers


def bind(profile: Profile, landscape: Landscape, site: Site) -> Iterator[Bind]:
    """Tell which flags it reads, what holds until somebody throws them, and how long draining may take."""
    del landscape, site
    replaced = rolling(profile)
    drain = max(LEAST_DRAIN, replaced.value.grace_seconds - replaced.value.drain_seconds - LET_GO)
    yield Bind(service=profile.name, rule=replaced.rule, topic=replaced.topic, path=("drain",), value=drain)
    flags = feature_flags(profile)
    if flags is None:
        return
    defaults = {flag.name: flag.default for flag in flags.value.flags}
    yield Bind(service=profile.name, rule=flags.rule, topic=flags.topic, path=("flags",), value=defaults)
    if flags.value.system == "flagd":
        yield Bind(service=profile.name, rule=flags.rule, topic=flags.topic, path=("flags-file",), value=FLAGS_FILE)
