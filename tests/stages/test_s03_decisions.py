"""Orchestration sizes what scales by hand for its peak, and says figures as a person would."""

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from fairway.core.decision import AnyDecision
from fairway.core.facts import System
from fairway.core.profile import survey
from fairway.stages.s03_orchestration import decisions
from fairway.stages.s03_orchestration.decisions import Replicas

Facts = dict[str, Any]
STATEFUL: Facts = {"volumes": {"v": {}}}


def find(made: Iterable[AnyDecision], topic: str) -> AnyDecision:
    """Find the one decision on a topic."""
    (found,) = [decision for decision in made if decision.topic == topic]
    return found


def of(facts: Facts, topic: str) -> AnyDecision:
    """Find one decision about orders, which has these facts."""
    landscape = survey(msgspec.convert({"system": "shop", "services": {"orders": facts}}, System))
    return find(decisions.for_service(landscape.services["orders"], landscape), topic)


@pytest.mark.parametrize(
    ("criticality", "number"),
    [("mission-critical", 13), ("standard", 13), ("low", 10)],
)
def test_what_nothing_scales_is_enough_for_the_peak(criticality: str, number: int) -> None:
    """Nobody adds a replica of a stateful service at the busiest minute; low has no room for a lost one."""
    traffic = {"typical": 800, "peak": 4000, "per-replica": 400}
    made = of({**STATEFUL, "criticality": criticality, "traffic": traffic}, "replicas")
    assert made.value == Replicas(least=number, most=number)
    assert made.answer == f"{number} replicas, scaled by hand"
    assert made.because.endswith("nothing adds replicas at the peak, so they are enough for it")


def test_a_quiet_stateful_service_keeps_the_replicas_of_its_level() -> None:
    """The reason then says nothing of the peak."""
    made = of({**STATEFUL, "traffic": {"typical": 1, "peak": 20}}, "replicas")
    assert made.value == Replicas(least=2, most=2)
    assert "peak, so" not in made.because


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"exposure": "external", "traffic": {"typical": 1, "peak": 2}}, "1 request a second, 2 at peak"),
        ({"exposure": "external", "traffic": {"typical": 2000, "peak": 5e6}}, "2,000 requests a second, 5,000,000 at"),
        ({"traffic": {"typical": 40, "peak": 90}}, "40 events a second, 90 at peak"),
    ],
)
def test_traffic_is_said_in_plain_figures_and_by_its_kind(facts: Facts, words: str) -> None:
    """No power of ten, no wrong plural, and a worker gets no requests."""
    assert words in of(facts, "replicas").because


@pytest.mark.parametrize("volumes", [{}, {"v": {}}])
def test_a_job_names_no_rule_that_does_not_apply_to_it(volumes: Facts) -> None:
    """Neither Deployment nor StatefulSet is asked of what runs to completion."""
    job = {"runs": "to-completion", "volumes": volumes}
    assert of(job, "resources").rule == of(job, "workload").rule == "orchestration/configmaps-and-secrets"


def test_times_are_written_as_they_are_declared() -> None:
    """A unit stands at its number, everywhere."""
    probes = of({"exposure": "external"}, "probes").answer
    assert probes.startswith("30s to start, restarted after 30s without a sign of life; out of rotation after 10s of")


@pytest.mark.parametrize(("declared", "name"), [("vault", "Vault"), ("azure", "Azure Key Vault")])
def test_the_secrets_manager_is_called_by_its_name(declared: str, name: str) -> None:
    """The word of the facts stays in the value."""
    landscape = survey(msgspec.convert({"system": "shop", "platform": {"secrets": declared}}, System))
    made = find(decisions.for_system(landscape), "configuration")
    assert f"secrets from {name}, mounted as files" in made.answer
    assert made.value["secrets"] == declared
