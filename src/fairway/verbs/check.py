"""Audit anybody's manifests against the standard: what is broken, what is unknown, and what was not checked."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path
from re import sub
from typing import Literal

import msgspec

from fairway import stages
from fairway.core.errors import Exit, FairwayError, Problem, did_you_mean
from fairway.core.registry import Room, rooms, rule_by_id
from fairway.core.rule import Finding, Rule
from fairway.core.wording import many
from fairway.estate.index import Estate
from fairway.estate.read import compositions
from fairway.estate.unknown import Counts, Unknown
from fairway.estate.validity import judge
from fairway.estate.whole import SYSTEM
from fairway.local.run_folder import replace
from fairway.verbs.baseline import baseline_text, read_baseline
from fairway.verbs.check_notes import RENDER, notes
from fairway.verbs.suppressions import FILE, Accepted, Suppression, read_suppressions, sift
from fairway.verbs.waivers import hear


class Composed(msgspec.Struct, frozen=True, kw_only=True):
    """What came out for one system that Kustomize composes or Helm renders."""

    name: str  # its folder, and what tells it from others of the same folder
    objects: int
    errors: int
    warnings: int


FailOn = Literal["error", "warning", "never"]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line says beside the paths."""

    rules: tuple[str, ...] = ()  # only these; `*` stands for anything
    suppressions: Path | None = None
    baseline: Path | None = None
    write_baseline: Path | None = None
    fail_on: FailOn = "error"
    facts: Path | None = None  # whose waivers are heard; none: those that lie with what is audited
    helm: Path | None = None  # the program that renders charts; none: no chart is rendered


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
    dockerfiles: int = 0
    accepted: tuple[Accepted, ...] = ()
    known: int = 0  # findings that the baseline has, too
    fail_on: FailOn = "error"
    compositions: tuple[Composed, ...] = ()

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Give all rules of the standard."""
        return tuple(rule for room in self.rooms for rule in room.rules)

    @property
    def errors(self) -> int:
        """Count the findings that are errors."""
        return sum(finding.severity == "error" for finding in self.findings)

    def counts_as_failure(self, finding: Finding) -> bool:
        """Tell whether a finding stops the command."""
        return self.fail_on == "warning" or (self.fail_on == "error" and finding.severity == "error")

    @property
    def exit(self) -> Exit:
        """Tell the exit code: what could not be read weighs more than what was found, and that more than the unseen."""
        if self.problems:
            return Exit.WRONG_INPUT
        if any(map(self.counts_as_failure, self.findings)):
            return Exit.FINDINGS
        return Exit.TOOL_MISSING if any(unknown.unrendered for unknown in self.unknown) else Exit.CLEAN


def check(found: Sequence[Room], *estates: Estate) -> Report:
    """Let every rule that has a check look at each estate; what several of them share is found once."""
    each = [_findings(found, estate) for estate in estates]
    findings = _joined(found, estates, each)
    validity = [judge(estate) for estate in estates]  # after the rules, which note what is malformed in objects
    problems = sorted(
        {*(p for estate in estates for p in estate.problems), *(p for one in validity for p in one.problems)}
    )
    objects = sum(len(estate.own) for estate in estates)
    tried = any(unknown.tried for estate in estates for unknown in estate.unknown)
    if not (objects or problems or tried or any(estate.dockerfiles for estate in estates)):
        problems.append(_nothing(estates))
    stable = {shown: name for estate in estates for shown, name in estate.stable.items()}
    return Report(
        rooms=tuple(found),
        findings=tuple(findings),
        fingerprints=_fingerprints(findings, stable),
        problems=tuple(problems),
        remarks=tuple(sorted({remark for one in validity for remark in one.remarks})),
        unknown=tuple(sorted({unknown for estate in estates for unknown in estate.unknown})),
        notes=tuple(notes(estates)),
        counts=estates[0].counts,
        objects=objects,
        dockerfiles=sum(len(estate.dockerfiles) for estate in estates),
        workloads=sum(w.resource.file not in estate.context for estate in estates for w in estate.workloads),
        compositions=tuple(
            Composed(
                name=estate.name,
                objects=len(estate.own),
                errors=sum(finding.severity == "error" for finding in mine),
                warnings=sum(finding.severity == "warning" for finding in mine),
            )
            for estate, mine in zip(estates, each, strict=True)
            if estate.name
        ),
    )


def _findings(found: Sequence[Room], estate: Estate) -> list[Finding]:
    """Let the rules look at one estate, in their order; one cause may be met on several ways."""
    return [
        finding
        for room in found
        for rule in room.rules
        if rule.check is not None
        for finding in sorted(set(rule.check(estate)), key=_place)
        if finding.file not in estate.context
    ]


def _joined(found: Sequence[Room], estates: Sequence[Estate], each: Sequence[Sequence[Finding]]) -> list[Finding]:
    """Put together what was found; what compositions share is said once, with those that it is in."""
    names = [estate.name for estate in estates if estate.name]
    places: dict[tuple[object, ...], dict[str, Finding]] = {}
    for estate, findings in zip(estates, each, strict=True):
        numbers: Counter[tuple[object, ...]] = Counter()
        for finding in findings:
            key: tuple[object, ...] = (finding.rule, finding.file, finding.line, finding.key, finding.severity)
            if finding.resource == SYSTEM:  # what the system lacks, it lacks in each of its compositions
                key = (finding.rule, SYSTEM, finding.says.partition(" It concerns ")[0])
            key = (*key, finding.fix)
            numbers[key] += 1
            places.setdefault((*key, numbers[key]), {})[estate.name] = finding
    joined = []
    for where in places.values():
        finding = min(where.values(), key=lambda one: one.severity != "error")
        within = () if "" in where or len(where) == len(names) else tuple(where)
        joined.append(msgspec.structs.replace(finding, within=within))
    order = {rule.id: place for place, rule in enumerate(rule for room in found for rule in room.rules)}
    return sorted(joined, key=lambda finding: (order[finding.rule], _place(finding)))


def audit(paths: Sequence[Path], options: Options | None = None) -> Report:
    """Audit what is at *paths*; without any, deploy/ where there is one, else this folder."""
    chosen = options or Options()
    found = _chosen(rooms(stages), chosen.rules)
    suppressions = _suppressions(chosen, rule_by_id(found))  # their faults are told before the long work
    known = read_baseline(chosen.baseline) if chosen.baseline else frozenset[str]()
    given = list(paths) or [Path("deploy") if Path("deploy").is_dir() else Path()]
    estates = compositions(given, str(chosen.helm) if chosen.helm else None)
    report = check(found, *estates)
    heard = hear(chosen.facts, given, estates, rule_by_id(rooms(stages)), rule_by_id(found))
    accepted = (*suppressions, *heard.waived)
    sifted = sift(list(zip(report.findings, report.fingerprints, strict=True)), accepted, datetime.now(UTC).date())
    if chosen.write_baseline:
        _write(chosen.write_baseline, baseline_text(sifted.remaining))
    new = [pair for pair in sifted.remaining if pair[1] not in known]
    return msgspec.structs.replace(
        report,
        findings=tuple(finding for finding, _ in new),
        fingerprints=tuple(fingerprint for _, fingerprint in new),
        problems=tuple(sorted({*report.problems, *heard.problems})),
        remarks=(*sifted.remarks, *report.remarks),
        accepted=sifted.accepted,
        known=len(sifted.remaining) - len(new),
        fail_on=chosen.fail_on,
    )


def _chosen(found: Sequence[Room], patterns: Sequence[str]) -> tuple[Room, ...]:
    """Leave out the rules that nobody asked for; without a pattern all are asked for."""
    known = rule_by_id(found)
    for pattern in patterns:
        if not any(fnmatchcase(rule, pattern) for rule in known):
            raise FairwayError(f"--rules {pattern}: there is no such rule. {did_you_mean(pattern, known)}")
    narrowed = (
        msgspec.structs.replace(
            room,
            rules=tuple(one for one in room.rules if any(fnmatchcase(one.id, pattern) for pattern in patterns or "*")),
        )
        for room in found
    )
    return tuple(room for room in narrowed if room.rules)


def _write(file: Path, text: bytes) -> None:
    try:
        replace(file, text, mode=0o644)
    except OSError as error:
        raise FairwayError(f"{file}: cannot be written: {error.strerror}. Name another file.") from None


def _suppressions(options: Options, chosen: Iterable[str]) -> tuple[Suppression, ...]:
    """Read what is accepted of the rules that are looked at."""
    file = options.suppressions or Path(FILE)
    if options.suppressions is None and not file.exists():
        return ()
    every = read_suppressions(file, rule_by_id(rooms(stages)))
    return tuple(one for one in every if any(fnmatchcase(rule, one.rule) for rule in chosen))


def _place(finding: Finding) -> tuple[str, int, str, str, str, str]:
    return finding.file, finding.line, finding.resource, finding.key, finding.says, finding.fix


def _fingerprints(findings: Sequence[Finding], stable: Mapping[str, str]) -> tuple[str, ...]:
    """Name each finding by what stays when lines move: rule, object, key and file. Equal ones are numbered."""
    seen: Counter[str] = Counter()
    given = []
    for finding in findings:
        key = sub(r"\[\d+\]", "[]", finding.key)
        parts = (finding.rule, finding.resource, key, stable.get(finding.file, finding.file))
        name = "\0".join(parts)
        seen[name] += 1
        given.append(sha256(name.encode() if seen[name] == 1 else f"{name}\0{seen[name]}".encode()).hexdigest())
    return tuple(given)


def _nothing(estates: Sequence[Estate]) -> Problem:
    says = f"there is nothing to audit: no Kubernetes object in {many(estates[0].counts.files, 'YAML or JSON file')}."
    fix = "Name a folder of manifests."
    if any(estate.unknown for estate in estates):
        fix = f"Render the templates first: helm template CHART > rendered.yaml; {RENDER}"
    return Problem(file="fairway check", line=0, says=says, fix=fix)
