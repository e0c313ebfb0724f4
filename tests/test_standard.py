"""The standard as a whole: every rule is there, applies somewhere, and what it checks can fail."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from fairway import stages
from fairway.core.profile import Landscape, survey
from fairway.core.registry import Room, rooms
from fairway.core.rule import Finding, Place, Proof, Rule
from fairway.declaration.load import load
from fairway.estate.read import read
from fairway.verbs.check import check
from fairway.verbs.plan import Plan, plan
from fairway.verbs.render import render
from fairway.verbs.workspace import Workspace

ROOT = Path(__file__).parents[1]
EXAMPLES = ("hello", "bookshop", "clinic", "cafe")
TODAY = date(2026, 11, 22)

# The ids of the written standard. An id is never taken out and never used for something else.
IDS = (Path(__file__).parent / "rule_ids.txt").read_text().split()


@cache
def standard() -> tuple[Room, ...]:
    """Load the rooms once."""
    return rooms(stages)


def rules() -> list[Rule]:
    """Give all rules, in the order of the rooms."""
    return [rule for room in standard() for rule in room.rules]


@cache
def example(name: str) -> tuple[Landscape, Plan]:
    """Plan an example."""
    landscape = survey(load(ROOT / "examples" / name).system)
    return landscape, plan(standard(), landscape, TODAY)


def test_the_catalogue_holds_every_rule_of_the_standard_and_no_other() -> None:
    """Each once, and none lost."""
    assert sorted(rule.id for rule in rules()) == sorted(IDS)


def test_every_rule_applies_in_some_example() -> None:
    """The examples exercise the whole standard."""
    applied = {rule for name in EXAMPLES for service in example(name)[1].services.values() for rule in service.applies}
    assert set(IDS) == applied


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.id)
def test_a_rule_says_what_it_claims_and_why(rule: Rule) -> None:
    """A title is a claim that can be false; the why is a few sentences; a live proof says what it shows and where."""
    assert not {"should", "shall", "ought"} & set(rule.title.lower().split())
    assert 60 < len(rule.why) < 700
    assert (
        rule.path
        == f"src/fairway/stages/{Path(rule.path).parent.name}/{rule.id.partition('/')[2].replace('-', '_')}.py"
    )
    if rule.proof in {Proof.LIVE, Proof.DRILL}:
        assert rule.shows
        assert rule.places
        assert set(rule.places) <= set(Place)


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_decision_is_a_sentence_with_a_reason(name: str) -> None:
    """Decisions can be read aloud: answer, because, and the rule that decides."""
    _, whole = example(name)
    decided = [*whole.decisions, *(one for service in whole.services.values() for one in service.decisions)]
    assert decided
    for decision in decided:
        assert decision.rule in IDS, decision
        assert decision.answer.strip(" .") == decision.answer, decision
        assert decision.because.strip(" .") == decision.because, decision
        assert decision.because, decision
        assert "None" not in f"{decision.answer} {decision.because}", decision


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_leaves_nothing_unanswered(name: str) -> None:
    """The examples answer every question; what is still owed is what the clinic chose not to have."""
    _, whole = example(name)
    decided = [*whole.decisions, *(one for service in whole.services.values() for one in service.decisions)]
    assert [decision for decision in decided if decision.state == "unanswered"] == []
    owed = {decision.rule for decision in decided if decision.state == "owed"}
    assert owed == ({"delivery/feature-flags", "data/retention"} if name == "clinic" else set())


@cache
def built(name: str) -> dict[str, str]:
    """Build an example in memory."""
    workspace = Workspace(load(ROOT / "examples" / name), standard())
    return {path: file.text for path, file in render(workspace).items()}


def audit(tree: dict[str, str], folder: Path) -> list[Finding]:
    """Write a tree out and audit it as a stranger's."""
    for path, text in tree.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return list(check(standard(), read([folder])).findings)


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_we_build_passes_our_own_audit(name: str, tmp_path: Path) -> None:
    """The generators obey the rules that they stand beside."""
    assert audit(built(name), tmp_path) == []


def breaks() -> Iterator[tuple[Rule, int]]:
    """Give every edit that breaks a rule."""
    for rule in rules():
        for number in range(len(rule.breaks)):
            yield rule, number


@pytest.mark.parametrize(
    ("rule", "number"), list(breaks()), ids=lambda part: part.id if isinstance(part, Rule) else str(part)
)
def test_a_broken_rule_is_found_once_where_it_was_broken(rule: Rule, number: int, tmp_path: Path) -> None:
    """The smallest edit that breaks a rule gives one finding: of that rule, in that file, with a way out."""
    edit = rule.breaks[number]
    found = audit(edit.apply(built("bookshop")), tmp_path)
    assert [finding.rule for finding in found] == [rule.id]
    assert found[0].fix
    if edit.new is not None:
        assert found[0].file.endswith(edit.path)


def test_a_rule_that_checks_has_an_edit_that_breaks_it() -> None:
    """A check that nothing can break proves nothing."""
    assert [rule.id for rule in rules() if rule.checked and not rule.breaks] == []


def test_a_rule_without_a_check_says_why_files_cannot_tell() -> None:
    """A last paragraph of its docstring begins with 'Not in files:'; else 'no check' would be a promise of one."""
    assert [rule.id for rule in rules() if not rule.checked and not rule.not_in_files] == []


def test_the_handbook_is_as_the_rules_give_it() -> None:
    """docs/standard is written by a script, and committed."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "handbook.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.stdout == ""
