"""The gateway decides where a service is reached from outside, who gets in, how often, and when it is opened."""

from collections.abc import Iterable
from importlib import import_module
from itertools import product
from typing import Any, Literal

import msgspec
import pytest

from fairway.core.decision import AnyDecision
from fairway.core.facts import System
from fairway.core.order import order as waves
from fairway.core.profile import Landscape, survey
from fairway.stages.s02_containers.order import order as containers
from fairway.stages.s03_orchestration import decisions as orchestration
from fairway.stages.s04_routing.order import order as routing
from fairway.stages.s05_gateway import decisions
from fairway.stages.s05_gateway.decisions import Issuer, Limit, PublicRoute, RateLimits, TenantRouting
from fairway.stages.s05_gateway.order import order

ONE = {"people": {"issuer": "https://id.example"}}
TWO = ONE | {"partners": {"issuer": "https://partners.example", "audience": "api"}}


def system(**facts: object) -> Landscape:
    """Survey a system of these facts."""
    return survey(msgspec.convert({"system": "shop"} | {key.replace("_", "-"): v for key, v in facts.items()}, System))


def one(found: Iterable[AnyDecision], rule: str, topic: str, subject: str = "") -> AnyDecision:
    """Pick the only decision about one thing."""
    (decision,) = [d for d in found if (d.rule, d.topic, d.subject) == (rule, topic, subject)]
    return decision


def of(service: dict[str, Any], **facts: object) -> list[AnyDecision]:
    """Decide for one exposed service, called a."""
    landscape = system(services={"a": {"exposure": "external", **service}}, **facts)
    return list(decisions.for_service(landscape.services["a"], landscape))


def test_an_internal_service_is_none_of_the_gateways_business() -> None:
    """With nothing exposed there is no gateway."""
    landscape = system(services={"a": {}})
    assert not list(decisions.for_service(landscape.services["a"], landscape))
    assert not list(decisions.for_system(landscape))


def test_a_public_route_stands_under_the_domain_of_each_environment() -> None:
    """An environment without a domain has none."""
    places = {"staging": {"domain": "test.example"}, "live": {"domain": "shop.example"}, "lab": {}}
    made = one(of({}, environments=places), "gateway/public-through-gateway", "public route")
    assert made.value == PublicRoute(hosts={"staging": "test.example", "live": "shop.example"}, prefix="/a")
    assert "shop.example/a in live; through Kong and no other way" in made.answer


def test_a_missing_domain_is_asked_for_once() -> None:
    """The question is about the environment, not about each service."""
    places = {"live": {"domain": "shop.example"}, "lab": {}}
    exposed = {"exposure": "external"}
    made = list(decisions.for_system(system(environments=places, services={"a": exposed, "b": exposed})))
    asked = one(made, "gateway/public-through-gateway", "domain", "environment lab")
    told = one(made, "gateway/public-through-gateway", "domain", "environment live")
    assert (asked.state, asked.answer) == ("unanswered", "Under which domain do the public routes of lab stand?")
    assert (told.state, told.value) == ("decided", "shop.example")


@pytest.mark.parametrize(("gateway", "by"), [("kong", "kong-jwt"), ("ambassador", "auth-service")])
def test_tokens_of_the_declared_provider_get_in(gateway: str, by: str) -> None:
    """The audience is the system's name unless the provider names another."""
    made = one(of({}, identity_providers=ONE, platform={"gateway": gateway}), "gateway/jwt", "authentication")
    assert made.value.issuers == (Issuer(name="people", issuer="https://id.example", audience="shop"),)
    assert (made.value.by, made.value.federated) == (by, False)
    assert "none" not in {name.lower() for name in made.value.algorithms}
    assert made.answer == "a signed token of https://id.example, for shop"


def test_several_providers_are_joined_behind_one_issuer() -> None:
    """The gateway then trusts the federation alone."""
    places = {"live": {"domain": "shop.example"}, "lab": {}}
    service = one(of({}, identity_providers=TWO), "gateway/jwt", "authentication")
    assert (service.value.federated, [issuer.audience for issuer in service.value.issuers]) == (True, ["shop", "api"])
    facts: dict[str, Any] = {"environments": places, "services": {"a": {"exposure": "external"}}}
    joined = one(
        decisions.for_system(system(identity_providers=TWO, **facts)), "gateway/federated-identity", "federation"
    )
    assert (joined.value.product, joined.value.providers) == ("dex", ("people", "partners"))
    assert joined.value.issuers == {"live": "https://shop.example/-/dex"}
    single = decisions.for_system(system(identity_providers=ONE, **facts))
    assert not [d for d in single if d.topic == "federation"]


@pytest.mark.parametrize(
    ("service", "state", "word"),
    [
        ({}, "unanswered", "Which identity provider vouches for callers from outside?"),
        ({"anonymous-routes": ["GET /books"]}, "unanswered", "Which identity provider"),
        ({"anonymous-routes": ["GET /"]}, "unanswered", "Which identity provider"),
        ({"anonymous-routes": ["/"]}, "unanswered", "Which identity provider"),
        ({"anonymous-routes": ["/*"]}, "unanswered", "Which identity provider"),
        ({"anonymous-routes": ["GET /**"]}, "unanswered", "Which identity provider"),
        ({"anonymous-routes": ["/**"]}, "decided", "none: all of its routes are anonymous"),
        ({"anonymous-routes": ["/**"], "secure-user-data": True}, "owed", "a list of the routes that need no token"),
    ],
)
def test_without_a_provider_a_route_with_a_token_is_a_question(service: dict[str, Any], state: str, word: str) -> None:
    """Unless all is anonymous, which secure user data forbids."""
    made = one(of(service), "gateway/jwt", "authentication")
    assert made.state == state
    assert word in made.answer


def test_anonymous_routes_are_named() -> None:
    """Without any there is nothing to say."""
    made = one(of({"anonymous-routes": ["GET /books", "/health"]}), "gateway/jwt", "anonymous routes")
    assert made.value == ("GET /books", "/health")
    assert made.answer == "GET /books and /health need no token"
    assert not [d for d in of({}) if d.topic == "anonymous routes"]


@pytest.mark.parametrize(
    ("criticality", "peak", "route", "consumer", "anonymous"),
    [
        ("mission-critical", 70, 88, 4, 2),
        ("standard", 70, 84, 7, 4),
        ("low", 70, 70, 14, 7),
        ("standard", 5000, 6000, 20, 10),
        ("standard", 1, 2, 1, 1),
    ],
)
def test_limits_follow_from_peak_and_criticality(
    criticality: str, peak: int, route: int, consumer: int, anonymous: int
) -> None:
    """One consumer gets a share, and never more than one has use for."""
    service = {"criticality": criticality, "traffic": {"typical": 1, "peak": peak}}
    made = one(of(service), "gateway/rate-limit", "rate limits")
    assert made.value == RateLimits(
        route=Limit(per_second=route, burst=2 * route),
        consumer=Limit(per_second=consumer, burst=5 * consumer),
        anonymous=Limit(per_second=anonymous, burst=5 * anonymous),
    )
    assert made.because.startswith(f"its peak is {peak:,} a second, ")
    assert made.because.endswith(f", and its criticality is {criticality}")


@pytest.mark.parametrize("volumes", [{}, {"v": {}}])
@pytest.mark.parametrize("criticality", ["mission-critical", "standard", "low"])
def test_the_gateway_lets_no_more_through_than_the_replicas_carry(criticality: str, volumes: dict[str, object]) -> None:
    """A limit above what runs would let the service go down before it refuses anybody."""
    traffic = {"typical": 50, "peak": 4000, "per-replica": 40}
    service = {"exposure": "external", "criticality": criticality, "traffic": traffic, "volumes": volumes}
    landscape = system(services={"a": service})
    limits = one(decisions.for_service(landscape.services["a"], landscape), "gateway/rate-limit", "rate limits")
    counted = orchestration.replicas(landscape.services["a"])
    assert counted is not None
    assert limits.value.route.per_second <= counted.value.most * 40
    assert f"{limits.value.route.per_second:,} requests a second in all" in limits.answer


def test_a_single_anonymous_route_is_one() -> None:
    """The reason agrees with the number of routes."""
    made = one(of({"anonymous-routes": ["/health"]}), "gateway/jwt", "anonymous routes")
    assert (made.answer, made.because) == ("/health needs no token", "it is declared anonymous")


@pytest.mark.parametrize(("by", "word"), [("header", "the header x-tenant"), ("path", "the path, as /a/<tenant>/")])
def test_a_tenant_must_agree_with_the_token(by: Literal["header", "path"], word: str) -> None:
    """Header and path are claims; the token decides."""
    made = one(
        of({"routed-by-tenant": True}, tenants={"names": ["red", "blue"], "by": by}),
        "gateway/tenant-routing",
        "tenants",
    )
    assert made.value == TenantRouting(by=by, names=("red", "blue"))
    assert word in made.answer
    assert "the claim 'tenant' of the token" in made.answer
    assert not [d for d in of({}, tenants={"names": ["red"]}) if d.topic == "tenants"]


def test_tenants_that_nobody_names_are_asked_for() -> None:
    """Until then there is no route that could mix them up."""
    made = one(of({"routed-by-tenant": True}), "gateway/tenant-routing", "tenants")
    assert (made.state, made.value) == ("unanswered", None)


def test_secure_user_data_is_exposed_last() -> None:
    """Reached through a call is reached."""
    facts = {"a": {"exposure": "external", "calls": {"b": {}}}, "b": {"secure-user-data": True}}
    landscape = system(services=facts)
    made = one(decisions.for_service(landscape.services["a"], landscape), "gateway/secure-before-exposure", "exposure")
    assert made.value == ("security",)
    assert "through b" in made.because
    assert not [d for d in of({}) if d.topic == "exposure"]


@pytest.mark.parametrize(
    ("platform", "value", "word"),
    [({}, "kong", "none is declared"), ({"gateway": "ambassador"}, "ambassador", "the facts name it")],
)
def test_the_gateway_is_declared_or_the_default(platform: dict[str, str], value: str, word: str) -> None:
    """The other one is named with the reason."""
    made = one(
        decisions.for_system(system(platform=platform, services={"a": {"exposure": "external"}})),
        "gateway/public-through-gateway",
        "gateway",
    )
    assert made.value == value
    assert word in made.because
    assert made.instead[0].option.lower() != value


def test_a_public_route_waits_for_its_workload_route_and_security() -> None:
    """Security only where secure user data is reached; an internal service has no public route."""
    landscape = system(
        services={
            "a": {"exposure": "external"},
            "b": {"exposure": "external", "secure-user-data": True},
            "c": {"secure-user-data": True},
        }
    )
    edges = [(edge.first, edge.then, edge.rule) for edge in order(landscape)]
    through, secure = "gateway/public-through-gateway", "gateway/secure-before-exposure"
    assert edges == [
        ("workload/a", "public-route/a", through),
        ("route/a", "public-route/a", through),
        ("workload/b", "public-route/b", through),
        ("route/b", "public-route/b", through),
        ("security", "public-route/b", secure),
    ]


def test_the_order_is_free_of_circles_whatever_the_facts() -> None:
    """All combinations of what turns an edge, in one system whose services call one another."""
    services: dict[str, Any] = {}
    for number, (deferred, configured, exposed, secrets, secure) in enumerate(product((False, True), repeat=5)):
        services[f"s{number}"] = {
            "sidecars": {"x": "deferred"} if deferred else {},
            "configured-at-run-time": configured,
            "exposure": "external" if exposed else "internal",
            "secrets": ["key"] if secrets else [],
            "secure-user-data": secure,
            "calls": {f"s{(number + 1) % 32}": {}},
        }
    landscape = system(services=services)
    laid = waves([*containers(landscape), *routing(landscape), *order(landscape)])
    place = {piece: number for number, wave in enumerate(laid.waves) for piece in wave}
    assert all(place[edge.first] < place[edge.then] for edge in laid.edges)
    assert sum(piece.startswith("public-route/") for piece in place) == 16


@pytest.mark.parametrize(
    ("rule", "service", "holds", "because"),
    [
        ("public_through_gateway", {}, True, "it is exposed externally"),
        ("jwt", {}, True, "it is exposed externally"),
        ("rate_limit", {}, True, "it is exposed externally"),
        ("federated_identity", {}, True, "it is exposed externally, and people and partners vouch for its callers"),
        (
            "tenant_routing",
            {"routed-by-tenant": True},
            True,
            "it is exposed externally, and its routes differ by tenant",
        ),
        ("tenant_routing", {}, False, "its routes are the same for all tenants"),
        (
            "secure_before_exposure",
            {"secure-user-data": True},
            True,
            "it is exposed externally, and it reads secure user data",
        ),
        ("secure_before_exposure", {}, False, "it reads no secure user data, itself or through its calls"),
    ],
)
def test_each_rule_applies_where_the_standard_says(
    *, rule: str, service: dict[str, Any], holds: bool, because: str
) -> None:
    """A rule that does not apply says why; of an internal service, that it is internal."""
    applies = import_module(f"fairway.stages.s05_gateway.{rule}").RULE.applies
    exposed = system(identity_providers=TWO, services={"a": {"exposure": "external", **service}})
    verdict = applies(exposed.services["a"])
    assert (verdict.holds, verdict.because) == (holds, because)
    internal = applies(system(identity_providers=TWO, services={"a": service}).services["a"])
    assert (internal.holds, internal.because) == (False, "it is internal")


def test_one_identity_provider_needs_no_federation() -> None:
    """The reason names what is missing."""
    applies = import_module("fairway.stages.s05_gateway.federated_identity").RULE.applies
    verdict = applies(system(identity_providers=ONE, services={"a": {"exposure": "external"}}).services["a"])
    assert (verdict.holds, verdict.because) == (False, "there are not several identity providers")
