"""Conditions answer with a reason, joined or turned."""

import msgspec
import pytest

from fairway.core import conditions
from fairway.core.conditions import ALWAYS, EXPOSED, RUNS_ON, SECURE_USER_DATA, STATEFUL, STATELESS, Condition
from fairway.core.facts import System
from fairway.core.profile import Profile, survey
from fairway.core.wording import listed


def profile(others: dict[str, object] | None = None, **facts: object) -> Profile:
    """Give service a with these facts, among *others*."""
    declared = {
        "system": "s",
        "services": {"a": {key.replace("_", "-"): value for key, value in facts.items()}, **(others or {})},
    }
    return survey(msgspec.convert(declared, System)).services["a"]


def test_a_condition_says_why_and_why_not() -> None:
    """Either answer carries its reason."""
    assert EXPOSED(profile(exposure="external")).because == "it is exposed externally"
    assert EXPOSED(profile()).because == "it is internal"


def test_both_join_their_reasons_and_the_first_that_fails_speaks() -> None:
    """A reader wants one reason why not, and all reasons why."""
    both = EXPOSED & STATELESS
    assert both(profile(exposure="external")).because == "it is exposed externally, and it is stateless"
    assert both(profile()).because == "it is internal"


def test_either_speaks_through_the_one_that_holds() -> None:
    """Where neither holds, both say why."""
    either = EXPOSED | STATEFUL
    assert either(profile(retains_state=True)).because == "it retains state in its process"
    assert either(profile()).because == "it is internal, and it is stateless"


def test_turned_round_it_keeps_its_reason() -> None:
    """The reason describes the service, not the question."""
    verdict = (~EXPOSED)(profile())
    assert verdict.holds
    assert verdict.because == "it is internal"


def test_a_silent_reason_leaves_no_comma() -> None:
    """What runs on is the ordinary case, and says nothing."""
    assert (RUNS_ON & STATELESS)(profile()).because == "it is stateless"
    assert (STATELESS & RUNS_ON)(profile()).because == "it is stateless"


def test_secure_user_data_is_followed_through_calls() -> None:
    """Two calls away counts, and names the way."""
    others = {"b": {"calls": {"c": {}}}, "c": {"secure-user-data": True}}
    assert SECURE_USER_DATA(profile(others, calls={"b": {}})).because == "it reads secure user data through b"
    assert not SECURE_USER_DATA(profile(others)).holds


def test_a_circle_of_calls_ends() -> None:
    """Services may call one another."""
    others: dict[str, object] = {"b": {"calls": {"a": {}}}}
    assert not SECURE_USER_DATA(profile(others, calls={"b": {}})).holds


@pytest.mark.parametrize("name", [name for name, value in vars(conditions).items() if isinstance(value, Condition)])
def test_every_condition_has_words_for_both_answers(name: str) -> None:
    """No reason is empty, but for the ordinary case of what runs on."""
    condition: Condition = getattr(conditions, name)
    rich = msgspec.convert(RICH, System)
    for service in survey(rich).services.values():
        verdict = condition(service)
        assert verdict.because or (condition is RUNS_ON and verdict.holds)
        assert verdict.because == verdict.because.strip(" .")
    assert condition is ALWAYS or len({condition(service).holds for service in survey(rich).services.values()}) <= 2


RICH = {
    "system": "s",
    "identity-providers": {"x": {"issuer": "https://x.example"}, "y": {"issuer": "https://y.example"}},
    "regions": {"north": {}, "south": {}},
    "failover-depends-on-kubernetes": True,
    "flags": {"f": {"owner": "o", "expires": "2030-01-01"}},
    "owners": {"o": "o@example.com"},
    "stores": {
        "t": {"workload": "transactional", "data": ["personal"]},
        "w": {"workload": "write-heavy"},
        "c": {"workload": "cache"},
    },
    "channels": {"e": {}},
    "workflows": {
        "one": {"consistency": "strong", "participants": ["rich", "plain"]},
        "two": {"participants": ["rich", "plain"]},
    },
    "services": {
        "plain": {"secure-user-data": False},
        "rich": {
            "exposure": "external",
            "calls": {"plain": {}},
            "sessions": True,
            "retains-state": True,
            "stores": ["t", "w", "c"],
            "publishes": ["e"],
            "consumes": ["e"],
            "secrets": ["s"],
            "keeps-secrets-for-others": True,
            "flags": ["f"],
            "configured-at-run-time": True,
            "sidecars": {"x": "deferred"},
            "traffic-needs": ["advanced-routing", "rerouting"],
            "criticality": "mission-critical",
            "customer-facing": True,
            "runs": "to-completion",
        },
    },
}


def test_names_are_listed_as_a_person_would() -> None:
    """One, two and three."""
    assert [listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"]), listed([])] == [
        "a",
        "a and b",
        "a, b and c",
        "",
    ]


def test_regions_count_where_one_environment_spans_them() -> None:
    """A test in one region and production in another are not several regions."""
    declared = {"system": "s", "regions": {"east": {}, "west": {}}, "services": {"a": {}}}
    apart = {**declared, "environments": {"test": {"regions": ["east"]}, "live": {"regions": ["west"]}}}
    together = {**declared, "environments": {"test": {"regions": ["east"]}, "live": {}}}
    several = conditions.SEVERAL_REGIONS
    assert not several(survey(msgspec.convert(apart, System)).services["a"]).holds
    verdict = several(survey(msgspec.convert(together, System)).services["a"])
    assert verdict.because == "the system runs in east and west"
