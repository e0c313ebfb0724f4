"""Say which decision and which rule stand behind a built file, or a line of it."""

import os
import sys
from pathlib import Path
from typing import Any

import msgspec

from fairway.core.artefact import KeyPath, Reason
from fairway.core.decision import AnyDecision
from fairway.core.errors import Exit, FairwayError, Problem, WrongInputError
from fairway.verbs.output import json_text
from fairway.verbs.render import render_file
from fairway.verbs.workspace import Workspace, open_system
from fairway.verbs.written_tree import LOCK, Lock, read_lock
from fairway.yaml.reader import Mapping, Sequence, read_document

MOST_DIGITS = 9  # of a line's number


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Why a line is as it is."""

    file: str
    line: int
    key: str
    rule: str
    title: str
    service: str
    declared: str  # where in the facts
    decisions: tuple[AnyDecision, ...]
    differs: bool  # the file on disk is not as the facts give it now


def why_command(place: str, format_: str) -> Exit:
    """Explain FILE or FILE:LINE of a built tree."""
    try:
        file, line = _split(place)
        root, text = _root(file), file.read_bytes().decode("utf-8", errors="replace")
        lock = read_lock(root)
    except (OSError, ValueError) as error:  # a name that no file can have is a ValueError
        says = getattr(error, "strerror", None) or error
        raise FairwayError(f"{place}: cannot be read: {says}. Name a built file, as FILE or FILE:LINE.") from None
    path = file.resolve().relative_to(root).as_posix()
    if lock is None or path not in lock.paths:
        raise FairwayError(f"{file}: was not written by 'fairway build'. Name a file that {root / LOCK} lists.")
    if line > (last := text.count("\n") + 1):
        raise FairwayError(f"{file}:{line}: the file ends at line {last}. Name a line of it.")
    workspace = _facts(root, lock)
    answer = _answer(workspace, path, file, line, text)
    sys.stdout.write(json_text(answer) if format_ == "json" else _text(answer))
    return Exit.CLEAN


def _split(place: str) -> tuple[Path, int]:
    name, colon, number = place.rpartition(":")
    if colon and number.isascii() and number.isdigit() and len(number) <= MOST_DIGITS and not Path(place).exists():
        return Path(name), int(number)
    return Path(place), 0


def _facts(root: Path, lock: Lock) -> Workspace:
    try:
        return open_system(Path(os.path.normpath(root / lock.facts)))
    except WrongInputError as error:
        fix = "Mend them; where the tree was moved or copied, build it again."
        named = Problem(file=str(root / LOCK), line=0, says="says that the tree was built from these facts.", fix=fix)
        raise WrongInputError((*error.problems, named)) from None


def _root(file: Path) -> Path:
    if not file.is_file():
        raise FairwayError(f"{file}: is not a file. Name one that 'fairway build' wrote, as FILE or FILE:LINE.")
    for folder in file.resolve().parents:
        if (folder / LOCK).is_file():
            return folder
    raise FairwayError(f"{file}: lies in no tree that 'fairway build' wrote: no {LOCK} above it. Name a built file.")


def _answer(workspace: Workspace, path: str, file: Path, line: int, text: str) -> Answer:
    built = render_file(workspace, path)
    if built is None:
        raise FairwayError(f"{file}: the facts give no such file any more. 'fairway build' takes it away.")
    if built.manifest is None:
        raise FairwayError(f"{file}: is a listing or a page, not an object. Name the file of an object.")
    key = _key_at(text, str(file), line)
    reason = built.manifest.reason_behind(key)
    service = built.manifest.service
    plan = workspace.today_plan
    decided = (*(plan.services[service].decisions if service else ()), *plan.decisions)
    where, at = workspace.place("services", service) if service else workspace.place("system")
    return Answer(
        file=str(file),
        line=line,
        key=".".join(map(str, key)),
        rule=reason.rule,
        title=workspace.rules[reason.rule].title,
        service=service,
        declared=f"{where}:{at}",
        decisions=_behind(decided, reason),
        differs=text != built.text,
    )


def _behind(decided: tuple[AnyDecision, ...], reason: Reason) -> tuple[AnyDecision, ...]:
    """Pick the decisions behind a reason: by topic where it names one, since two rules may share a decision."""
    of_topic = tuple(decision for decision in decided if reason.topic and decision.topic == reason.topic)
    of_rule = tuple(decision for decision in decided if decision.rule == reason.rule)
    both = tuple(decision for decision in of_topic if decision in of_rule)
    return both or of_topic or of_rule


def _key_at(text: str, file: str, line: int) -> KeyPath:
    """Find the path of the innermost key or item that starts at or above *line*."""
    document, _ = read_document(text, file)
    path: list[str | int] = []
    value: Any = document.value if line else None
    while isinstance(value, Mapping | Sequence):
        pairs = list(value.lines.items()) if isinstance(value, Mapping) else list(enumerate(value.lines))
        above = [(at, key) for key, at in pairs if at <= line]
        if not above:
            break
        _, key = max(above, key=lambda pair: pair[0])
        path.append(key)
        value = value[key]  # type: ignore[index] # the key came from this very value
    return tuple(path)


def _text(answer: Answer) -> str:
    what = f"{answer.file}:{answer.line}  {answer.key}" if answer.line else answer.file
    lines = [what, f"  rule      {answer.rule}: {answer.title}"]
    for decision in answer.decisions:
        lines.append(f"  decided   {decision.topic}: {decision.answer}")
        lines.append(f"            because {decision.because}")
        lines += [f"            not {instead.option}: {instead.why}" for instead in decision.instead]
    lines.append(f"  declared  {answer.declared}")
    if answer.differs:
        lines.append("  The file is not as the facts give it now; see 'fairway build --check'.")
    return "\n".join(lines) + "\n"
