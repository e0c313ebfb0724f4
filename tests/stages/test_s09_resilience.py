"""Resilience decides limits, breakers, fallbacks and dead letters, and puts channels before their users."""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

import msgspec
import pytest

from fairway.core.decision import AnyDecision
from fairway.core.facts import System
from fairway.core.order import order as waves_of
from fairway.core.profile import Landscape, survey
from fairway.stages.s01_design import decisions as design
from fairway.stages.s09_resilience import decisions
from fairway.stages.s09_resilience.decisions.calls import Breaker, Ejection, Fallback, Rerouting
from fairway.stages.s09_resilience.decisions.events import DeadLetters, Inbox, InFlight, Patience
from fairway.stages.s09_resilience.order import order

Facts = dict[str, Any]


def land(services: Facts, **rest: Any) -> Landscape:  # noqa: ANN401 - any fact may be given
    """Survey a small system."""
    facts = {name.replace("_", "-"): value for name, value in rest.items()}
    return survey(msgspec.convert({"system": "shop", "services": services, **facts}, System))


def find(made: Iterable[AnyDecision], rule: str, topic: str, subject: str = "") -> AnyDecision:
    """Find the one decision on a subject."""
    (found,) = [d for d in made if (d.rule, d.topic, d.subject) == (f"resilience/{rule}", topic, subject)]
    return found


def of(landscape: Landscape, service: str, rule: str, topic: str, subject: str = "") -> AnyDecision:
    """Find the one decision on a subject among those of a service."""
    return find(decisions.for_service(landscape.services[service], landscape), rule, topic, subject)


def calling(call: Facts, **orders: Any) -> Landscape:  # noqa: ANN401
    """Survey orders, which calls payments."""
    return land({"orders": {"calls": {"payments": call}, **orders}, "payments": {}})


def fallback(call: Facts, **orders: Any) -> AnyDecision:  # noqa: ANN401
    """Decide what orders does while payments is down."""
    return of(calling(call, **orders), "orders", "degraded-modes", "when down", "call payments")


EVENTS = {
    "services": {
        "orders": {"publishes": ["placed"]},
        "mailer": {"consumes": ["placed"], "criticality": "low", "stores": ["mail-db"]},
        "billing": {"consumes": ["placed"], "criticality": "mission-critical"},
    },
    "stores": {"mail-db": {"workload": "transactional"}},
    "channels": {"placed": {}},
}


def events(**changes: Facts) -> Landscape:
    """Survey orders, which publishes what mailer and billing consume; each change replaces a part of the facts."""
    return land(**{**EVENTS, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("slug", "facts", "holds", "because"),
    [
        ("isolation", {}, True, "it holds for every service"),
        ("circuit-breakers", {"calls": {"bank": {}}}, True, "it calls bank"),
        ("circuit-breakers", {}, False, "it calls nothing"),
        ("degraded-modes", {"calls": {"bank": {}}}, True, "it calls bank"),
        ("degraded-modes", {}, False, "it calls nothing"),
        ("dead-letters", {"consumes": ["placed"]}, True, "it publishes or consumes placed"),
        ("dead-letters", {}, False, "it publishes and consumes no events"),
        ("idempotent-retries", {"publishes": ["placed"]}, True, "it publishes or consumes placed"),
        ("idempotent-retries", {}, False, "it publishes and consumes no events"),
        ("rerouting", {"traffic-needs": ["rerouting"]}, True, "it needs its traffic rerouted on failure"),
        ("rerouting", {"traffic-needs": ["retries"]}, False, "it needs no rerouting"),
    ],
)
def test_a_rule_applies_where_the_standard_says_so(slug: str, facts: Facts, holds: bool, because: str) -> None:  # noqa: FBT001
    """Each rule's condition holds or not, with the reason that the plan shows."""
    rule = import_module(f"fairway.stages.s09_resilience.{slug.replace('-', '_')}").RULE
    landscape = land(
        {"orders": facts}, channels={"placed": {}}, external_systems={"bank": {"host": "bank.example.com"}}
    )
    verdict = rule.applies(landscape.services["orders"])
    assert rule.id == f"resilience/{slug}"
    assert (verdict.holds, verdict.because) == (holds, because)


def test_a_failing_replica_is_left_out_sooner_the_more_critical_the_service_is() -> None:
    """The criticality of the callee decides how many failures are borne."""
    errors = {}
    for level in ("low", "standard", "mission-critical"):
        made = of(
            land({"shop": {"exposure": "external", "criticality": level}}), "shop", "isolation", "failing replicas"
        )
        assert isinstance(made.value, Ejection)
        assert f"fails {made.value.errors} times" in made.answer
        errors[level] = made.value.errors
    assert errors["low"] > errors["standard"] > errors["mission-critical"]


@pytest.mark.parametrize("facts", [{}, {"exposure": "external", "runs": "to-completion"}])
def test_nothing_is_left_out_where_no_requests_arrive(facts: Facts) -> None:
    """A worker and a run to completion have no callers that could leave a replica out."""
    landscape = land({"worker": facts})
    assert [*decisions.for_service(landscape.services["worker"], landscape)] == []


def test_calls_at_a_time_follow_from_traffic_and_the_promise_of_the_callee() -> None:
    """A rate of 50 a second and an answer within 500ms are 25 calls in flight."""
    made = of(calling({}), "orders", "isolation", "limits", "call payments")
    assert made.value == 25
    busier = calling({}, traffic={"typical": 10, "peak": 500, "per-replica": 200})
    assert of(busier, "orders", "isolation", "limits", "call payments").value == 100
    quick = land({"orders": {"calls": {"payments": {}}}, "payments": {"criticality": "mission-critical"}})
    assert of(quick, "orders", "isolation", "limits", "call payments").value == 15
    shorter = of(calling({"timeout": "100ms"}), "orders", "isolation", "limits", "call payments")
    assert shorter.value == 5
    assert "given up after 100ms" in shorter.because


def test_nothing_is_known_of_a_system_outside() -> None:
    """It is taken to answer within a second, unless a shorter timeout is declared."""
    outside = {"bank": {"host": "bank.example.com"}}
    made = of(
        land({"orders": {"calls": {"bank": {}}}}, external_systems=outside),
        "orders",
        "isolation",
        "limits",
        "call bank",
    )
    assert made.value == 50
    assert "taken to answer within 1s" in made.because


def test_connections_to_a_store_follow_from_traffic() -> None:
    """A replica that carries more holds more connections, and never an unbounded number."""
    stores = {"db": {"workload": "transactional"}}
    quiet, busy = ({"typical": 1, "peak": peak, "per-replica": 200} for peak in (10, 500))
    for traffic, connections in ((quiet, 4), (busy, 20)):
        landscape = land({"orders": {"stores": ["db"], "traffic": traffic}}, stores=stores)
        assert of(landscape, "orders", "isolation", "limits", "store db").value == connections


def test_a_breaker_opens_by_the_criticality_of_the_caller() -> None:
    """What customers need at once gives up sooner; one trial is let through at every level."""
    made = of(calling({}), "orders", "circuit-breakers", "breaker", "call payments")
    assert made.value == Breaker(failures=5, open_for="10s", trials=1, layers=("client",))
    critical = of(calling({}, criticality="mission-critical"), "orders", "circuit-breakers", "breaker", "call payments")
    assert critical.value == Breaker(failures=3, open_for="5s", trials=1, layers=("client",))
    assert "it is mission-critical" in critical.because


def test_a_mesh_adds_its_own_layer_to_the_breaker() -> None:
    """With a mesh its connection pools break as well; without one the client breaks alone."""
    made = of(
        calling({}, **{"traffic-needs": ["circuit-breaking"]}), "orders", "circuit-breakers", "breaker", "call payments"
    )
    assert made.value.layers == ("client", "mesh")
    assert "the system has a mesh" in made.because


def test_an_essential_call_without_a_fallback_is_a_question() -> None:
    """Only the user can say what an essential call is worth; until then it fails."""
    made = fallback({})
    assert made.state == "unanswered"
    assert made.answer == "What does orders do while payments is down: fail, cached, skip or queue?"
    assert made.value == Fallback(mode="fail")
    assert "until then it fails at once" in made.because


def test_a_call_that_is_not_essential_is_skipped_and_said_to_be() -> None:
    """Nothing is declared, so the plan says that this is why it is skipped."""
    made = fallback({"essential": False})
    assert (made.state, made.value.mode) == ("decided", "skip")
    assert made.because == "the call is not essential, and nothing else is declared"


def test_a_declared_fallback_is_taken_as_it_is() -> None:
    """What is declared is decided, and called so."""
    made = fallback({"when-down": "fail"})
    assert (made.state, made.value, made.because) == ("decided", Fallback(mode="fail"), "it is declared so")


@pytest.mark.parametrize(("data", "oldest"), [("public", "1h"), ("internal", "10m"), ("personal", "1m")])
def test_a_cached_answer_is_younger_the_more_sensitive_it_is(data: str, oldest: str) -> None:
    """A copy of personal data must be gone soon after the person is erased."""
    services = {
        "orders": {"calls": {"payments": {"when-down": "cached"}}, "stores": ["a-cache"]},
        "payments": {"data": [data]},
    }
    landscape = land(services, stores={"a-cache": {"workload": "cache"}})
    made = of(landscape, "orders", "degraded-modes", "when down", "call payments")
    assert made.value == Fallback(mode="cached", oldest=oldest, store="a-cache")
    assert f"payments handles {data} data" in made.because


def test_a_cached_answer_without_a_cache_is_kept_in_memory() -> None:
    """No store has to be declared for it."""
    made = fallback({"when-down": "cached"})
    assert made.value.store is None
    assert "each replica's memory" in made.answer


@pytest.mark.parametrize(
    ("call", "orders", "takes"),
    [
        ({"when-down": "skip"}, {}, "'essential: false'"),
        ({"when-down": "queue"}, {}, "'idempotent: true'"),
        ({"when-down": "queue", "idempotent": True}, {}, "a durable store for orders"),
    ],
)
def test_a_fallback_that_cannot_be_kept_is_owed(call: Facts, orders: Facts, takes: str) -> None:
    """The answer says what it takes, and the call fails until then."""
    made = fallback(call, **orders)
    assert (made.state, made.value.mode) == ("owed", "fail")
    assert takes in made.answer


def test_a_queued_call_is_noted_in_the_durable_store() -> None:
    """With an idempotent call and a store for it, queueing is decided."""
    services = {
        "orders": {"calls": {"payments": {"when-down": "queue", "idempotent": True}}, "stores": ["db"]},
        "payments": {},
    }
    made = of(
        land(services, stores={"db": {"workload": "transactional"}}),
        "orders",
        "degraded-modes",
        "when down",
        "call payments",
    )
    assert (made.state, made.value) == ("decided", Fallback(mode="queue", store="db"))


def test_events_are_parked_after_as_many_tries_as_each_consumer_is_worth() -> None:
    """Tries follow the criticality of the consumer."""
    made = find(decisions.for_system(events()), "dead-letters", "dead letters", "channel placed")
    assert isinstance(made.value, DeadLetters)
    assert made.value.consumers["billing"] == Patience(tries=10, first_pause="1s", longest_pause="5m")
    assert made.value.consumers["mailer"].tries == 3
    assert made.value.kept == "14d"


@pytest.mark.parametrize("level", ["mission-critical", "standard", "low"])
def test_design_and_resilience_name_the_same_tries(level: str) -> None:
    """Design decides the retries of an eventual workflow; an event is parked after just as many."""
    services = {"orders": {"publishes": ["placed"]}, "mailer": {"consumes": ["placed"], "criticality": level}}
    flow = {"checkout": {"participants": ["orders", "mailer"], "consistency": "eventual"}}
    landscape = events(services=services, workflows=flow)
    (retries,) = [d for d in design.for_service(landscape.services["mailer"], landscape) if d.topic == "retries"]
    parked = find(decisions.for_system(landscape), "dead-letters", "dead letters", "channel placed").value
    patience = parked.consumers["mailer"]
    named = (retries.value.tries, retries.value.first, retries.value.longest)
    assert (patience.tries, patience.first_pause, patience.longest_pause) == named


def test_declared_tries_go_before_criticality() -> None:
    """A number in the facts holds for every consumer."""
    made = find(
        decisions.for_system(events(channels={"placed": {"tries": 2}})),
        "dead-letters",
        "dead letters",
        "channel placed",
    )
    assert {patience.tries for patience in made.value.consumers.values()} == {2}
    assert made.because.startswith("its tries are declared")


def test_personal_events_are_parked_for_a_shorter_time() -> None:
    """A dead letter is a copy of personal data that nobody looks after."""
    landscape = events(channels={"placed": {"data": ["personal"]}})
    made = find(decisions.for_system(landscape), "dead-letters", "dead letters", "channel placed")
    assert made.value.kept == "7d"
    assert of(landscape, "mailer", "idempotent-retries", "handled events", "channel placed").value.kept == "8d"


def test_a_channel_without_consumers_parks_nothing() -> None:
    """Design asks who consumes it; there is nothing to park until somebody does."""
    landscape = events(services={"orders": {"publishes": ["placed"]}}, stores={})
    assert [made.topic for made in decisions.for_system(landscape)] == ["broker servers"]


@pytest.mark.parametrize(
    ("stores", "form"),
    [
        ({"a-cache": {"workload": "cache"}, "db": {"workload": "transactional"}}, "transaction"),
        ({"a-cache": {"workload": "cache"}, "db": {"workload": "write-heavy"}}, "conditional-write"),
        ({"db": {"workload": "cache"}}, "expiring-key"),
    ],
)
def test_handled_events_are_noted_in_the_best_store_of_the_consumer(stores: Facts, form: str) -> None:
    """Beside the effect where that is possible, in what expires where nothing is kept."""
    services = {"mailer": {"consumes": ["placed"], "stores": list(stores)}}
    made = of(
        events(services=services, stores=stores), "mailer", "idempotent-retries", "handled events", "channel placed"
    )
    assert made.value == Inbox(form=form, store="db", kept="15d")  # type: ignore[arg-type]


def test_a_consumer_without_any_store_owes_one() -> None:
    """It cannot know what it has handled, and the plan says what that takes."""
    made = of(events(), "billing", "idempotent-retries", "handled events", "channel placed")
    assert (made.state, made.value) == ("owed", None)
    assert "a store for billing" in made.answer


def test_a_publisher_keeps_the_identity_of_its_events() -> None:
    """An event that is sent again is recognised by the id of its outbox row."""
    assert of(events(), "orders", "idempotent-retries", "event identity", "channel placed").value == "outbox-row"


def test_ordered_events_are_handled_one_after_the_other() -> None:
    """The declared field reaches the consumer."""
    plain = of(events(), "mailer", "isolation", "limits", "channel placed")
    assert plain.value == InFlight(events=50, in_order_of=None)
    ordered = of(
        events(channels={"placed": {"ordered-by": "order id"}}), "mailer", "isolation", "limits", "channel placed"
    )
    assert ordered.value.in_order_of == "order id"
    assert "the same order id" in ordered.answer


def test_the_broker_runs_on_one_server_only_where_everything_is_low() -> None:
    """One service above low is reason enough for three."""
    assert find(decisions.for_system(events()), "dead-letters", "broker servers").value == 3
    low = {"orders": {"publishes": ["placed"], "criticality": "low"}}
    assert find(decisions.for_system(events(services=low)), "dead-letters", "broker servers").value == 1


def test_a_system_without_channels_decides_nothing_about_events() -> None:
    """No broker, no dead letters, no order of work."""
    landscape = land({"orders": {}})
    assert [*decisions.for_system(landscape)] == []
    assert [*order(landscape)] == []


@pytest.mark.parametrize(
    ("needs", "platform", "form"),
    [(["rerouting"], {}, "gateway-api"), (["rerouting", "retries"], {}, "mesh-locality")],
)
def test_rerouting_takes_the_form_that_the_system_has(needs: list[str], platform: Facts, form: str) -> None:
    """The mesh moves traffic where there is one, Gateway API where there is none."""
    made = of(land({"orders": {"traffic-needs": needs}}, platform=platform), "orders", "rerouting", "rerouting")
    assert made.value == Rerouting(form=form, between="zones", regions=("main",))  # type: ignore[arg-type]
    regions: Facts = {"eu": {}, "us": {}}
    several = of(land({"orders": {"traffic-needs": needs}}, regions=regions), "orders", "rerouting", "rerouting")
    assert (several.value.between, several.value.regions) == ("regions", ("eu", "us"))


def test_rerouting_with_ingress_is_owed() -> None:
    """An Ingress cannot name a second place."""
    made = of(
        land({"orders": {"traffic-needs": ["rerouting"]}}, platform={"routes": "ingress"}),
        "orders",
        "rerouting",
        "rerouting",
    )
    assert (made.state, made.value) == ("owed", None)
    assert "gateway-api" in made.answer


def test_a_channel_is_there_before_anyone_uses_it() -> None:
    """Broker, channel, workloads: in this order, with a publisher that consumes itself named once."""
    services = {"orders": {"publishes": ["placed"], "consumes": ["placed"]}, "mailer": {"consumes": ["placed"]}}
    edges = [*order(events(services=services))]
    assert waves_of(edges).waves == (
        ("platform",),
        ("broker",),
        ("channel/placed",),
        ("workload/mailer", "workload/orders"),
    )
    assert len(edges) == 4


@pytest.mark.parametrize(
    ("facts", "one", "words"),
    [
        ({"exposure": "external"}, "replica", "a replica carries 50 requests a second"),
        ({}, "replica", "a replica handles 50 events a second"),
        ({"runs": "to-completion"}, "run", "a run is taken to get through 50 pieces of work a second"),
    ],
)
def test_limits_speak_of_requests_only_where_there_are_any(facts: Facts, one: str, words: str) -> None:
    """A worker gets events, and a job has no replicas."""
    landscape = calling({}, **facts)
    made = of(landscape, "orders", "isolation", "limits", "call payments")
    assert f"from each {one};" in made.answer
    assert words in made.because
