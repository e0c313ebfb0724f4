"""The walk's engine, on the standard's own stages and on odd ones."""

import msgspec
import pytest

from fairway import stages
from fairway.core.conditions import ALWAYS
from fairway.core.errors import BadRegistryError
from fairway.core.facts import System
from fairway.core.profile import Profile, survey
from fairway.core.registry import rooms
from fairway.core.stage import Jump, Need, Stage
from fairway.core.walk import Walk, walk

STAGES = [room.stage for room in rooms(stages)]


def profile(**facts: object) -> Profile:
    """Give one service with these facts."""
    return survey(msgspec.convert({"system": "s", "services": {"a": facts}}, System)).services["a"]


def way(**facts: object) -> Walk:
    """Walk one service; an internal one owes gateway nothing."""
    service = profile(**facts)
    return walk(STAGES, service, {stage.id: stage.id != "gateway" or service.exposed for stage in STAGES})


def told(walked: Walk) -> list[str]:
    """Write a walk in short."""
    return [visit.stage + (f" ({visit.concern})" if visit.concern else "") for visit in walked.visits]


def test_a_plain_public_service_takes_every_stage_in_order() -> None:
    """Without jumps and detours the way is the standard's own order."""
    assert told(way(exposure="external")) == [stage.id for stage in STAGES]


def test_an_internal_service_jumps_over_the_gateway() -> None:
    """What is passed over for good says why."""
    walked = way()
    assert "gateway" not in told(walked)
    assert [(skipped.stage, skipped.because) for skipped in walked.passed_over] == [("gateway", "it is internal")]
    assert next(visit for visit in walked.visits if visit.stage == "observability").jumped


def test_a_jump_postpones_orchestration_until_it_is_needed() -> None:
    """Routing first, then the gateway, and orchestration just before observability."""
    walked = way(**{"exposure": "external", "configured-at-run-time": True})
    assert told(walked)[1:6] == ["containers", "routing", "gateway", "orchestration", "observability"]
    because = {visit.stage: visit.because for visit in walked.visits}
    assert because["routing"] == "it is configured at run time"
    assert because["orchestration"] == "it was postponed, and observability needs it"


def test_a_mesh_or_an_included_sidecar_causes_no_jump() -> None:
    """Only a sidecar whose set-up is deferred does."""
    assert told(way(sidecars={"agent": "included"}))[2] == "orchestration"
    assert told(way(sidecars={"agent": "deferred"}))[2] == "routing"


def test_a_stateful_service_with_personal_data_visits_data_four_times() -> None:
    """Three detours with a concern each, and its own visit."""
    visits = told(way(**{"retains-state": True, "data": ["personal"]}))
    assert [visit for visit in visits if visit.startswith("data")] == [
        "data (persistence first)",
        "data (volumes)",
        "data (data protection)",
        "data",
    ]
    assert visits[visits.index("data") + 1] == "security (encryption and retention)"


def test_a_stage_where_nothing_applies_says_so() -> None:
    """It is visited, because the way leads there, and marked."""
    service = profile()
    walked = walk(STAGES, service, {stage.id: stage.id not in {"gateway", "data"} for stage in STAGES})
    assert [visit.stage for visit in walked.visits if visit.idle] == ["data"]


def test_stages_that_need_one_another_are_refused() -> None:
    """A circle of needs ends in an error that names it, not in a hang."""
    odd = [
        Stage(id="a", title="A", then="b"),
        Stage(id="b", title="B", needs=(Need(stage="c"),)),
        Stage(id="c", title="C", needs=(Need(stage="b"),)),
    ]
    with pytest.raises(BadRegistryError, match="Stages b and c need one another"):
        walk(odd, profile(), dict.fromkeys("abc", True))


def test_a_jump_that_goes_back_does_not_circle() -> None:
    """A stage has one visit of its own; the next stage owed follows."""
    odd = [
        Stage(id="a", title="A", then="b"),
        Stage(id="b", title="B", jumps=(Jump(to="a", when=ALWAYS),)),
        Stage(id="c", title="C"),
    ]
    assert told(walk(odd, profile(), dict.fromkeys("abc", True))) == ["a", "b", "c"]
