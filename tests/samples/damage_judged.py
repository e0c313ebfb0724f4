"""Hold an audit of a damaged estate against what every audit promises, whatever it reads."""

import json
import os
import re
import shutil
import traceback
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from xml.etree import ElementTree as ET

from damage import damaged

from fairway import stages
from fairway.core.registry import Room, rooms
from fairway.estate.read import compositions
from fairway.verbs.check import Report, check

FORMATS = ("text", "json", "sarif", "junit", "github")
SHOWN = 5  # calls of a traceback
COMMAND = re.compile(r"::(error|warning|notice)( file=[^:,]*(,line=\d+)?(,title=[^:,]+)?)?::.")


@cache
def standard() -> tuple[Room, ...]:
    """Load all rules once."""
    return rooms(stages)


def faults(number: int, folder: Path) -> list[str]:
    """Audit the damaged estate of this *number*, written into an empty *folder*; give what is wrong with the audit."""
    before = Path.cwd()
    folder.mkdir()
    os.chdir(folder)
    try:
        write(number)
        return [*_faults(check(standard(), *compositions([Path()])))]
    except Exception:  # noqa: BLE001 - whatever it is, it is what is looked for
        return [traceback.format_exc(limit=-SHOWN)]
    finally:
        os.chdir(before)
        shutil.rmtree(folder)


def write(number: int) -> None:
    """Write the damaged estate of this *number* here."""
    for name, data in damaged(number).items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(data)


def _faults(report: Report) -> Iterator[str]:
    rules = {rule.id for rule in report.rules}
    for finding in report.findings:
        if not (finding.rule in rules and finding.says and finding.fix and finding.resource and finding.line):
            yield f"says too little: {finding}"
        yield from _place(finding.file, finding.line, finding)
    for problem in (*report.problems, *report.remarks):
        if problem.file != "fairway check":
            yield from _place(problem.file, problem.line, problem)
    for unknown in report.unknown:
        yield from _place(unknown.file, unknown.line, unknown)
    for form in FORMATS:
        text = getattr(import_module(f"fairway.verbs.check_{form}"), f"check_{form}")(report)
        yield from _form(form, text, report)


def _place(file: str, line: int, said: object) -> Iterator[str]:
    if not Path(file).is_file():
        yield f"points to no file: {said}"
    elif not 0 <= line <= lines(Path(file).read_bytes()):
        yield f"points past the end: {said}"


def lines(data: bytes) -> int:
    """Count lines as editors do."""
    return len(re.split(rb"\r\n|\r|\n", data))


def _form(form: str, text: str, report: Report) -> Iterator[str]:
    text.encode()  # what cannot be written is an error here
    if not text.endswith("\n"):
        yield f"{form} does not end its last line"
    if form == "text" and report.objects and not text.endswith((" unknown.\n", "accepted.\n")):
        yield f"text ends with {text[-40:]!r}"
    if form == "json" and len(json.loads(text)["findings"]) != len(report.findings):
        yield "json has other findings"
    if form == "junit":
        root = ET.fromstring(text)  # noqa: S314 - ours
        told = sum(int(suite.get("failures", "")) for suite in root)
        if told != len(root.findall(".//failure")):
            yield "junit counts other failures"
    if form == "github":
        yield from (f"github has the line {line!r}" for line in text.split("\n")[:-2] if not COMMAND.match(line))
    if form == "sarif":
        (run,) = json.loads(text)["runs"]
        named = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
        for result in run["results"]:
            place = result["locations"][0]["physicalLocation"]
            sound = named[result["ruleIndex"]] == result["ruleId"] and place.get("region", {}).get("startLine", 1) > 0
            if not (sound and result["message"]["text"] and re.fullmatch(r"[!-~]+", place["artifactLocation"]["uri"])):
                yield f"sarif has {result}"
