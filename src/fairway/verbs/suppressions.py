"""Findings that a team accepts, in a file of its own: which, why, and until when. Foreign files stay as they are."""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

import msgspec

from fairway.core.errors import Problem, WrongInputError, did_you_mean
from fairway.core.rule import Finding
from fairway.core.wording import listed
from fairway.yaml.reader import Mapping, Value, read_document
from fairway.yaml.reader import Sequence as Listed

FILE: Final = "fairway-check.yaml"
KEYS: Final = ("rule", "resource", "file", "reason", "until")
NEEDED: Final = ("rule", "reason", "until")
DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
EXAMPLE: Final = "{ rule: orchestration/probes, resource: 'Deployment/*/legacy', reason: ..., until: 2027-01-31 }"


class Suppression(msgspec.Struct, frozen=True, kw_only=True):
    """What is accepted. A rule, resource or file may hold `*`, which stands for anything."""

    place: str
    line: int
    rule: str
    resource: str = "*"
    file: str = "*"
    resources: frozenset[str] | None = None  # only these, by their names
    reason: str
    until: date  # its last day
    waives: str = ""  # of facts: for whom they waive the rule

    def fits(self, finding: Finding) -> bool:
        """Tell whether it speaks of this finding."""
        pairs = ((finding.rule, self.rule), (finding.resource, self.resource), (finding.file, self.file))
        named = self.resources is None or finding.resource in self.resources
        return named and all(fnmatchcase(said, pattern) for said, pattern in pairs)


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """A finding that is accepted for now."""

    finding: Finding
    fingerprint: str
    reason: str
    until: date


class Sifted(msgspec.Struct, frozen=True, kw_only=True):
    """What remains of findings, what is accepted, and what no longer makes sense in the list."""

    remaining: tuple[tuple[Finding, str], ...]
    accepted: tuple[Accepted, ...]
    remarks: tuple[Problem, ...]


def read_suppressions(file: Path, rules: Collection[str]) -> tuple[Suppression, ...]:
    """Read the file, all its faults at once; `WrongInputError` says them."""
    try:
        data = file.read_bytes()
    except OSError as error:
        says = f"cannot be read: {error.strerror}."
        raise WrongInputError([Problem(file=str(file), line=0, says=says, fix="Name another file.")]) from None
    document, problems = read_document(data, str(file))
    faults = list(problems)
    note = _noting(str(file), faults)
    found = [] if faults else [one for one in _entries(document.value, note, rules, str(file)) if one is not None]
    if faults:
        raise WrongInputError(sorted(faults))
    return tuple(found)


def sift(findings: Sequence[tuple[Finding, str]], suppressions: Sequence[Suppression], today: date) -> Sifted:
    """Take out what is accepted today; each finding comes with its fingerprint."""
    current = [one for one in suppressions if one.until >= today]
    remaining: list[tuple[Finding, str]] = []
    accepted: list[Accepted] = []
    used: set[tuple[str, int]] = set()
    for finding, fingerprint in findings:
        fitting = next((one for one in current if one.fits(finding)), None)
        if fitting is None:
            remaining.append((finding, fingerprint))
            continue
        used.add((fitting.place, fitting.line))
        accepted.append(Accepted(finding=finding, fingerprint=fingerprint, reason=fitting.reason, until=fitting.until))
    return Sifted(
        remaining=tuple(remaining),
        accepted=tuple(accepted),
        remarks=tuple(_remarks(findings, suppressions, used, today)),
    )


def _remarks(
    findings: Sequence[tuple[Finding, str]],
    suppressions: Sequence[Suppression],
    used: set[tuple[str, int]],
    today: date,
) -> Iterator[Problem]:
    for one in suppressions:
        if one.until < today:
            still = sum(one.fits(finding) for finding, _ in findings)
            what = f"the waiver of {one.rule} for {one.waives} ran out" if one.waives else ""
            what = what or f"this suppression of {one.rule} ended"
            says = f"{what} on {one.until}; what it fits is found again ({still})."
            yield Problem(file=one.place, line=one.line, says=says, fix="Mend what is found, or decide anew.")
        elif (one.place, one.line) not in used and not one.waives:
            says = f"this suppression of {one.rule} fits nothing."
            yield Problem(file=one.place, line=one.line, says=says, fix="Take it out.")


Note = Callable[[int, str, str], None]


def _noting(file: str, faults: list[Problem]) -> Note:
    def note(line: int, says: str, fix: str) -> None:
        faults.append(Problem(file=file, line=line, says=says, fix=fix))

    return note


def _entries(value: Value, note: Note, rules: Collection[str], place: str) -> Iterator[Suppression | None]:
    if not isinstance(value, Mapping):
        note(0, "holds no settings.", f"Write 'suppressions:' and below it '- {EXAMPLE}'.")
        return
    for key in value:
        if key != "suppressions":
            note(value.lines[key], f"'{key}' is not known here.", did_you_mean(key, ["suppressions"]))
    listed_ = value.get("suppressions")
    if listed_ is None:
        return
    if not isinstance(listed_, Listed):
        note(value.lines["suppressions"], "'suppressions' is no list.", f"Write '- {EXAMPLE}' below it.")
        return
    for entry, line in zip(listed_, listed_.lines, strict=True):
        if isinstance(entry, Mapping):
            yield _entry(entry, line, note, rules, place)
        else:
            note(line, "this entry is no mapping.", f"Write it as {EXAMPLE}.")


def _entry(entry: Mapping, line: int, note: Note, rules: Collection[str], place: str) -> Suppression | None:
    sound = True

    def fault(key: str, says: str, fix: str) -> None:
        nonlocal sound
        sound = False
        note(entry.lines.get(key, line), says, fix)

    for key in entry:
        if key not in KEYS:
            fault(key, f"'{key}' is not known here.", did_you_mean(key, KEYS))
    if missing := [key for key in NEEDED if not entry.get(key)]:
        fault("", f"it lacks {listed(missing)}.", "Say which rule, why it is accepted, and the last day of that.")
        return None
    said = {key: str(entry[key]) for key in KEYS if entry.get(key) is not None}
    if not any(fnmatchcase(known, said["rule"]) for known in rules):
        fault("rule", f"there is no rule '{said['rule']}'.", did_you_mean(said["rule"], rules))
    until = _day(said["until"])
    if until is None:
        fault("until", f"'{said['until']}' is no day.", "Write it as 2027-01-31.")
    if not sound or until is None:
        return None
    del said["until"]
    return msgspec.convert({**said, "place": place, "line": line, "until": until}, Suppression)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if DAY.fullmatch(text) else None
    except ValueError:
        return None
