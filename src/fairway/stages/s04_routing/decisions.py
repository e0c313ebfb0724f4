"""Routing: by which name a service is found, who carries its traffic, and how long anybody waits for it."""

from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from fairway.core.conditions import CALLED, CALLS_OTHERS, EXPOSED, MESH
from fairway.core.decision import AnyDecision, Decision, Instead, State
from fairway.core.facts import seconds
from fairway.core.profile import Landscape, Profile
from fairway.core.wording import listed

PATIENCE: Final = 4  # times what a service promises: a request that takes longer is lost, not slow
HEAD_ROOM: Final = 2  # times what a callee promises, before its caller gives up
OWN_SHARE: Final = 20  # percent of a caller's deadline: its own work, and answering without the callee
OUTSIDE_MS: Final = 1000  # what an outside system is taken to promise, since nothing is known of it
RETRIES: Final = {"mission-critical": 3, "standard": 2, "low": 1}  # tries after the first, by criticality of the caller
PAUSE_MS: Final = 25  # before the first retry; doubled each time, with jitter
RETRIED_INSIDE: Final = ("connect-failure", "refused-stream", "reset", "unavailable")
RETRIED_OUTSIDE: Final = ("connect-failure", "refused-stream", "reset", "gateway-error")
MANY: Final = 3  # names that a sentence carries

Form = Literal["virtual-service", "http-route", "ingress", "mapping", "service"]
Balancer = Literal["mesh", "client", "gateway"]
FORMS: Final[dict[Form, str]] = {
    "virtual-service": "VirtualService and DestinationRule",
    "http-route": "HTTPRoute of the Gateway API, and its Service",
    "ingress": "Ingress, and its Service",
    "mapping": "Mapping of Ambassador, and its Service",
    "service": "its Service, and nothing more",
}
BALANCERS: Final[dict[Balancer, str]] = {
    "mesh": "each request goes to the less busy of two replicas",
    "client": "callers spread their requests over the replicas themselves",
    "gateway": "the gateway spreads requests over the replicas",
}
NOT_BY_SERVICE: Final = Instead("a Service alone", "it spreads connections and not requests, and knows no timeout")
NOT_BY_MESH: Final = {  # by whether the service needs something of the network
    False: Instead("a mesh", "it needs nothing of the network itself"),
    True: Instead("a mesh", "the system is declared to have none"),
}


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """How a service is found."""

    host: str
    headless: bool  # whether the name gives every replica, because callers balance over them


class Routes(msgspec.Struct, frozen=True, kw_only=True):
    """What leads requests to a service, and who chooses the replica."""

    form: Form
    balancer: Balancer


class Timeout(msgspec.Struct, frozen=True, kw_only=True):
    """How long a caller waits, in milliseconds: for all tries together, and for one."""

    total_ms: int
    try_ms: int


class Retries(msgspec.Struct, frozen=True, kw_only=True):
    """How often a failed call is made again, after what, and by whom. Zero attempts: never."""

    attempts: int
    pause_ms: int
    on: tuple[str, ...]
    by: Literal["mesh", "client"]


def address(profile: Profile) -> Decision[Address | None]:
    """Choose the name a service is called by; a worker that nobody calls needs none."""
    outside, inside = EXPOSED(profile), CALLED(profile)
    if not profile.serving:
        return Decision(
            rule="routing/kubernetes-dns",
            topic="address",
            answer="none: nothing sends it requests",
            because=f"{outside.because}, and {inside.because}",
            value=None,
        )
    headless = profile.grpc and not MESH(profile).holds
    host = f"{profile.name}.{profile.system.system}.svc.cluster.local"
    reason = "; a gRPC connection lives long, so callers must see every replica" if headless else ""
    return Decision(
        rule="routing/kubernetes-dns",
        topic="address",
        answer=host + (", which names every ready replica" if headless else ", which stands for its ready replicas"),
        because=(inside.because if profile.called else outside.because) + reason,
        value=Address(host=host, headless=headless),
        instead=(Instead("addresses of replicas", "they change with every release and every failure"),),
    )


def routes(profile: Profile) -> Decision[Routes] | None:
    """Choose what leads requests to the service; None where nothing sends it any."""
    if not profile.serving:
        return None
    mesh, form = MESH(profile), _form(profile)
    balancer: Balancer = "mesh" if mesh.holds else "client" if profile.called else "gateway"
    reached = EXPOSED(profile)
    return Decision(
        rule=_rule(profile),
        topic="routes",
        answer=f"{FORMS[form]}; {BALANCERS[balancer]}",
        because=mesh.because if mesh.holds else f"{mesh.because}, and {reached.because}",
        value=Routes(form=form, balancer=balancer),
        instead=(NOT_BY_SERVICE if mesh.holds else NOT_BY_MESH[bool(profile.network_needs)],),
    )


def scope(profile: Profile) -> Decision[tuple[str, ...]] | None:
    """Choose which hosts the service's proxy knows; None without a mesh."""
    mesh = MESH(profile)
    if not mesh.holds:
        return None
    outside = [profile.system.external_systems[name].host for name in profile.outside]
    known = [*profile.callees, *profile.outside]
    return Decision(
        rule="routing/virtualservice-destinationrule",
        topic="reach",
        answer=f"its proxy knows {listed(known)} only" if known else "its proxy knows no other service",
        because=f"{mesh.because}, and {CALLS_OTHERS(profile).because}",
        value=(*(f"{name}.{profile.system.system}.svc.cluster.local" for name in profile.callees), *outside),
        instead=(
            Instead("every service of the system", "each proxy would hold all routes, and every change reach all"),
        ),
    )


def deadline(profile: Profile) -> Decision[int] | None:
    """Choose after how many milliseconds a request is given up; None where nobody waits for an answer."""
    if not profile.serving:
        return None
    given_up = PATIENCE * _promise(profile)
    return Decision(
        rule=_rule(profile),
        topic="deadline",
        answer=f"a request is given up after {_spelt(given_up)}",
        because=f"99 of 100 answers are promised within {_spelt(_promise(profile))}; "
        "what takes four times as long is lost, not slow",
        value=given_up,
        instead=(Instead("the promise itself", "one request in a hundred would be cut off on an ordinary day"),),
    )


def timeout(profile: Profile, callee: str, landscape: Landscape) -> Decision[Timeout]:
    """Choose how long the service waits for one callee: what is declared, or head-room over the callee's promise.

    Within a request, what is left of that request's deadline ends the wait sooner.
    """
    call, target = profile.facts.calls[callee], landscape.services.get(callee)
    promise, most = _promise(target) if target else OUTSIDE_MS, _most(profile)
    wanted = _milliseconds(call.timeout) if call.timeout else HEAD_ROOM * promise
    total = wanted if call.timeout or most is None else min(wanted, most)
    state: State = "decided"
    answer, because = _spelt(total), _reasons(profile, callee, target, capped=total < wanted)
    if target and call.essential and not call.timeout and total < promise:
        state = "owed"
        answer = f"a latency objective of {callee} up to {_spelt(total)}, or a call that is not essential"
        because = f"the call is essential, and {because}; until then it waits {_spelt(total)}"
    return Decision(
        rule=_rule(profile),
        topic="timeout",
        subject=f"call {callee}",
        answer=answer,
        because=because,
        value=Timeout(total_ms=total, try_ms=total if call.timeout else min(promise, total)),
        instead=(Instead("no timeout", f"while {callee} hangs, {profile.name} would hang with it"),),
        state=state,
    )


def retries(profile: Profile, callee: str, landscape: Landscape) -> Decision[Retries]:
    """Choose how often a failed call is made again: never, unless it is declared idempotent."""
    call, waits = profile.facts.calls[callee], timeout(profile, callee, landscape).value
    inside = callee in landscape.services
    by: Literal["mesh", "client"] = "mesh" if (MESH(profile).holds or profile.foreign) and inside else "client"
    network = "mesh" if MESH(profile).holds else "proxy beside it"  # which a program without the SDK relies on
    attempts = _fitting(RETRIES[profile.facts.criticality], waits.total_ms) if call.idempotent else 0
    if attempts:
        times = "once" if attempts == 1 else f"up to {attempts} times"
        each = f"each try for {_spelt(waits.try_ms)}, " if waits.try_ms < waits.total_ms else ""
        answer = f"{times}, by the {network if by == 'mesh' else by}; {each}all tries within {_spelt(waits.total_ms)}"
        because = f"the call is declared idempotent, and {profile.name} is {profile.facts.criticality}"
        other = "client" if by == "mesh" else "network"
        instead = Instead(f"retries in the {other} as well", f"their numbers multiply just when {callee} is weak")
    elif call.idempotent:
        answer, because = "none", f"a pause and a second try do not fit into {_spelt(waits.total_ms)}"
        instead = Instead("a longer wait", "the timeout is declared")
    else:
        answer, because = "none", "the call is not declared idempotent: made twice, it may act twice"
        instead = Instead("retries of lost connections", f"{callee} may have acted before the connection was lost")
    on = RETRIED_INSIDE if inside else RETRIED_OUTSIDE
    return Decision(
        rule=_rule(profile),
        topic="retries",
        subject=f"call {callee}",
        answer=answer,
        because=because,
        value=Retries(attempts=attempts, pause_ms=PAUSE_MS, on=on if attempts else (), by=by),
        instead=(instead,),
    )


def mesh(landscape: Landscape) -> Decision[str]:
    """Choose whether a mesh carries the traffic; owed where services need one and the facts refuse it."""
    needing = [name for name, profile in landscape.services.items() if profile.network_needs]
    declared = landscape.declared.platform.mesh
    if landscape.mesh:
        return Decision(
            rule="routing/mesh",
            topic="mesh",
            answer="Istio, with a proxy beside each replica",
            because=_needs(landscape, needing) if needing else "the facts name it",
            value="istio",
            instead=(
                Instead("none", "nothing else in the network routes by content, retries or breaks circuits")
                if needing
                else Instead("none", "it is declared, though no service needs more than a name and a connection"),
                Instead("Istio without proxies beside replicas", "its routing would take a waypoint for every service"),
            ),
        )
    if needing:
        return Decision(
            rule="routing/mesh",
            topic="mesh",
            answer="'mesh: istio', or no traffic needs but rerouting",
            because=f"{_needs(landscape, needing)}; but the facts refuse a mesh; until then clients do what they can",
            value="none",
            state="owed",
        )
    return Decision(
        rule="routing/mesh",
        topic="mesh",
        answer="none",
        because=f"no service needs anything of the network itself{', and the facts say none' if declared else ''}",
        value="none",
        instead=(Instead("Istio", "a proxy beside each replica costs memory and time on every hop"),),
    )


def public_routes(landscape: Landscape) -> Decision[str] | None:
    """Choose the form of public routes; None with a mesh, or where nothing is exposed."""
    exposed = next((profile for profile in landscape.services.values() if profile.exposed), None)
    if exposed is None or landscape.mesh:
        return None
    form, declared = _form(exposed), landscape.declared.platform.routes
    if form == "mapping":
        because = "the gateway is Ambassador, which has a form of its own"
        other = Instead("Gateway API", "Ambassador understands little of it")
    elif form == "ingress":
        because, other = "the facts name it", Instead("Gateway API", "the facts ask for Ingress")
    else:
        because = (
            "the facts name it" if declared else "no form is declared, and it is the one that is developed further"
        )
        other = Instead("Ingress", "headers, weights and timeouts differ with every controller")
    return Decision(
        rule="routing/ingress",
        topic="public routes",
        answer=FORMS[form].partition(",")[0],
        because=because,
        value=form,
        instead=(other,),
    )


def for_service(profile: Profile, landscape: Landscape) -> Iterator[AnyDecision]:
    """Decide everything that routing asks of one service, and of each call it makes."""
    yield from filter(None, (address(profile), routes(profile), scope(profile), deadline(profile)))
    for callee in profile.facts.calls:
        yield timeout(profile, callee, landscape)
        yield retries(profile, callee, landscape)


def for_system(landscape: Landscape) -> Iterator[AnyDecision]:
    """Decide what carries the traffic of the whole system."""
    yield from filter(None, (mesh(landscape), public_routes(landscape)))


def _rule(profile: Profile) -> str:
    return "routing/virtualservice-destinationrule" if MESH(profile).holds else "routing/ingress"


def _form(profile: Profile) -> Form:
    platform = profile.system.platform
    if MESH(profile).holds:
        return "virtual-service"
    if not profile.exposed:
        return "service"
    if platform.gateway == "ambassador":
        return "mapping"
    return "ingress" if platform.routes == "ingress" else "http-route"


def _promise(profile: Profile) -> int:
    """Tell within how many milliseconds 99 of 100 answers are promised."""
    objectives = profile.facts.objectives
    assert objectives is not None
    assert objectives.latency is not None
    return _milliseconds(objectives.latency)


def _most(profile: Profile) -> int | None:
    """Tell the longest that a caller can wait, in milliseconds; None where nobody waits for it."""
    return PATIENCE * _promise(profile) * (100 - OWN_SHARE) // 100 if profile.serving else None


def _fitting(attempts: int, total_ms: int) -> int:
    """Lower *attempts* until their pauses take at most half of the time there is."""
    while attempts and 2 * PAUSE_MS * (2**attempts - 1) > total_ms:
        attempts -= 1
    return attempts


def _reasons(profile: Profile, callee: str, target: Profile | None, *, capped: bool) -> str:
    """Say what a timeout follows from."""
    declared = profile.facts.calls[callee].timeout
    most = _most(profile)
    if declared and most is not None and _milliseconds(declared) > most:
        return f"{declared} is declared; inside a request, {profile.name} has {_spelt(most)} left for it at most"
    if declared:
        return f"{declared} is declared"
    if target:
        reason = f"{callee} promises 99 of 100 answers within {_spelt(_promise(target))}, and may take twice that"
    else:
        reason = f"{callee} is outside and promises nothing known; it may take {_spelt(HEAD_ROOM * OUTSIDE_MS)}"
    if capped:
        reason += f", but {profile.name} gives up after {_spelt(PATIENCE * _promise(profile))} and keeps a fifth of it"
    return reason


def _needs(landscape: Landscape, needing: list[str]) -> str:
    said = [f"{name} needs {listed(landscape.services[name].network_needs)}" for name in needing[:MANY]]
    return "; ".join([*said, *([f"{len(needing) - MANY} more need it"] if len(needing) > MANY else [])])


def _milliseconds(duration: str) -> int:
    return round(seconds(duration) * 1000)


def _spelt(milliseconds: int) -> str:
    """Write a duration as it would be declared, with a part of a second where it is longer than one."""
    if not milliseconds // 1000:
        return f"{milliseconds}ms"
    return f"{milliseconds / 1000:.10g}s" if milliseconds % 60_000 else f"{milliseconds // 60_000}m"
