"""The report of an audit as text: each place first on its line, so that an editor can jump there."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby

from fairway.core.errors import Problem
from fairway.core.registry import Room
from fairway.core.rule import Finding
from fairway.core.wording import listed, many
from fairway.verbs.check import Report
from fairway.verbs.check_overview import SCREEN, overview
from fairway.verbs.rules import uncovered

NAMED = 2


def check_text(report: Report) -> str:
    """Write findings by rule, those with the same fix together; then what is wrong, unknown and not checked."""
    if not report.objects and not report.findings and report.problems:
        return "".join(f"{line}\n" for line in (*report.problems, *(f"note: {note}" for note in report.notes)))
    lines: list[str] = []
    titles = {rule.id: rule.title for rule in report.rules}
    for rule, findings in groupby(report.findings, key=lambda finding: finding.rule):
        lines += [f"{rule}: {titles[rule]}", *_rule(list(findings)), ""]
    if len(lines) > SCREEN:
        lines = [*overview(report), "", *lines]
    if report.problems:
        lines += ["What could not be read, or Kubernetes refuses", *map(str, report.problems), ""]
    if report.remarks:
        lines += ["What Kubernetes accepts and was hardly meant", *_alike(report.remarks), ""]
    if report.accepted:
        lines += ["What is accepted for now, and not counted below", *_accepted(report), ""]
    lines += [*_summary(report), ""]
    if report.compositions:
        lines += [*_composed(report), ""]
    lines += [f"note: {note}" for note in report.notes]
    return "\n".join([*lines, *_verdict(report)]) + "\n"


def _rule(findings: list[Finding]) -> Iterator[str]:
    by_fix: dict[str, list[Finding]] = {}
    for finding in findings:
        by_fix.setdefault(finding.fix, []).append(finding)
    for fix, alike in by_fix.items():
        for finding in alike:
            where = f" (only in {_few(finding.within)})" if finding.within else ""
            yield f"{finding.file}:{finding.line}: {finding.severity}: {finding.resource}: {finding.says}{where}"
        yield f"  fix: {fix}"


def _accepted(report: Report) -> Iterator[str]:
    """Write one line for each rule and reason; fairway check --format json names every finding."""
    alike = Counter((one.finding.rule, one.until, one.reason) for one in report.accepted)
    for (rule, until, reason), number in sorted(alike.items()):
        yield f"{rule}: {many(number, 'finding')} until {until}: {reason}"


def _alike(problems: Iterable[Problem]) -> Iterator[str]:
    """Write what is wrong alike in many places once, with the first place."""
    places: dict[tuple[str, str], list[Problem]] = {}
    for problem in problems:
        places.setdefault((problem.says.partition(": ")[2] or problem.says, problem.fix), []).append(problem)
    for alike in places.values():
        yield f"{alike[0]}{f' (and {len(alike) - 1} more alike)' if len(alike) > 1 else ''}"


def _few(names: tuple[str, ...]) -> str:
    return listed(names if len(names) <= NAMED else (*names[: NAMED - 1], f"{len(names) - NAMED + 1} more"))


def _summary(report: Report) -> Iterator[str]:
    """Write one line for each stage."""
    width = max(len(room.stage.title) for room in report.rooms)
    yield f"{'':{width}}  errors  warnings  rules checked"
    for room in report.rooms:
        yield _stage(report, room, width)


def _composed(report: Report) -> Iterator[str]:
    """Write one line for each composition: what it has, with what it shares with others."""
    width = max(len(one.name) for one in report.compositions)
    yield f"{'':{width}}  errors  warnings  objects"
    for one in report.compositions:
        yield f"{one.name:<{width}}  {one.errors:>6}  {one.warnings:>8}  {one.objects:>7}"


def _stage(report: Report, room: Room, width: int) -> str:
    checked = sum(rule.checked for rule in room.rules)
    mine = [finding for finding in report.findings if finding.rule.partition("/")[0] == room.stage.id]
    errors = sum(finding.severity == "error" for finding in mine)
    numbers = f"{errors:>6}  {len(mine) - errors:>8}" if checked else f"{'-':>6}  {'-':>8}"
    return f"{room.stage.title:<{width}}  {numbers}  {checked} of {len(room.rules)}"


def _verdict(report: Report) -> Iterator[str]:
    """Say what was looked at, what came out, and what nobody looked at."""
    objects, files = many(report.objects, "object"), many(report.counts.files, "file")
    recipes = f", and {many(report.dockerfiles, 'Dockerfile')}" if report.dockerfiles else ""
    yield f"Read {objects}, {report.workloads} of them workloads, in {files}{recipes}."
    unchecked = sum(not rule.checked for rule in report.rules)
    if unchecked:
        yield f"Of {len(report.rules)} rules {uncovered(report.rules)}: not checked, not passed."
    errors, warnings = report.errors, len(report.findings) - report.errors
    counted = (many(errors, "error"), many(warnings, "warning"), many(len(report.problems), "problem"))
    yield f"{', '.join(counted)}, {len(report.unknown)} unknown.{_left_out(report)}"


def _left_out(report: Report) -> str:
    """Count what is accepted or known, so that nobody takes silence for health."""
    apart = {"accepted": len(report.accepted), "in the baseline": report.known}
    told = [f"{number} {where}" for where, number in apart.items() if number]
    return f" Not shown: {', '.join(told)}." if told else ""
