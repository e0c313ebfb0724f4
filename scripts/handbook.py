"""Write docs/standard/ from the rules: a page for each stage. `python scripts/handbook.py [--check]`."""

import argparse
import sys
from pathlib import Path

from fairway import stages
from fairway.core.registry import Room, rooms
from fairway.core.rule import Edit, Rule
from fairway.verbs.rules import uncovered

FOLDER = Path(__file__).parents[1] / "docs" / "standard"


def pages() -> dict[str, str]:
    """Give every page of the handbook by file name."""
    found = rooms(stages)
    return {"README.md": _contents(found), **{f"{_name(room)}.md": _page(room) for room in found}}


def _name(room: Room) -> str:
    return room.package.rpartition(".")[2]


def _contents(found: tuple[Room, ...]) -> str:
    rules = [rule for room in found for rule in room.rules]
    checked = sum(rule.checked for rule in rules)
    lines = [
        "# The standard",
        "",
        f"{len(found)} stages, {len(rules)} rules; {checked} can be checked in files, {uncovered(rules)}.",
        "These pages are written from the rules by `python scripts/handbook.py`.",
        "",
        "| stage | asks | rules |",
        "| --- | --- | --- |",
    ]
    lines += [f"| [{room.stage.title}]({_name(room)}.md) | {room.question} | {len(room.rules)} |" for room in found]
    return "\n".join(lines) + "\n"


def _page(room: Room) -> str:
    lines = [f"# {room.stage.title}", "", room.question, ""]
    lines += [f"From here a detour leads to {detour.to}, for {detour.concern}." for detour in room.stage.detours]
    lines += [f"A jump may lead to {jump.to}." for jump in room.stage.jumps]
    lines.append(f"Then on to {room.stage.then}." if room.stage.then else "Here the walk ends.")
    for rule in room.rules:
        lines += _rule(rule)
    return "\n".join(lines) + "\n"


def _rule(rule: Rule) -> list[str]:
    proof = rule.proof.value + (f": {rule.shows}" if rule.shows else "")
    where = f" ({', '.join(place.value for place in rule.places)})" if rule.places else ""
    lines = ["", f"## {rule.id}", "", f"**{rule.title}.**", "", rule.why, "", f"- proof: {proof}{where}"]
    unseen = f"not in files: {rule.not_in_files}" if rule.not_in_files else "not written yet"
    lines.append(f"- check: {'reads files' if rule.checked else unseen}")
    lines.append(f"- text and check: `{rule.path}`")
    for edit in rule.breaks:
        lines += ["", f"Broken by, in `{edit.path}`:", "", "```diff", *_diff(edit), "```"]
    return lines


def _diff(edit: Edit) -> list[str]:
    if edit.new is None:
        return ["- the whole file"]
    return [
        *(f"-{line}" for line in (edit.old or "").splitlines()),
        *(f"+{line}" for line in edit.new.splitlines()),
    ]


def main() -> int:
    """Write the pages, or with --check tell whether they are up to date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    wanted = pages()
    stale = [
        name for name, text in wanted.items() if not (FOLDER / name).is_file() or (FOLDER / name).read_text() != text
    ]
    stale += [path.name for path in FOLDER.glob("*.md") if path.name not in wanted]
    if check:
        for name in stale:
            print(f"docs/standard/{name}: is not as the rules give it. Run python scripts/handbook.py.")
        return 1 if stale else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in FOLDER.glob("*.md"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
