"""Write every artefact that follows from the facts, or tell how the files on disk differ from them."""

import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from fairway.core.errors import Exit, FairwayError
from fairway.verbs.output import json_text
from fairway.verbs.render import render
from fairway.verbs.unswept import unswept
from fairway.verbs.workspace import Workspace, open_system
from fairway.verbs.written_tree import Difference, Lock, alone, differences, read_lock, seen_from, write

MANY = 20  # new files whose names a person still reads
SIGNS = {"added": "+", "changed": "~", "removed": "-", "edited": "!"}


def build_command(facts: Path, output: Path | None, *, check: bool, overwrite: bool, format_: str) -> Exit:
    """Build the system at *facts* into *output*, or only compare where *check* is set."""
    with unswept():
        return _build(facts, output, check=check, overwrite=overwrite, format_=format_)


def _build(facts: Path, output: Path | None, *, check: bool, overwrite: bool, format_: str) -> Exit:
    workspace = open_system(facts)
    root = workspace.root.parent / "deploy" if output is None else output
    wanted = {path: file.text for path, file in render(workspace).items()}
    try:
        found = (
            differences(root, wanted, read_lock(root))
            if check
            else _write(root, wanted, workspace, overwrite=overwrite)
        )
    except OSError as error:
        raise FairwayError(
            f"{error.filename or root}: {error.strerror}. Nothing more was written; build again."
        ) from error
    if format_ == "json":
        sys.stdout.write(
            json_text({"root": str(root), "files": len(wanted), "written": not check, "differences": found})
        )
    else:
        sys.stdout.write(_text(root, len(wanted), found, check=check))
    return Exit.FINDINGS if check and found else Exit.CLEAN


def _write(root: Path, wanted: Mapping[str, str], workspace: Workspace, *, overwrite: bool) -> tuple[Difference, ...]:
    with alone(root):
        before = read_lock(root)
        found = differences(root, wanted, before)
        if not overwrite:
            _refuse_another_systems(root, workspace.root, before)
            if edited := [difference.path for difference in found if difference.change == "edited"]:
                raise FairwayError(_refusal(root, edited))
        write(root, wanted, found, workspace.root, before)
    return found


def _refuse_another_systems(root: Path, facts: Path, before: Lock | None) -> None:
    """Refuse a tree of other facts that are still there: every file of theirs would be taken away."""
    if before is None or before.facts == seen_from(root, facts):
        return
    theirs = Path(os.path.normpath(Path(os.path.realpath(root), before.facts)))
    if theirs.is_file() and not theirs.samefile(facts):
        says = f"{root}: was built from {theirs}, not from {facts}, and would lose all of it."
        raise FairwayError(f"{says} Name another folder with -o, or build with --overwrite.")


def _refusal(root: Path, edited: Sequence[str]) -> str:
    listed = "\n".join(f"{root / path}: was changed by hand since it was built." for path in edited)
    return (
        f"{listed}\nNothing was written. Keep your changes elsewhere and build with --overwrite to replace these files."
    )


def _text(root: Path, count: int, found: Sequence[Difference], *, check: bool) -> str:
    # What is new in large numbers is a first build or a new site: the number says it better than the names.
    listed = [difference for difference in found if difference.change != "added"]
    added = len(found) - len(listed)
    if added <= MANY:
        listed = list(found)
    lines = [f"{SIGNS[difference.change]} {root / difference.path}" for difference in listed]
    if not found:
        lines.append(f"{root}: {count} files, all as the facts give them.")
        return "\n".join(lines) + "\n"
    tally = Counter(difference.change for difference in found)
    said = ", ".join(f"{number} {change}" for change, number in sorted(tally.items()))
    done = "differ from the facts. 'fairway build' writes them" if check else "written"
    lines.append(f"{root}: {count} files; {said}; {len(found)} {done}.")
    return "\n".join(lines) + "\n"
