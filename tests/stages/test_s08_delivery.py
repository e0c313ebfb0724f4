"""Delivery decides gates, rollouts, verdicts, rollbacks, schema changes and flags, and orders migrations."""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

import msgspec
import pytest

from fairway.core.decision import AnyDecision
from fairway.core.facts import System
from fairway.core.order import order as waves_of
from fairway.core.profile import Landscape, survey
from fairway.stages.s08_delivery import decisions
from fairway.stages.s08_delivery.decisions.flags import FlagSystem
from fairway.stages.s08_delivery.decisions.rollback import Migration, Rollback
from fairway.stages.s08_delivery.decisions.rollout import Analysis, Progressive, Rolling, Step
from fairway.stages.s08_delivery.order import order

Facts = dict[str, Any]
FACING: Facts = {"customer-facing": True, "exposure": "external"}
STATEFUL: Facts = {"volumes": {"v": {}}}
JOB: Facts = {"runs": "to-completion"}
BLUE_GREEN: Facts = {"platform": {"progressive": "blue-green"}}
FLAG: Facts = {"flags": {"new-checkout": {"owner": "shop", "expires": "2027-12-31", "default": True}}}
NO_FLAGS: Facts = FLAG | {"platform": {"flags": "none"}}


def land(services: Facts, **rest: Any) -> Landscape:  # noqa: ANN401 - any fact may be given
    """Survey a small system."""
    facts = {name.replace("_", "-"): value for name, value in rest.items()}
    return survey(msgspec.convert({"system": "shop", "services": services, **facts}, System))


def made(facts: Facts, **rest: Any) -> list[AnyDecision]:  # noqa: ANN401
    """Decide about orders, which has these facts."""
    landscape = land({"orders": facts}, **rest)
    return list(decisions.for_service(landscape.services["orders"], landscape))


def find(among: Iterable[AnyDecision], rule: str, topic: str, subject: str = "") -> AnyDecision:
    """Find the one decision on a subject."""
    (found,) = [d for d in among if (d.rule, d.topic, d.subject) == (f"delivery/{rule}", topic, subject)]
    return found


def of(facts: Facts, rule: str, topic: str, subject: str = "", **rest: Any) -> AnyDecision:  # noqa: ANN401
    """Find one decision about orders."""
    return find(made(facts, **rest), rule, topic, subject)


def topics(facts: Facts, **rest: Any) -> set[str]:  # noqa: ANN401
    """Name what is decided about orders."""
    return {decision.topic for decision in made(facts, **rest)}


def moved_by(facts: Facts, services: Facts | None = None, **platform: str) -> str:
    """Say what shifts the share of a canary."""
    landscape = land({"orders": facts, **(services or {})}, platform=platform)
    among = decisions.for_service(landscape.services["orders"], landscape)
    shift: str = find(among, "progressive", "release").value.shift
    return shift


def test_a_change_passes_the_gates_that_its_users_need() -> None:
    """Every service is linted, tested and scanned; an interface, event or table adds its own gate."""
    plain, rich = of({}, "ci", "gates"), of(FACING | {"publishes": ["placed"]}, "ci", "gates", channels={"placed": {}})
    assert {"lint", "tests", "image"} <= set(plain.value)
    assert set(rich.value) - set(plain.value) == {"openapi", "events", "migrations"}
    assert of({"criticality": "mission-critical"}, "ci", "gates").value[-1] == "drills"


def test_pipelines_run_where_the_facts_say() -> None:
    """The default is told apart from a choice."""
    default, chosen = land({"orders": {}}), land({"orders": {}}, platform={"ci": "gitlab"})
    assert find(decisions.for_system(default), "ci", "pipeline").value == "github"
    assert "default" in find(decisions.for_system(default), "ci", "pipeline").because
    assert find(decisions.for_system(chosen), "ci", "pipeline").value == "gitlab"
    assert find(decisions.for_system(chosen), "ci", "pipeline").because == "the facts name it"


@pytest.mark.parametrize(("criticality", "surge", "ready"), [("mission-critical", "20%", 30), ("low", "50%", 5)])
def test_replicas_are_replaced_without_ever_being_fewer(criticality: str, surge: str, ready: int) -> None:
    """The more critical, the gentler."""
    assert of({"criticality": criticality}, "rolling", "rolling update").value == Rolling(
        form="surge", max_surge=surge, min_ready_seconds=ready, drain_seconds=10, grace_seconds=30
    )


@pytest.mark.parametrize(("timeout", "grace"), [("10s", 30), ("1m", 70)])
def test_a_worker_that_goes_ends_its_calls_and_gets_no_requests(timeout: str, grace: int) -> None:
    """An event that waits for a slow system is not cut off; nobody sends a worker requests."""
    call = {"calls": {"mail": {"timeout": timeout}}}
    worker = of(call, "rolling", "rolling update", external_systems={"mail": {"host": "mail.example"}})
    assert worker.value.grace_seconds == grace
    assert f"takes no event once it is told to end, and has {grace}s in all" in worker.answer
    assert "requests" not in worker.answer + worker.instead[0].why


@pytest.mark.parametrize(
    ("facts", "words", "why"),
    [
        ({}, "the deploy step brings the last good version back after 5m 30s", "marks the update as failed"),
        (STATEFUL | {"starts-within": "5m"}, "back after 10m without progress", "waits for the replica"),
    ],
)
def test_a_stuck_release_is_told_by_what_kubernetes_does_with_its_kind(facts: Facts, words: str, why: str) -> None:
    """A StatefulSet has no deadline that could fail."""
    made = of(facts, "automated-rollback", "rollback")
    assert words in made.answer
    assert why in made.instead[0].why


@pytest.mark.parametrize(
    ("typical", "words"), [(15, "; a smaller step would see fewer than 200"), (0.2, "; a shorter step"), (900, "")]
)
def test_a_canary_says_truly_why_its_steps_differ(typical: float, words: str) -> None:
    """Steps were left out, or the last one was made longer."""
    facts = FACING | {"criticality": "mission-critical", "traffic": {"typical": typical, "peak": 1000}}
    because = of(facts, "progressive", "release").because
    assert words in because
    assert words or "step" not in because


@pytest.mark.parametrize(("latency", "words"), [("400ms", "480ms"), ("1s", "1.2s")])
def test_a_verdict_names_its_limit_in_the_unit_of_the_objective(latency: str, words: str) -> None:
    """A promise in milliseconds is judged in milliseconds."""
    made = of(FACING | {"objectives": {"latency": latency}}, "metric-rollback", "goes back when")
    assert f"take longer than {words}, " in made.answer


def test_slow_requests_are_given_time_to_end() -> None:
    """A replica that goes waits for ten times the promised latency."""
    slow = of({"exposure": "external", "objectives": {"latency": "5s"}}, "rolling", "rolling update")
    assert slow.value.grace_seconds == 60
    assert "60s in all" in slow.answer


def test_a_stateful_service_is_replaced_one_at_a_time_and_a_job_at_its_next_run() -> None:
    """What the replicas keep, and whether they end, decides the form."""
    assert of(STATEFUL, "rolling", "rolling update").value.form == "one-by-one"
    job = of(JOB, "rolling", "rolling update")
    assert job.value.form == "next-run"
    assert "next run" in job.answer


@pytest.mark.parametrize(
    ("criticality", "typical", "steps"),
    [
        ("mission-critical", 500, ((1, 10), (5, 10), (25, 15), (50, 15))),
        ("mission-critical", 10, ((5, 10), (25, 15), (50, 15))),
        ("standard", 500, ((5, 5), (25, 10), (50, 10))),
        ("low", 500, ((20, 5), (50, 5))),
        ("low", 0.1, ((50, 67),)),
        ("low", 0.0001, ((50, 1440),)),
    ],
)
def test_canary_steps_follow_criticality_and_see_enough(
    criticality: str, typical: float, steps: tuple[tuple[int, int], ...]
) -> None:
    """A step that would see too few requests is left out; where all would, the last takes longer."""
    facts = FACING | {"criticality": criticality, "traffic": {"typical": typical, "peak": 1000}}
    decision = of(facts, "progressive", "release")
    assert isinstance(decision.value, Progressive)
    assert decision.value.form == "canary"
    assert decision.value.steps == tuple(Step(percent=percent, minutes=minutes) for percent, minutes in steps)


@pytest.mark.parametrize("typical", [0.05, 1, 10, 100, 5000])
@pytest.mark.parametrize("criticality", ["mission-critical", "standard", "low"])
def test_every_canary_step_brings_enough_for_a_verdict(criticality: str, typical: float) -> None:
    """At typical traffic no rollout waits for ever for data that cannot come."""
    facts = FACING | {"criticality": criticality, "traffic": {"typical": typical, "peak": 10_000}}
    steps = of(facts, "progressive", "release").value.steps
    analysis: Analysis = of(facts, "metric-rollback", "goes back when").value
    minutes = int(analysis.window.removesuffix("m"))
    for step in steps:
        assert typical * step.percent / 100 * minutes * 60 >= analysis.least
        assert minutes <= step.minutes


def test_what_stands_before_a_service_moves_its_share() -> None:
    """Mesh, then gateway; what no weight reaches is moved by counting replicas."""
    inner: Facts = {"customer-facing": True}
    web: Facts = {"web": {"calls": {"orders": {}}}}
    assert moved_by(FACING, mesh="istio") == "istio"
    assert moved_by(FACING) == "gateway-api"
    assert moved_by(FACING, gateway="ambassador") == "ambassador"
    assert moved_by(FACING, routes="ingress") == "replicas"
    assert moved_by(inner, web) == "replicas"
    assert moved_by(inner, web, mesh="istio") == "istio"
    assert moved_by(inner, mesh="istio") == "replicas"


def test_the_facts_choose_blue_green() -> None:
    """A second set is tried, then everybody moves; a worker has nobody to move, and stays with a canary."""
    decision = of(FACING, "progressive", "release", **BLUE_GREEN)
    assert decision.value == Progressive(form="blue-green", shift="service", preview_minutes=10, kept_minutes=30)
    worker = of({"customer-facing": True}, "progressive", "release", **BLUE_GREEN)
    assert worker.value.form == "canary"
    assert "take events before" in worker.instead[0].why


def test_a_stateful_customer_facing_service_starts_with_one_replica() -> None:
    """A second set would not have the data; the verdict between the steps belongs to the same rule."""
    decision = of(FACING | STATEFUL, "progressive", "release")
    assert decision.value.form == "partitioned"
    assert [step.percent for step in decision.value.steps] == [1, 50]
    assert isinstance(of(FACING | STATEFUL, "progressive", "goes back when").value, Analysis)


def test_only_what_customers_notice_is_released_progressively() -> None:
    """Neither an inner service nor a job; the system then chooses no form either."""
    for facts in ({}, JOB | {"customer-facing": True}):
        assert not {"release", "goes back when"} & topics(facts)
        made_once = {decision.topic for decision in decisions.for_system(land({"orders": facts}))}
        assert "releases" not in made_once
    assert find(decisions.for_system(land({"orders": FACING}, **BLUE_GREEN)), "progressive", "releases").value == (
        "blue-green"
    )


@pytest.mark.parametrize(
    ("criticality", "errors", "slower"),
    [("mission-critical", 0.003, 0.3), ("standard", 0.01, 0.6), ("low", 0.072, 1.5)],
)
def test_the_verdict_comes_from_the_objectives(criticality: str, errors: float, slower: float) -> None:
    """The same promise that alerts use; no data makes it wait, and never pass."""
    verdict = of(FACING | {"criticality": criticality}, "metric-rollback", "goes back when").value
    assert verdict.errors_above == errors
    assert verdict.slower_than == slower
    assert (verdict.least, verdict.least_bad, verdict.no_data) == (50, 5, "pause")
    declared = FACING | {"objectives": {"availability": 99, "latency": "2s"}}
    assert of(declared, "metric-rollback", "goes back when").value.errors_above == 0.1


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, Rollback(by="deploy", deadline_seconds=330, versions_kept=5)),
        (FACING, Rollback(by="rollout", deadline_seconds=330, versions_kept=5)),
        (FACING | STATEFUL, Rollback(by="deploy", deadline_seconds=330, versions_kept=5)),
        (
            {"criticality": "mission-critical", "starts-within": "2m"},
            Rollback(by="deploy", deadline_seconds=240, versions_kept=5),
        ),
        (JOB, Rollback(by="next-run", deadline_seconds=330, versions_kept=5)),
    ],
)
def test_a_release_that_does_not_succeed_goes_back_by_itself(facts: Facts, expected: Rollback) -> None:
    """The deadline leaves time to start; who acts depends on what releases it."""
    assert of(facts, "automated-rollback", "rollback").value == expected


@pytest.mark.parametrize("criticality", ["mission-critical", "standard", "low"])
def test_the_deadline_leaves_time_to_prove_readiness(criticality: str) -> None:
    """Kubernetes refuses a progress deadline below the time that a replica must stay ready."""
    facts = {"criticality": criticality, "starts-within": "1s"}
    ready = of(facts, "rolling", "rolling update").value.min_ready_seconds
    assert of(facts, "automated-rollback", "rollback").value.deadline_seconds > ready


def test_schemas_change_so_that_the_version_before_still_works() -> None:
    """Expand and contract where rows can be rewritten, additions only where there are too many, none for a cache."""
    stores: Facts = {
        "db": {"workload": "transactional"},
        "log": {"workload": "write-heavy"},
        "seen": {"workload": "cache"},
    }
    facts: Facts = {"stores": ["db", "log", "seen"], "criticality": "mission-critical"}
    among = made(facts, stores=stores)
    assert find(among, "automated-rollback", "schema changes", "store db").value == Migration(
        form="expand-contract", lock_timeout="2s", together="14d"
    )
    assert find(among, "automated-rollback", "schema changes", "store log").value.form == "additions-only"
    assert [d.subject for d in among if d.topic == "schema changes"] == ["store db", "store log"]


def test_flags_live_in_the_central_system_with_an_owner_and_an_end() -> None:
    """The system lists all of them, the service its own."""
    decision = of({"flags": ["new-checkout"]}, "feature-flags", "flags", **FLAG)
    assert isinstance(decision.value, FlagSystem)
    assert decision.state == "decided"
    assert decision.value.system == "flagd"
    assert [(flag.name, flag.owner, flag.default) for flag in decision.value.flags] == [("new-checkout", "shop", True)]
    assert "ended by shop until 2027-12-31" in decision.answer
    landscape = land({"orders": {"flags": ["new-checkout"]}}, **FLAG)
    assert find(decisions.for_system(landscape), "feature-flags", "flag system").value == decision.value


def test_flags_without_a_flag_system_are_owed_and_reviewed() -> None:
    """What it would take is said; until then design looks at each toggle."""
    facts: Facts = {"flags": ["new-checkout"]}
    owed = of(facts, "feature-flags", "flags", **NO_FLAGS)
    assert owed.state == "owed"
    assert owed.value.system == "none"
    assert "'flags: flagd'" in owed.answer
    review = of(facts, "toggle-review", "toggles", **NO_FLAGS)
    assert [flag.name for flag in review.value] == ["new-checkout"]
    assert "toggles" not in topics(facts, **FLAG)
    assert not {"flags", "toggles"} & topics({}, **NO_FLAGS)
    assert "flag system" not in {d.topic for d in decisions.for_system(land({"orders": facts}, **NO_FLAGS))}


RULES: list[tuple[str, Facts, Facts, Facts | None, Facts, str]] = [
    ("ci", {}, {}, None, {}, "every service"),
    ("rolling", {}, {}, None, {}, "every service"),
    ("automated_rollback", {}, {}, None, {}, "every service"),
    ("progressive", FACING, {}, {}, {}, "not customer-facing"),
    ("progressive", FACING | STATEFUL, {}, FACING | JOB, {}, "runs to completion"),
    ("metric_rollback", FACING, {}, {}, {}, "not customer-facing"),
    ("metric_rollback", FACING, {}, FACING | STATEFUL, {}, "stateful"),
    ("feature_flags", {"flags": ["new-checkout"]}, FLAG, {}, {}, "no feature flags"),
    ("toggle_review", {"flags": ["new-checkout"]}, NO_FLAGS, {"flags": ["new-checkout"]}, FLAG, "is a central flag"),
]


@pytest.mark.parametrize(("slug", "facts", "system", "others", "other_system", "words"), RULES)
def test_a_rule_applies_where_the_standard_says_so(
    slug: str, facts: Facts, system: Facts, others: Facts | None, other_system: Facts, words: str
) -> None:
    """It holds for the first facts and not for the others, and says why."""
    rule = import_module(f"fairway.stages.s08_delivery.{slug}").RULE
    holds = rule.applies(land({"orders": facts}, **system).services["orders"])
    assert holds.holds
    assert holds.because
    if others is None:
        assert words in holds.because
        return
    verdict = rule.applies(land({"orders": others}, **other_system).services["orders"])
    assert not verdict.holds
    assert words in verdict.because


def test_a_migration_comes_before_the_version_that_needs_it() -> None:
    """Only where there is a durable store; every release waits for its workload."""
    stores: Facts = {"db": {"workload": "transactional"}, "seen": {"workload": "cache"}}
    edges = list(order(land({"orders": {"stores": ["db"]}, "web": {"stores": ["seen"]}}, stores=stores)))
    assert {(edge.first, edge.then) for edge in edges} == {
        ("workload/orders", "release/orders"),
        ("workload/web", "release/web"),
        ("migration/orders", "workload/orders"),
        ("migration/orders", "release/orders"),
    }
    assert waves_of(edges).waves[0] == ("migration/orders", "workload/web")
