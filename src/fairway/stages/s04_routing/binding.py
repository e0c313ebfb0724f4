"""What routing tells a running service: where its callees are, and how long it waits for them."""

from collections.abc import Iterator

from fairway.core.artefact import Site
from fairway.core.parts import Bind
from fairway.core.profile import Landscape, Profile
from fairway.stages.s04_routing.decisions import address, deadline, retries, timeout
from fairway_sdk.contract import GRPC_PORT, REST_PORT

TLS_PORTS = (443, 8443)


def bind(profile: Profile, landscape: Landscape, site: Site) -> Iterator[Bind]:
    """Tell the addresses, time-outs and retries of its calls, and its own deadline."""
    del site
    if (given_up := deadline(profile)) is not None:
        yield _bind(profile, given_up.rule, given_up.topic, ("deadline",), given_up.value / 1000)
    for callee in (*profile.callees, *profile.outside):
        waits, again = timeout(profile, callee, landscape), retries(profile, callee, landscape)
        told: dict[str, object] = {"timeout": waits.value.total_ms / 1000}
        if again.value.attempts and again.value.by == "client":
            pause = again.value.pause_ms / 1000
            # Four doublings: later tries would hardly fit into the time-out.
            longest = min(pause * 16, waits.value.total_ms / 1000)
            told["retries"] = {"tries": again.value.attempts + 1, "first-pause": pause, "longest-pause": longest}
        told["idempotent"] = profile.facts.calls[callee].idempotent
        for key, value in told.items():
            because = again if key == "retries" else waits
            yield _bind(profile, because.rule, because.topic, ("calls", callee, key), value)
        yield from _address(profile, callee, landscape)


def _address(profile: Profile, callee: str, landscape: Landscape) -> Iterator[Bind]:
    called = landscape.services.get(callee)
    if called is None:
        outside = landscape.system.external_systems[callee]
        rule = "routing/kubernetes-dns"
        yield _bind(profile, rule, "", ("calls", callee, "address"), f"{outside.host}:{outside.port}")
        yield _bind(profile, rule, "", ("calls", callee, "tls"), outside.port in TLS_PORTS)
        return
    found = address(called)
    assert found.value is not None, "what is called has an address"
    port = GRPC_PORT if called.grpc else REST_PORT
    yield _bind(profile, found.rule, found.topic, ("calls", callee, "address"), f"{found.value.host}:{port}")


def _bind(profile: Profile, rule: str, topic: str, path: tuple[str, ...], value: object) -> Bind:
    return Bind(service=profile.name, rule=rule, topic=topic, path=path, value=value)
