"""Show the catalogue: all rules, or one with its text and its file."""

from collections.abc import Sequence
from textwrap import fill
from typing import Any

from fairway.core.errors import FairwayError, did_you_mean
from fairway.core.registry import Room
from fairway.core.rule import Rule


def entries(rooms: Sequence[Room]) -> list[dict[str, Any]]:
    """Give every rule as plain data."""
    return [_entry(rule) for room in rooms for rule in room.rules]


def _entry(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "stage": rule.stage,
        "title": rule.title,
        "why": rule.why,
        "proof": rule.proof.value,
        "shows": rule.shows,
        "places": [place.value for place in rule.places],
        "once": rule.once,
        "checked": rule.checked,
        "not_in_files": rule.not_in_files,
        "path": rule.path,
    }


def catalogue_text(rooms: Sequence[Room]) -> str:
    """Write all rules, stage by stage."""
    lines: list[str] = []
    rules = [rule for room in rooms for rule in room.rules]
    width = max(len(rule.id) for rule in rules)
    for room in rooms:
        lines += [f"{room.stage.title}: {room.question}"]
        for rule in room.rules:
            check = "checked" if rule.checked else "not in files" if rule.not_in_files else "not checked yet"
            lines.append(f"  {rule.id:<{width}}  {rule.proof.value:<8}  {check:<15}  {rule.title}")
        lines.append("")
    checked = sum(rule.checked for rule in rules)
    lines.append(f"{len(rules)} rules; {checked} can be checked in files, {uncovered(rules)}.")
    return "\n".join(lines) + "\n"


def uncovered(rules: Sequence[Rule]) -> str:
    """Count the rules without a check: those that files cannot show, and those whose check is not written."""
    unseen = sum(bool(rule.not_in_files) for rule in rules)
    waiting = sum(not rule.checked for rule in rules) - unseen
    return f"{unseen} {'is' if unseen == 1 else 'are'} not in files" + (
        f", {waiting} have no check yet" if waiting else ""
    )


def find(rooms: Sequence[Room], rule_id: str) -> Rule:
    """Find one rule; refuse an unknown id with the nearest."""
    rules = {rule.id: rule for room in rooms for rule in room.rules}
    if rule_id not in rules:
        raise FairwayError(f"There is no rule '{rule_id}'. {did_you_mean(rule_id, rules)}")
    return rules[rule_id]


def rule_text(rule: Rule) -> str:
    """Write one rule as its handbook page."""
    proof = rule.proof.value + (f": {rule.shows}" if rule.shows else "")
    lines = [
        rule.id,
        f"{rule.title}.",
        "",
        fill(" ".join(rule.why.split()), 100),
        "",
        f"proof  {proof}",
        f"where  {', '.join(place.value for place in rule.places) or 'files'}",
        f"check  {_check(rule)}",
        f"file   {rule.path}:1",
    ]
    for edit in rule.breaks:
        lines += ["", f"Broken by, in {edit.path}:"]
        lines += [f"  - {line}" for line in (edit.old or "").splitlines()]
        lines += [f"  + {line}" for line in (edit.new or "").splitlines()]
        if edit.new is None:
            lines += ["  (the whole file is taken away)"]
    return "\n".join(lines) + "\n"


def _check(rule: Rule) -> str:
    if rule.checked:
        return "reads files"
    why = f"not in files: {rule.not_in_files}" if rule.not_in_files else "not written yet"
    return f"{why.rstrip('.')}. Counted as not checked, never as passed"
