"""The report of an audit as SARIF 2.1.0, for code scanning: levels, fingerprints, rules with their text."""

from collections.abc import Iterator
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from fairway import __version__
from fairway.core.errors import Problem
from fairway.core.rule import Finding, Rule
from fairway.verbs.check import Report
from fairway.verbs.output import json_text

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
HOME = "https://fairway.dev"
UNREADABLE = "fairway/readable"  # the rule of what is no rule of the standard: input that nobody can read
ROOT = "ROOT"


def check_sarif(report: Report) -> str:
    """Write the whole report as one run."""
    rules = [rule for rule in report.rules if rule.checked]
    places = {rule.id: number for number, rule in enumerate(rules)}
    places[UNREADABLE] = len(rules)
    driver = {
        "name": "Fairway",
        "version": __version__,
        "semanticVersion": __version__,
        "informationUri": HOME,
        "rules": [*map(_rule, rules), _unreadable()],
    }
    found = zip(report.findings, report.fingerprints, strict=True)
    results = [_result(finding, fingerprint, places) for finding, fingerprint in found]
    for one in report.accepted:
        why = {"kind": "external", "status": "accepted", "justification": f"{one.reason} (until {one.until})"}
        results.append(_result(one.finding, one.fingerprint, places) | {"suppressions": [why]})
    notes = [*((problem, "error") for problem in report.problems), *((remark, "note") for remark in report.remarks)]
    results += [_problem(problem, level, places) for problem, level in notes]
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {ROOT: {"description": {"text": "the folder in which the audit ran"}}},
        "invocations": [
            {"executionSuccessful": not report.problems, "toolExecutionNotifications": list(_notes(report))}
        ],
        "results": results,
    }
    return json_text({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in rule.id.replace("/", "-").split("-")),
        "shortDescription": {"text": f"{rule.title}."},
        "fullDescription": {"text": rule.why},
        "help": {"text": f"{rule.title}.\n\n{rule.why}\n\nfairway rules {rule.id}"},
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": [rule.stage]},
    }


def _unreadable() -> dict[str, Any]:
    return {
        "id": UNREADABLE,
        "name": "FairwayReadable",
        "shortDescription": {"text": "Every file can be read, and Kubernetes would accept it."},
        "defaultConfiguration": {"level": "error"},
    }


def _result(finding: Finding, fingerprint: str, places: dict[str, int]) -> dict[str, Any]:
    return {
        "ruleId": finding.rule,
        "ruleIndex": places[finding.rule],
        "level": finding.severity,
        "message": {"text": f"{finding.resource}: {finding.says} {finding.fix}"},
        "locations": [_location(finding.file, finding.line, f"{finding.resource} {finding.key}".strip())],
        "partialFingerprints": {"fairway/v1": fingerprint},
    }


def _problem(problem: Problem, level: str, places: dict[str, int]) -> dict[str, Any]:
    return {
        "ruleId": UNREADABLE,
        "ruleIndex": places[UNREADABLE],
        "level": level,
        "message": {"text": f"{problem.says} {problem.fix}".strip()},
        "locations": [_location(problem.file, problem.line, "")],
    }


def _location(file: str, line: int, name: str) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": _artifact(file)}
    if line:
        place["region"] = {"startLine": line}
    logical = {"logicalLocations": [{"fullyQualifiedName": name, "kind": "resource"}]} if name else {}
    return {"physicalLocation": place, **logical}


def _artifact(file: str) -> dict[str, str]:
    path = PurePath(file)
    if path.is_absolute():
        return {"uri": path.as_uri()}
    return {"uri": quote(path.as_posix()), "uriBaseId": ROOT}


def _notes(report: Report) -> Iterator[dict[str, Any]]:
    for unknown in report.unknown:
        says = f"{unknown.resource or unknown.file} is {unknown.says}: unknown, not passed."
        yield {
            "level": "warning",
            "message": {"text": says},
            "locations": [_location(unknown.file, unknown.line, unknown.resource)],
        }
    for note in report.notes:
        yield {"level": "note", "message": {"text": note}}
