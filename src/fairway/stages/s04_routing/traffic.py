"""What routing tells the proxies around a service: deadlines, time-outs, retries."""

from collections.abc import Iterator

from fairway.core.artefact import Site
from fairway.core.parts import Carry
from fairway.core.profile import Landscape, Profile
from fairway.stages.s04_routing.decisions import deadline, retries, timeout


def carry(profile: Profile, landscape: Landscape, site: Site) -> Iterator[Carry]:
    """Tell when a request to it is given up, and how long and how often it calls others."""
    del site
    if (given_up := deadline(profile)) is not None:
        yield _carry(profile, given_up.rule, given_up.topic, ("deadline",), given_up.value / 1000)
    for callee in profile.callees:
        waits, again = timeout(profile, callee, landscape), retries(profile, callee, landscape)
        path = ("calls", callee)
        yield _carry(profile, waits.rule, waits.topic, (*path, "timeout"), waits.value.total_ms / 1000)
        if again.value.attempts and again.value.by == "mesh":
            told = {
                "attempts": again.value.attempts,
                "pause": again.value.pause_ms / 1000,
                "each": waits.value.try_ms / 1000,
                "on": list(again.value.on),
            }
            yield _carry(profile, again.rule, again.topic, (*path, "retries"), told)


def _carry(profile: Profile, rule: str, topic: str, path: tuple[str, ...], value: object) -> Carry:
    return Carry(service=profile.name, rule=rule, topic=topic, path=path, value=value)
