"""Routing decides by which name a service is found, who carries its traffic, and how long anybody waits."""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

import msgspec
import pytest

from fairway.core.decision import AnyDecision
from fairway.core.facts import System
from fairway.core.profile import Landscape, survey
from fairway.stages.s04_routing import decisions
from fairway.stages.s04_routing.decisions import Address, Balancer, Form, Routes, Timeout
from fairway.stages.s04_routing.order import order

MESH = "routing/virtualservice-destinationrule"
NO_MESH = "routing/ingress"


def system(**facts: object) -> Landscape:
    """Survey a system of these facts."""
    return survey(msgspec.convert({"system": "shop", **facts}, System))


def one(found: Iterable[AnyDecision], rule: str, topic: str, subject: str = "") -> AnyDecision:
    """Pick the only decision about one thing."""
    (decision,) = [d for d in found if (d.rule, d.topic, d.subject) == (rule, topic, subject)]
    return decision


def of(landscape: Landscape, service: str) -> list[AnyDecision]:
    """Decide for one service."""
    return list(decisions.for_service(landscape.services[service], landscape))


def call(
    facts: dict[str, Any], *, caller: dict[str, Any] | None = None, callee: dict[str, Any] | None = None
) -> tuple[AnyDecision, AnyDecision]:
    """Decide timeout and retries of an exposed caller's call, without a mesh."""
    a = {"exposure": "external", "calls": {"b": facts}} | (caller or {})
    made = of(system(services={"a": a, "b": callee or {}}), "a")
    return one(made, NO_MESH, "timeout", "call b"), one(made, NO_MESH, "retries", "call b")


def test_callers_see_every_replica_where_no_mesh_balances() -> None:
    """Calls by gRPC over a plain Service would stay at one replica."""
    services = {"a": {"exposure": "external", "calls": {"b": {}}}, "b": {}}
    plain, meshed = system(services=services), system(services=services, platform={"mesh": "istio"})
    host = "b.shop.svc.cluster.local"
    assert one(of(plain, "b"), "routing/kubernetes-dns", "address").value == Address(host=host, headless=True)
    assert one(of(meshed, "b"), "routing/kubernetes-dns", "address").value == Address(host=host, headless=False)
    assert one(of(plain, "a"), "routing/kubernetes-dns", "address").value.headless is False


def test_a_worker_has_no_address_route_or_deadline() -> None:
    """Nothing sends it requests."""
    made = of(system(services={"a": {}}), "a")
    assert one(made, "routing/kubernetes-dns", "address").value is None
    assert [d.topic for d in made] == ["address"]


@pytest.mark.parametrize(
    ("platform", "service", "form", "balancer"),
    [
        ({"mesh": "istio"}, "a", "virtual-service", "mesh"),
        ({"mesh": "istio"}, "b", "virtual-service", "mesh"),
        ({}, "a", "http-route", "gateway"),
        ({"routes": "ingress"}, "a", "ingress", "gateway"),
        ({"gateway": "ambassador"}, "a", "mapping", "gateway"),
        ({}, "b", "service", "client"),
    ],
)
def test_the_form_of_a_route_follows_from_mesh_gateway_and_exposure(
    platform: dict[str, str], service: str, form: Form, balancer: Balancer
) -> None:
    """An internal service without a mesh needs its Service only."""
    landscape = system(platform=platform, services={"a": {"exposure": "external", "calls": {"b": {}}}, "b": {}})
    made = one(of(landscape, service), MESH if "mesh" in platform else NO_MESH, "routes")
    assert made.value == Routes(form=form, balancer=balancer)


def test_a_proxy_knows_only_what_its_service_calls() -> None:
    """Without a mesh there is no proxy."""
    facts: dict[str, Any] = {
        "services": {"a": {"calls": {"b": {}, "card": {}}}, "b": {}},
        "external-systems": {"card": {"host": "api.card.example"}},
    }
    meshed = of(system(platform={"mesh": "istio"}, **facts), "a")
    made = one(meshed, MESH, "reach")
    assert made.value == ("b.shop.svc.cluster.local", "api.card.example")
    assert made.answer == "its proxy knows b and card only"
    assert not [d for d in of(system(**facts), "a") if d.topic == "reach"]


@pytest.mark.parametrize(
    ("service", "given_up"),
    [
        ({"criticality": "mission-critical"}, 1200),
        ({}, 2000),
        ({"criticality": "low"}, 4000),
        ({"objectives": {"latency": "50ms"}}, 200),
    ],
)
def test_a_request_is_given_up_after_four_times_its_promise(service: dict[str, Any], given_up: int) -> None:
    """The promise is declared, or that of its criticality."""
    landscape = system(services={"a": {"exposure": "external", **service}})
    assert one(of(landscape, "a"), NO_MESH, "deadline").value == given_up


@pytest.mark.parametrize(
    ("facts", "caller", "callee", "total", "each", "word"),
    [
        ({"timeout": "700ms"}, {}, {}, 700, 700, "700ms is declared"),
        ({"timeout": "5s"}, {}, {}, 5000, 5000, "inside a request, a has 1.6s left for it at most"),
        ({}, {}, {}, 1000, 500, "b promises 99 of 100 answers within 500ms, and may take twice that"),
        ({}, {}, {"criticality": "mission-critical"}, 600, 300, "within 300ms"),
        ({}, {"criticality": "mission-critical"}, {}, 960, 500, "but a gives up after 1.2s and keeps a fifth of it"),
        ({}, {"exposure": "internal"}, {"criticality": "low"}, 2000, 1000, "within 1s"),
    ],
)
def test_a_call_waits_for_what_the_callee_promises_inside_what_the_caller_has(
    facts: dict[str, Any], caller: dict[str, Any], callee: dict[str, Any], total: int, each: int, word: str
) -> None:
    """What is declared goes first; a caller that nobody waits for has all the time."""
    made, _ = call(facts, caller=caller, callee=callee)
    assert made.value == Timeout(total_ms=total, try_ms=each)
    assert made.state == "decided"
    assert word in made.because


@pytest.mark.parametrize(
    ("latency", "words"), [("200ms", "800ms"), ("300ms", "1.2s"), ("1s", "4s"), ("45s", "3m"), ("10m", "40m")]
)
def test_a_duration_is_written_in_the_unit_that_fits(latency: str, words: str) -> None:
    """Nobody reads 2400000ms."""
    landscape = system(services={"a": {"exposure": "external", "objectives": {"latency": latency}}})
    made = one(decisions.for_service(landscape.services["a"], landscape), "routing/ingress", "deadline")
    assert made.answer == f"a request is given up after {words}"


def test_an_essential_callee_that_promises_too_little_is_owed() -> None:
    """The caller would cut off more than one answer in a hundred."""
    quick = {"objectives": {"latency": "100ms"}}
    owed, _ = call({}, caller=quick)
    assert (owed.state, owed.value) == ("owed", Timeout(total_ms=320, try_ms=320))
    assert owed.answer == "a latency objective of b up to 320ms, or a call that is not essential"
    skipped, _ = call({"essential": False}, caller=quick)
    assert skipped.state == "decided"


def test_of_an_outside_system_little_is_expected() -> None:
    """It promises nothing that the facts know."""
    landscape = system(
        services={"a": {"calls": {"card": {"idempotent": True}}}},
        **{"external-systems": {"card": {"host": "c.example"}}},
    )
    made = of(landscape, "a")
    assert one(made, NO_MESH, "timeout", "call card").value == Timeout(total_ms=2000, try_ms=1000)
    assert "gateway-error" in one(made, NO_MESH, "retries", "call card").value.on


@pytest.mark.parametrize(
    ("facts", "criticality", "attempts", "word"),
    [
        ({}, "mission-critical", 0, "not declared idempotent"),
        ({"idempotent": True}, "mission-critical", 3, "a is mission-critical"),
        ({"idempotent": True}, "standard", 2, "a is standard"),
        ({"idempotent": True}, "low", 1, "a is low"),
        ({"idempotent": True, "timeout": "100ms"}, "mission-critical", 1, "a is mission-critical"),
        ({"idempotent": True, "timeout": "20ms"}, "standard", 0, "do not fit into 20ms"),
    ],
)
def test_only_idempotent_calls_are_retried_and_only_inside_their_time(
    facts: dict[str, Any], criticality: str, attempts: int, word: str
) -> None:
    """The number is by criticality, and falls until the pauses fit."""
    _, made = call(facts, caller={"criticality": criticality})
    assert made.value.attempts == attempts
    assert bool(made.value.on) is bool(attempts)
    assert word in made.because


def test_one_layer_retries_and_never_two() -> None:
    """The mesh where it carries the call, else the client."""
    facts: dict[str, Any] = {
        "services": {"a": {"calls": {"b": {"idempotent": True}, "card": {"idempotent": True}}}, "b": {}},
        "external-systems": {"card": {"host": "c.example"}},
    }
    meshed, plain = of(system(platform={"mesh": "istio"}, **facts), "a"), of(system(**facts), "a")
    assert one(meshed, MESH, "retries", "call b").value.by == "mesh"
    assert one(meshed, MESH, "retries", "call card").value.by == "client"
    assert one(plain, NO_MESH, "retries", "call b").value.by == "client"


NEEDY: dict[str, Any] = {"services": {"a": {"traffic-needs": ["retries", "circuit-breaking"]}, "b": {}}}


@pytest.mark.parametrize(
    ("facts", "state", "value", "word"),
    [
        (NEEDY, "decided", "istio", "a needs retries and circuit breaking"),
        (NEEDY | {"platform": {"mesh": "none"}}, "owed", "none", "but the facts refuse a mesh"),
        ({"services": {"b": {}}}, "decided", "none", "no service needs anything of the network itself"),
        ({"services": {"b": {}}, "platform": {"mesh": "istio"}}, "decided", "istio", "the facts name it"),
        ({"services": {"b": {"traffic-needs": ["rerouting"]}}}, "decided", "none", "no service needs"),
    ],
)
def test_a_mesh_is_there_where_a_service_needs_it(facts: dict[str, Any], state: str, value: str, word: str) -> None:
    """A need that the facts refuse to meet is owed; rerouting alone needs no mesh."""
    made = one(decisions.for_system(system(**facts)), "routing/mesh", "mesh")
    assert (made.state, made.value) == (state, value)
    assert word in made.because


def test_many_needy_services_are_counted_and_not_listed() -> None:
    """The sentence stays short."""
    landscape = system(services={f"s{number}": {"traffic-needs": ["retries"]} for number in range(9)})
    assert one(decisions.for_system(landscape), "routing/mesh", "mesh").because.endswith("; 6 more need it")


@pytest.mark.parametrize(
    ("platform", "value"),
    [({}, "http-route"), ({"routes": "ingress"}, "ingress"), ({"gateway": "ambassador"}, "mapping")],
)
def test_public_routes_without_a_mesh_have_one_form(platform: dict[str, str], value: str) -> None:
    """With nothing exposed there are none."""
    landscape = system(platform=platform, services={"a": {"exposure": "external"}})
    assert one(decisions.for_system(landscape), NO_MESH, "public routes").value == value
    inside = system(platform=platform, services={"a": {}})
    assert [d.topic for d in decisions.for_system(inside)] == ["mesh"]


@pytest.mark.parametrize(
    ("service", "edge", "rule"),
    [
        ({}, ("workload/b", "route/b"), "routing/kubernetes-dns"),
        ({"sidecars": {"x": "included"}}, ("workload/b", "route/b"), "routing/kubernetes-dns"),
        ({"sidecars": {"x": "deferred"}}, ("route/b", "workload/b"), "containers/sidecars"),
        ({"configured-at-run-time": True}, ("route/b", "workload/b"), "containers/runtime-configuration"),
    ],
)
def test_a_route_comes_after_its_workload_unless_that_waits_for_routing(
    service: dict[str, Any], edge: tuple[str, str], rule: str
) -> None:
    """A deferred sidecar or run-time configuration turns the edge round."""
    landscape = system(services={"a": {"calls": {"b": {}}}, "b": service})
    (found,) = order(landscape)
    assert ((found.first, found.then), found.rule) == (edge, rule)


@pytest.mark.parametrize(
    ("rule", "service", "mesh", "holds", "because"),
    [
        ("kubernetes_dns", {}, "none", True, "it holds for every service"),
        ("mesh", {"traffic-needs": ["retries"]}, "none", True, "it needs retries of the network"),
        ("mesh", {"traffic-needs": ["rerouting"]}, "istio", False, "it needs nothing of the network itself"),
        ("virtualservice_destinationrule", {}, "istio", True, "the system has a mesh"),
        ("virtualservice_destinationrule", {}, "none", False, "the system has no mesh"),
        ("ingress", {}, "none", True, "the system has no mesh"),
        ("ingress", {}, "istio", False, "the system has a mesh"),
    ],
)
def test_each_rule_applies_where_the_standard_says(
    *, rule: str, service: dict[str, Any], mesh: str, holds: bool, because: str
) -> None:
    """A rule that does not apply says why."""
    applies = import_module(f"fairway.stages.s04_routing.{rule}").RULE.applies
    verdict = applies(system(services={"a": service}, platform={"mesh": mesh}).services["a"])
    assert (verdict.holds, verdict.because) == (holds, because)
