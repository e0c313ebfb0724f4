"""Design decides protocols, sessions, and how workflows stay consistent."""

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

import msgspec
import pytest

from fairway.core.decision import AnyDecision
from fairway.core.facts import System
from fairway.core.profile import Landscape, survey
from fairway.stages.s01_design import decisions
from fairway.stages.s01_design.decisions.channels import Stream
from fairway.stages.s01_design.decisions.services import RetryPolicy, SessionStore, shared_capabilities
from fairway.stages.s01_design.decisions.workflows import Participation, Step

STRONG = [
    {"service": "orders", "step": "open", "undo": "cancel"},
    {"service": "payments", "step": "charge", "undo": "refund"},
    {"service": "shipping", "step": "book"},
]


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


def flow(consistency: str | None, participants: list[Any], **services: Mapping[str, Any]) -> Landscape:
    """Survey a system with one workflow, checkout, and the channels that its services name."""
    names = {p if isinstance(p, str) else p["service"] for p in participants}
    facts: dict[str, Any] = {"participants": participants} | ({"consistency": consistency} if consistency else {})
    declared: dict[str, Mapping[str, Any]] = {name: {} for name in sorted(names)} | services
    channels = {c for s in declared.values() for c in (*s.get("publishes", ()), *s.get("consumes", ()))}
    return system(workflows={"checkout": facts}, services=declared, channels={c: {} for c in sorted(channels)})


def test_a_capability_is_taken_from_the_facts_or_asked_for() -> None:
    """What nobody else can know is a question."""
    landscape = system(services={"a": {"capability": "Taking orders"}, "b": {}})
    told = one(of(landscape, "a"), "design/single-capability", "capability")
    asked = one(of(landscape, "b"), "design/single-capability", "capability")
    assert (told.state, told.value) == ("decided", "Taking orders")
    assert (asked.state, asked.value) == ("unanswered", None)
    assert asked.answer == "What is the one thing that the business has b for?"


def test_two_services_with_one_capability_owe_a_difference() -> None:
    """Upper case and spaces make no difference between capabilities."""
    landscape = system(
        services={"a": {"capability": "Taking  Orders"}, "b": {"capability": "taking orders"}, "c": {"capability": "x"}}
    )
    (shared,) = shared_capabilities(landscape)
    assert (shared.subject, shared.state, shared.value) == ("capability taking orders", "owed", ("a", "b"))
    assert "a and b claim the same capability" in shared.because


@pytest.mark.parametrize(
    ("exposure", "called", "value", "rule"),
    [
        ("external", True, ("rest", "grpc"), "design/rest-when-external"),
        ("external", False, ("rest",), "design/rest-when-external"),
        ("internal", True, ("grpc",), "design/grpc-when-internal"),
        ("internal", False, (), "design/grpc-when-internal"),
    ],
)
def test_the_protocol_follows_from_exposure_and_callers(
    *, exposure: str, called: bool, value: tuple[str, ...], rule: str
) -> None:
    """REST at the edge, gRPC inside, both for both, neither for a worker."""
    caller: dict[str, Any] = {"calls": {"a": {}}} if called else {}
    landscape = system(services={"a": {"exposure": exposure}, "b": caller})
    assert one(of(landscape, "a"), rule, "protocol").value == value


@pytest.mark.parametrize(
    ("data", "idle", "word"),
    [
        ([], "2h", "reads no secure user data"),
        (["personal"], "30m", "handles personal data"),
        (["personal", "regulated"], "15m", "handles regulated data"),
    ],
)
def test_sessions_end_the_sooner_the_more_delicate_the_data(data: list[str], idle: str, word: str) -> None:
    """The store is outside the process, and the class of data sets how long a session lasts."""
    kept = one(
        of(system(services={"a": {"sessions": True, "data": data}}), "a"), "design/external-sessions", "session store"
    )
    assert isinstance(kept.value, SessionStore)
    assert (kept.value.store, kept.value.engine, kept.value.idle) == ("sessions", "redis", idle)
    assert idle in kept.answer
    assert kept.answer.startswith("sessions (Redis); ")
    assert word in kept.because


def test_sessions_go_where_they_may_be_lost() -> None:
    """A cache called sessions is preferred to another cache, and any cache to a durable store."""
    stores = {"db": {"workload": "transactional"}, "quick": {"workload": "cache"}, "sessions": {"workload": "cache"}}
    for declared, chosen in ((["db", "quick"], "quick"), (["db", "quick", "sessions"], "sessions")):
        landscape = system(stores=stores, services={"a": {"sessions": True, "stores": declared}})
        assert one(of(landscape, "a"), "design/external-sessions", "session store").value.store == chosen


def test_a_stateful_service_keeps_its_sessions() -> None:
    """The rule asks a store of stateless services only."""
    landscape = system(services={"a": {"sessions": True, "retains-state": True}})
    assert not [d for d in of(landscape, "a") if d.topic == "session store"]


@pytest.mark.parametrize(
    ("consistency", "state", "model", "word"),
    [
        ("strong", "decided", "saga", "orders takes the steps in order"),
        ("eventual", "decided", "events", "a further event"),
        (None, "unanswered", "events", "Which consistency does checkout need: strong or eventual?"),
    ],
)
def test_consistency_decides_the_transaction_model(consistency: str | None, state: str, model: str, word: str) -> None:
    """Strong is a saga, eventual is events, and silence is a question."""
    made = one(
        decisions.for_system(flow(consistency, STRONG)),
        "design/transaction-model",
        "transaction model",
        "workflow checkout",
    )
    assert (made.state, made.value) == (state, model)
    assert word in made.answer


@pytest.mark.parametrize(
    ("consistency", "rule"), [("strong", "design/saga"), ("eventual", "design/events-with-compensation")]
)
def test_every_step_but_the_last_needs_an_undo(consistency: str, rule: str) -> None:
    """Only a step after which nothing can fail may stay."""
    whole = one(decisions.for_system(flow(consistency, STRONG)), rule, "steps", "workflow checkout")
    assert whole.state == "decided"
    assert whole.value[1] == Step(service="payments", name="charge", undo="refund")
    assert whole.value[2].undo is None
    lacking = [STRONG[0], {"service": "payments", "step": "charge"}, STRONG[2]]
    asked = one(decisions.for_system(flow(consistency, lacking)), rule, "steps", "workflow checkout")
    assert (asked.state, asked.answer) == ("unanswered", "What takes back step charge of payments?")


def test_all_lacking_undos_are_asked_for_at_once() -> None:
    """Bare names of services are steps without a name."""
    made = one(decisions.for_system(flow("strong", ["a", "b", "c"])), "design/saga", "steps", "workflow checkout")
    assert made.answer == "What takes back the step of a and the step of b?"


@pytest.mark.parametrize(("criticality", "after"), [("mission-critical", "5m"), ("standard", "15m"), ("low", "1h")])
def test_a_saga_remembers_its_runs_in_its_coordinators_store(criticality: str, after: str) -> None:
    """The coordinator's criticality says when a run counts as stuck."""
    landscape = flow("strong", STRONG, orders={"criticality": criticality})
    log = one(decisions.for_system(landscape), "design/saga", "saga log", "workflow checkout")
    assert (log.value.coordinator, log.value.store, log.value.stuck_after) == ("orders", "orders-db", after)
    assert criticality in log.because
    assert not [d for d in decisions.for_system(flow("eventual", STRONG)) if d.topic == "saga log"]


def test_a_participant_that_no_event_reaches_is_asked_about() -> None:
    """A channel that leads elsewhere does not make it take part."""
    participants = [{"service": "a", "undo": "x"}, {"service": "b", "undo": "y"}, "c"]
    ends: dict[str, dict[str, Any]] = {
        "a": {"publishes": ["made"]},
        "b": {"consumes": ["made"]},
        "c": {"publishes": ["unheard"]},
    }
    rule = "design/events-with-compensation"
    asked = one(decisions.for_system(flow("eventual", participants, **ends)), rule, "events", "workflow checkout")
    assert (asked.state, asked.answer) == ("unanswered", "By which events does c take part in checkout?")
    ends["c"] = {"consumes": ["made"]}
    told = one(decisions.for_system(flow("eventual", participants, **ends)), rule, "events", "workflow checkout")
    assert told.state == "decided"
    assert told.value[0] == Participation(service="a", publishes=("made",), consumes=())
    assert told.answer == "a publishes made; b consumes made; c consumes made"


@pytest.mark.parametrize(
    ("criticality", "policy"),
    [
        ("mission-critical", RetryPolicy(tries=10, first="1s", longest="5m")),
        ("standard", RetryPolicy(tries=6, first="1s", longest="2m")),
        ("low", RetryPolicy(tries=3, first="5s", longest="5m")),
    ],
)
def test_a_consumer_tries_again_by_its_criticality(criticality: str, policy: RetryPolicy) -> None:
    """Under eventual consistency each consumed channel has a policy."""
    ends: dict[str, dict[str, Any]] = {
        "a": {"publishes": ["made"]},
        "b": {"consumes": ["made"], "criticality": criticality},
    }
    landscape = flow("eventual", [{"service": "a", "undo": "x"}, "b"], **ends)
    made = one(of(landscape, "b"), "design/eventual-consistency-retries", "retries", "channel made")
    assert made.value == policy
    assert f"checkout does without strong consistency, and its criticality is {criticality}" == made.because
    strong = flow("strong", [{"service": "a", "undo": "x"}, "b"], **ends)
    assert not [d for d in of(strong, "b") if d.topic == "retries"]


@pytest.mark.parametrize(
    ("tries", "words"),
    [
        (1, "1 try, then parked"),
        (2, "2 tries, a pause of 1s, then parked"),
        (6, "6 tries, pauses from 1s doubling to 16s, then parked"),
        (20, "20 tries, pauses from 1s doubling to 2m, then parked"),
    ],
)
def test_no_pause_is_told_that_never_comes(tries: int, words: str) -> None:
    """Few tries end long before the longest pause."""
    ends: dict[str, dict[str, Any]] = {"a": {"publishes": ["made"]}, "b": {"consumes": ["made"]}}
    landscape = system(
        workflows={"w": {"consistency": "eventual", "participants": [{"service": "a", "undo": "x"}, "b"]}},
        channels={"made": {"tries": tries}},
        services=ends,
    )
    assert one(of(landscape, "b"), "design/eventual-consistency-retries", "retries", "channel made").answer == words


def test_declared_tries_win_and_order_is_mentioned() -> None:
    """What the channel says goes before the table."""
    landscape = system(
        workflows={"w": {"consistency": "eventual", "participants": [{"service": "a", "undo": "x"}, "b"]}},
        channels={"made": {"tries": 1, "ordered-by": "id"}},
        services={"a": {"publishes": ["made"]}, "b": {"consumes": ["made"]}},
    )
    made = one(of(landscape, "b"), "design/eventual-consistency-retries", "retries", "channel made")
    assert made.value.tries == 1
    assert made.answer.startswith("1 try,")
    assert "events of the same id wait" in made.answer
    assert "made declares its tries" in made.because


@pytest.mark.parametrize(
    ("publishes", "consumes", "answer"),
    [
        (["made"], [], "Who consumes made?"),
        ([], ["made"], "Who publishes made?"),
        ([], [], "Who publishes and who consumes made?"),
    ],
)
def test_a_channel_with_an_open_end_is_asked_about(publishes: list[str], consumes: list[str], answer: str) -> None:
    """A channel needs somebody at both ends."""
    landscape = system(channels={"made": {}}, services={"a": {"publishes": publishes}, "b": {"consumes": consumes}})
    made = one(decisions.for_system(landscape), "design/events-with-compensation", "channel", "channel made")
    assert (made.state, made.answer) == ("unanswered", answer)


@pytest.mark.parametrize(
    ("key", "word"), [("order_id", "events of one order_id in their order"), (None, "no promised")]
)
def test_a_channel_is_carried_by_the_broker_in_the_declared_order(key: str | None, word: str) -> None:
    """The broker is the system's, the order the channel's."""
    landscape = system(
        platform={"broker": "kafka"},
        channels={"made": {"ordered-by": key} if key else {}},
        services={"a": {"publishes": ["made"]}, "b": {"consumes": ["made"]}},
    )
    made = list(decisions.for_system(landscape))
    carried = one(made, "design/events-with-compensation", "channel", "channel made")
    assert carried.value == Stream(broker="kafka", publisher="a", consumers=("b",), ordered_by=key)
    assert carried.answer.startswith("Kafka, ")
    assert word in carried.answer
    broker = one(made, "design/events-with-compensation", "broker")
    assert (broker.value, broker.because) == ("kafka", "the facts name it")
    assert [instead.option for instead in broker.instead] == ["NATS JetStream", "RabbitMQ"]


def test_events_are_committed_with_the_change_they_tell_of() -> None:
    """The outbox is in the transactional store; what goes elsewhere is said not to be covered."""
    landscape = system(
        stores={"views": {"workload": "write-heavy"}},
        channels={"made": {}},
        services={"a": {"publishes": ["made"], "stores": ["views"]}, "b": {"consumes": ["made"]}},
    )
    made = one(decisions.for_system(landscape), "design/events-with-compensation", "outbox", "channel made")
    assert made.value == "a-db"
    assert "what it writes to views is not part of that" in made.because


def test_a_system_without_events_decides_nothing_about_them() -> None:
    """No channel, no broker."""
    assert not list(decisions.for_system(system(services={"a": {"capability": "x"}})))


TYPICAL: dict[str, Any] = {
    "workflows": {
        "strong": {"consistency": "strong", "participants": ["front", "stock"]},
        "loose": {"participants": ["stock", "mail"]},
    },
    "services": {
        "front": {"exposure": "external", "sessions": True, "calls": {"stock": {}}},
        "stock": {"retains-state": True, "sessions": True},
        "mail": {},
        "alone": {},
    },
}


@pytest.mark.parametrize(
    ("rule", "service", "holds", "because"),
    [
        ("single_capability", "alone", True, "it holds for every service"),
        ("rest_when_external", "front", True, "it is exposed externally"),
        ("rest_when_external", "stock", False, "it is internal"),
        ("grpc_when_internal", "stock", True, "front calls it"),
        ("grpc_when_internal", "front", False, "no service calls it"),
        ("external_sessions", "front", True, "it is stateless, and its users have sessions"),
        ("external_sessions", "mail", False, "it has no sessions"),
        ("external_sessions", "stock", False, "it is stateful"),
        ("transaction_model", "mail", True, "it takes part in loose"),
        ("transaction_model", "alone", False, "it takes part in no workflow"),
        ("saga", "front", True, "strong needs strong consistency"),
        ("saga", "mail", False, "none of its workflows needs strong consistency"),
        ("events_with_compensation", "mail", True, "loose does without strong consistency"),
        ("events_with_compensation", "front", False, "no workflow without strong consistency"),
        ("eventual_consistency_retries", "stock", True, "loose does without strong consistency"),
        ("eventual_consistency_retries", "alone", False, "no workflow without strong consistency"),
    ],
)
def test_each_rule_applies_where_the_standard_says(*, rule: str, service: str, holds: bool, because: str) -> None:
    """A rule that does not apply says why."""
    applies = import_module(f"fairway.stages.s01_design.{rule}").RULE.applies
    verdict = applies(system(**TYPICAL).services[service])
    assert verdict.holds is holds
    assert because in verdict.because


def test_a_waiver_of_grpc_brings_rest_inside() -> None:
    """The plan names the waiver's reason, and its end as the alternative."""
    waiver = {"reason": "it is bought", "owner": "o", "expires": "2027-01-31"}
    services = {"a": {"calls": {"b": {}}}, "b": {"waivers": {"design/grpc-when-internal": waiver}}}
    landscape = system(services=services, owners={"o": "o@example.com"})
    made = one(decisions.for_service(landscape.services["b"], landscape), "design/grpc-when-internal", "protocol", "")
    assert made.value == ("rest",)
    assert made.because == "a calls it, and gRPC is waived: it is bought"
    assert made.instead[0].why == "the waiver holds until 2027-01-31"
