"""What resilience tells the proxies around a service: limits and breakers, who is left out, and who takes over."""

from collections.abc import Iterator

from fairway.core.artefact import Site
from fairway.core.facts import seconds
from fairway.core.parts import Carry
from fairway.core.profile import Landscape, Profile
from fairway.stages.s09_resilience.decisions import calls


def carry(profile: Profile, landscape: Landscape, site: Site) -> Iterator[Carry]:
    """Tell how each call is limited and broken off, and when a failing replica is left out, and for whom."""
    del site
    for callee in profile.callees:
        limit, breaker = calls.limits(profile, callee, landscape), calls.breaker(profile, callee)
        path = ("calls", callee)
        yield _carry(profile, limit.rule, limit.topic, (*path, "at_once"), limit.value)
        if "mesh" in breaker.value.layers:
            yield _carry(profile, breaker.rule, breaker.topic, (*path, "opens_after"), breaker.value.failures)
    if (left_out := calls.ejection(profile)) is not None:
        told = {
            "errors": left_out.value.errors,
            "interval": seconds(left_out.value.interval),
            "left_out": seconds(left_out.value.left_out),
            "at_most": left_out.value.at_most,
        }
        yield _carry(profile, left_out.rule, left_out.topic, ("ejection",), told)
    moved = calls.rerouting(profile)
    if moved is not None and moved.value is not None and moved.value.between == "regions":
        yield _carry(profile, moved.rule, moved.topic, ("failover",), list(moved.value.regions))


def _carry(profile: Profile, rule: str, topic: str, path: tuple[str, ...], value: object) -> Carry:
    return Carry(service=profile.name, rule=rule, topic=topic, path=path, value=value)
