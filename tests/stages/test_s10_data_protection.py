"""Data decides which keys a store has and how long personal and regulated data is kept."""

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from fairway.core.decision import AnyDecision
from fairway.core.facts import System, seconds
from fairway.core.profile import Landscape, survey
from fairway.stages.s07_security import decisions as security
from fairway.stages.s09_resilience.decisions.levels import PARKED_DAYS
from fairway.stages.s10_data import decisions
from fairway.stages.s10_data.decisions.levels import PASSING
from fairway.stages.s10_data.decisions.protection import Encryption, Retention

Facts = dict[str, Any]


def land(services: Facts, **rest: Any) -> Landscape:  # noqa: ANN401 - any fact may be given
    """Survey a small system."""
    return survey(msgspec.convert({"system": "shop", "services": services, **rest}, System))


def keeping(store: Facts, *, level: str = "standard", **platform: str) -> Landscape:
    """Survey orders, which keeps its data in db."""
    services = {"orders": {"stores": ["db"], "criticality": level}}
    return land(services, stores={"db": store}, platform=platform)


def alone(facts: Facts, **rest: Any) -> list[AnyDecision]:  # noqa: ANN401
    """Decide what one service keeps on its own disks and in passing."""
    landscape = land({"orders": facts}, **rest)
    return [*decisions.for_service(landscape.services["orders"], landscape)]


def find(made: Iterable[AnyDecision], topic: str, subject: str = "store db") -> AnyDecision:
    """Find the one decision on a subject."""
    (found,) = [decision for decision in made if (decision.topic, decision.subject) == (topic, subject)]
    return found


def of(landscape: Landscape, topic: str) -> AnyDecision:
    """Find the one decision about store db."""
    return find(decisions.for_system(landscape), topic)


SQL: Facts = {"workload": "transactional"}
CACHE: Facts = {"workload": "cache"}


@pytest.mark.parametrize(
    ("data", "volume_key", "fields", "rotated"),
    [
        (["public"], "system", None, "1y"),
        (["internal"], "system", None, "1y"),
        (["personal"], "system", "person", "1y"),
        (["regulated"], "place", "place", "90d"),
        (["personal", "regulated"], "place", "person", "90d"),
    ],
)
def test_keys_follow_from_the_class_of_data(data: list[str], volume_key: str, fields: str | None, rotated: str) -> None:
    """Personal fields have a key for each person; regulated stores a key of their own."""
    made = of(keeping({**SQL, "data": data}), "encryption")
    expected = {"volume_key": volume_key, "fields": fields, "manager": "Vault", "rotated": rotated}
    assert made.value == msgspec.convert(expected, Encryption)
    assert data[-1] in made.because


@pytest.mark.parametrize("data", [["personal"], ["regulated"], ["personal", "regulated"]])
def test_security_and_data_name_the_same_keys(data: list[str]) -> None:
    """Security says how a service's data is encrypted, and data how the store does it: one figure, not two."""
    landscape = keeping({**SQL, "data": data})
    made, asked = (
        of(landscape, "encryption").value,
        find(security.for_service(landscape.services["orders"], landscape), "encryption at rest").value,
    )
    assert (made.volume_key, made.rotated, made.fields) == (asked.key.of, asked.key.rotated, asked.fields)


def test_keys_are_kept_by_the_declared_secrets_manager() -> None:
    """The system's own choice is used, not a second manager."""
    assert of(keeping(SQL, secrets="gcp"), "encryption").value.manager == "Cloud KMS"


def test_declared_retention_is_kept_by_a_job_that_knows_legal_hold() -> None:
    """What is past its time is deleted, and the plan says when backups follow."""
    made = of(keeping({**SQL, "data": ["personal"], "retention": "7y"}), "retention")
    assert made.value == Retention(kept="7y", schedule=made.value.schedule, legal_hold=True)
    assert "14d later from backups" in made.answer


@pytest.mark.parametrize("data", ["personal", "regulated"])
def test_personal_or_regulated_data_without_retention_is_a_question(data: str) -> None:
    """Only the user knows how long it must be kept; until then nothing is deleted for its age."""
    made = of(keeping({**SQL, "data": [data]}), "retention")
    assert (made.state, made.value) == ("unanswered", None)
    assert made.answer == f"How long is {data} data in db kept?"


def test_a_store_without_such_data_needs_no_retention() -> None:
    """The rule does not apply, so nothing is asked."""
    assert "data/retention" not in {made.rule for made in decisions.for_system(keeping(SQL))}


def test_a_cache_forgets_by_expiry() -> None:
    """Personal data in a cache is gone in a day, or sooner where that is declared; nothing there is held."""
    made = of(keeping({**CACHE, "data": ["personal"]}), "retention")
    assert made.value == Retention(kept="1d", schedule=None, legal_hold=False)
    assert of(keeping({**CACHE, "data": ["personal"], "retention": "1h"}), "retention").value.kept == "1h"


def test_personal_data_on_a_disk_of_its_own_is_owed_a_store() -> None:
    """No job knows the age of what lies in a file."""
    made = find(alone({"volumes": {"model": {}}, "data": ["personal"]}), "retention", "its volumes")
    assert made.state == "owed"
    assert "personal" in made.answer


def test_a_service_that_keeps_none_still_forgets_what_passes_through() -> None:
    """Logs, caches and queues count; dead letters are gone within the same time."""
    made = find(alone({"data": ["personal"]}), "outside its stores", "")
    assert made.value == PASSING
    assert "keeps none of it" in made.because
    assert alone({}) == []
    assert max(PARKED_DAYS["personal"], PARKED_DAYS["regulated"]) + 1 <= seconds(PASSING) / 86400


@pytest.mark.parametrize(
    ("data", "words"), [(["regulated"], "no regulated field"), (["personal"], "no personal field")]
)
def test_what_may_not_be_logged_is_named_by_its_class(data: list[str], words: str) -> None:
    """A service with regulated data alone has no personal field to keep out."""
    landscape = land({"a": {"data": data}})
    made = [d for d in decisions.for_service(landscape.services["a"], landscape) if d.topic == "outside its stores"]
    assert [d.answer.startswith(f"{words} in a log") for d in made] == [True]
