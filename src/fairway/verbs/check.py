"""Audit anybody's manifests against the standard: what is broken, what is unknown, and what was not checked."""

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from re import sub

import msgspec

from fairway import stages
from fairway.core.errors import Exit, Problem
from fairway.core.registry import Room, rooms
from fairway.core.rule import Finding, Rule
from fairway.core.wording import many
from fairway.estate.index import Estate
from fairway.estate.read import read
from fairway.estate.unknown import Counts, Unknown
from fairway.estate.validity import judge
from fairway.verbs.check_notes import RENDER, notes


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What an audit found, in the order of the standard."""

    rooms: tuple[Room, ...]
    findings: tuple[Finding, ...]
    fingerprints: tuple[str, ...]  # one for each finding, the same as long as the finding is
    problems: tuple[Problem, ...]
    remarks: tuple[Problem, ...]  # what Kubernetes accepts and the writer hardly meant
    unknown: tuple[Unknown, ...]
    notes: tuple[str, ...]
    counts: Counts
    objects: int
    workloads: int

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Give all rules of the standard."""
        return tuple(rule for room in self.rooms for rule in room.rules)

    @property
    def errors(self) -> int:
        """Count the findings that are errors."""
        return sum(finding.severity == "error" for finding in self.findings)

    @property
    def exit(self) -> Exit:
        """Tell the exit code: what could not be read weighs more than what was found; warnings alone are clean."""
        if self.problems:
            return Exit.WRONG_INPUT
        return Exit.FINDINGS if self.errors else Exit.CLEAN


def check(found: Sequence[Room], estate: Estate) -> Report:
    """Let every rule that has a check look at *estate*."""
    findings: list[Finding] = []
    for room in found:
        for rule in room.rules:
            if rule.check is not None:
                findings += sorted(set(rule.check(estate)), key=_place)  # one cause may be met on several ways
    validity = judge(estate)  # after the rules, which look into objects and note what is malformed
    problems = sorted((*estate.problems, *validity.problems))
    if not estate.resources and not problems:
        problems.append(_nothing(estate))
    return Report(
        rooms=tuple(found),
        findings=tuple(findings),
        fingerprints=_fingerprints(findings, estate),
        problems=tuple(problems),
        remarks=validity.remarks,
        unknown=estate.unknown,
        notes=tuple(notes(estate)),
        counts=estate.counts,
        objects=len(estate.resources),
        workloads=len(estate.workloads),
    )


def audit(paths: Sequence[Path]) -> Report:
    """Audit what is at *paths*; without any, deploy/ where there is one, else this folder."""
    given = list(paths) or [Path("deploy") if Path("deploy").is_dir() else Path()]
    return check(rooms(stages), read(given))


def _place(finding: Finding) -> tuple[str, int, str, str, str, str]:
    return finding.file, finding.line, finding.resource, finding.key, finding.says, finding.fix


def _fingerprints(findings: Sequence[Finding], estate: Estate) -> tuple[str, ...]:
    """Name each finding by what stays when lines move: rule, object, key and file. Equal ones are numbered."""
    seen: Counter[str] = Counter()
    given = []
    for finding in findings:
        key = sub(r"\[\d+\]", "[]", finding.key)
        parts = (finding.rule, finding.resource, key, estate.stable.get(finding.file, finding.file))
        name = "\0".join(parts)
        seen[name] += 1
        given.append(sha256(name.encode() if seen[name] == 1 else f"{name}\0{seen[name]}".encode()).hexdigest())
    return tuple(given)


def _nothing(estate: Estate) -> Problem:
    says = f"there is nothing to audit: no Kubernetes object in {many(estate.counts.files, 'YAML or JSON file')}."
    fix = "Name a folder of manifests."
    if estate.unknown:
        fix = f"Render the templates first: helm template CHART > rendered.yaml; {RENDER}"
    return Problem(file="fairway check", line=0, says=says, fix=fix)
