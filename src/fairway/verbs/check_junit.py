"""The report of an audit as JUnit XML: a suite for each stage, a case for each rule; an unchecked rule is skipped."""

import re
from collections import defaultdict
from xml.sax.saxutils import escape, quoteattr

from fairway.core.rule import Finding, Rule
from fairway.verbs.check import Report

ILLEGAL = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def check_junit(report: Report) -> str:
    """Write it; a rule fails by the same findings that stop the command."""
    by_rule: dict[str, list[Finding]] = defaultdict(list)
    for finding in report.findings:
        by_rule[finding.rule].append(finding)
    suites = [_suite("input", [_input(report)], failures=0, errors=bool(report.problems), skipped=0)]
    for room in report.rooms:
        cases = [_case(report, rule, by_rule[rule.id]) for rule in room.rules]
        failures = sum(any(report.counts_as_failure(one) for one in by_rule[rule.id]) for rule in room.rules)
        skipped = sum(not rule.checked for rule in room.rules)
        suites.append(_suite(room.stage.id, cases, failures=failures, errors=0, skipped=skipped))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="fairway check">\n'
        + "".join(suites)
        + "</testsuites>\n"
    )


def _suite(name: str, cases: list[str], *, failures: int, errors: int, skipped: int) -> str:
    counts = f'tests="{len(cases)}" failures="{failures}" errors="{int(errors)}" skipped="{skipped}"'
    return f"  <testsuite name={quoteattr(name)} {counts}>\n{''.join(cases)}  </testsuite>\n"


def _case(report: Report, rule: Rule, findings: list[Finding]) -> str:
    opening = f"    <testcase classname={quoteattr(rule.stage)} name={quoteattr(f'{rule.id}: {rule.title}')}"
    if not rule.checked:
        return f'{opening}>\n      <skipped message="not checked from files"/>\n    </testcase>\n'
    told = "\n".join(f"{one.file}:{one.line}: {one.severity}: {one.resource}: {one.says} {one.fix}" for one in findings)
    failing = next((one for one in findings if report.counts_as_failure(one)), None)
    if failing is not None:
        return f"{opening}>\n{_told('failure', f'{failing.file}:{failing.line}: {failing.says}', told)}"
    return (
        f"{opening}>\n      <system-out>{_text(told)}</system-out>\n    </testcase>\n" if findings else f"{opening}/>\n"
    )


def _input(report: Report) -> str:
    opening = '    <testcase classname="input" name="every file can be read"'
    if not report.problems:
        return f"{opening}/>\n"
    return f"{opening}>\n{_told('error', str(report.problems[0]), chr(10).join(map(str, report.problems)))}"


def _told(element: str, message: str, text: str) -> str:
    return f"      <{element} message={quoteattr(_legal(message))}>{_text(text)}</{element}>\n    </testcase>\n"


def _text(text: str) -> str:
    return escape(_legal(text))


def _legal(text: str) -> str:
    """Leave out what XML cannot hold."""
    return ILLEGAL.sub("", text)
