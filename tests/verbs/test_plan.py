"""What the plan says changes with the facts, for a stated reason."""

from datetime import date
from typing import Any

import msgspec

from fairway import stages
from fairway.core.facts import System
from fairway.core.profile import survey
from fairway.core.registry import rooms
from fairway.verbs.plan import Plan, plan

TODAY = date(2026, 11, 22)
ROOMS = rooms(stages)


def planned(facts: dict[str, Any], today: date = TODAY) -> Plan:
    """Plan a system of these facts."""
    return plan(
        ROOMS, survey(msgspec.convert({"system": "s", "owners": {"o": "o@example.com"}, **facts}, System)), today
    )


def waived(**waiver: str) -> dict[str, Any]:
    """Give one service with a waiver of one rule."""
    return {"services": {"a": {"waivers": {waiver.pop("rule"): {"reason": "it is bought", "owner": "o", **waiver}}}}}


def test_a_waiver_shows_its_reason_owner_and_end() -> None:
    """While it holds there is nothing wrong with it."""
    (waiver,) = planned(waived(rule="orchestration/autoscale", expires="2027-01-31")).services["a"].waived
    assert (waiver.reason, waiver.owner, waiver.expires, waiver.remark) == ("it is bought", "o", date(2027, 1, 31), "")


def test_a_waiver_holds_on_its_last_day_and_not_after() -> None:
    """The remark says when it ran out and what to do."""
    facts = waived(rule="orchestration/autoscale", expires="2026-11-22")
    assert planned(facts).services["a"].waived[0].remark == ""
    late = planned(facts, date(2026, 11, 23)).services["a"].waived[0]
    assert late.remark.startswith("it ran out on 2026-11-22")


def test_a_waiver_of_a_rule_that_does_not_apply_is_remarked() -> None:
    """A waiver that waives nothing is taken out."""
    waiver = planned(waived(rule="gateway/jwt", expires="2027-01-31")).services["a"].waived[0]
    assert waiver.remark.startswith("it waives nothing")


def test_one_word_changes_the_replicas_and_says_so() -> None:
    """Criticality is visible in the figures and in their reason."""

    def replicas(criticality: str) -> tuple[str, str]:
        service = planned({"services": {"a": {"criticality": criticality}}}).services["a"]
        found = next(decision for decision in service.decisions if decision.topic == "replicas")
        return found.answer, found.because

    assert replicas("mission-critical")[0].startswith("3 to 6")
    assert replicas("standard")[0].startswith("2 to 4")
    assert replicas("low")[0].startswith("1 to 2")
    assert "its criticality is low" in replicas("low")[1]


def test_exposing_a_service_brings_the_gateway_in() -> None:
    """A changed fact changes the way and the rules, each for its reason."""
    hidden, shown = (
        planned({"services": {"a": {"exposure": exposure}}}).services["a"] for exposure in ("internal", "external")
    )
    assert "gateway" in {skipped.stage for skipped in hidden.passed_over}
    assert "gateway" in {visit.stage for visit in shown.visits}
    assert next(rule.because for rule in hidden.not_applicable if rule.rule == "gateway/jwt") == "it is internal"
    assert "gateway/jwt" in shown.applies


def test_assumptions_go_with_their_service() -> None:
    """What belongs to the system is told once, there."""
    whole = planned({"services": {"a": {}, "b": {}}})
    assert {assumption.subject for assumption in whole.services["a"].assumptions} == {"service a"}
    assert {assumption.subject for assumption in whole.assumptions} == {"system"}
