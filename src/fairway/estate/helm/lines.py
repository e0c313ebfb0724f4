"""Tell from which line of a template each rendered line came, by what Helm itself makes of marked templates.

A chart is rendered twice: as it is, and with the number of its line behind every line of every template, as a comment.
Where both say the same but for the marks, the mark is the truth; where they differ, nobody knows, and nothing is told.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from fairway.yaml.reader import Mapping, Sequence, Value

_SOURCE: Final = re.compile(r"^---\n# Source: (.+)\n", re.MULTILINE)
_COMMENT: Final = re.compile(r"-?\s*/\*.*?\*/\s*-?\}\}", re.DOTALL)
_TOKEN: Final = re.compile(
    r"\}\}|\"(?:\\.|[^\"\\\n])*\"|`[^`]*`|'(?:\\.|[^'\\\n])*'"
)  # what ends an action, or hides its end
_MARK: Final = re.compile(r" ?#@(\d+):(\d+)@")
_HIDDEN: Final = "\0"  # stands for a letter of an action
_BROKEN: Final = "\1"  # stands for a line's end within one
NOWHERE: Final = 0


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What one template gave: a document, or several."""

    source: str  # the template's path, as Helm names it
    text: str
    places: tuple[int, ...] = ()  # of each line of the text, its line in the template; 0: unknown


def marked(template: str, file: int) -> str:
    """Put the numbers of its *file* and line behind each line whose end is plain text.

    What an action alone writes stays as it is: it may be compared, cut or counted.
    """
    hidden, last = [], 0
    for start, end in _actions(template):
        hidden += [template[last:start], re.sub(r"[^\n]", _HIDDEN, template[start:end]).replace("\n", _BROKEN)]
        last = end
    text = "".join([*hidden, template[last:]])
    made, place = [], 0
    for number, line in enumerate(text.replace(_BROKEN, "\n").split("\n"), 1):
        written = template[place : place + len(line)].rstrip()
        place += len(line)
        plain = line.replace(_HIDDEN, "").strip()
        open_ = text[place : place + 1] == _BROKEN
        silent = not plain or plain.startswith(("#", "---", "...")) or written.endswith(("-}}", "\\"))
        made.append(template[place - len(line) : place] if open_ or silent else f"{written} #@{file}:{number}@")
        place += 1
    return "\n".join(made)


def _actions(template: str) -> Iterator[tuple[int, int]]:
    """Give where each action begins and ends; one that is never closed goes to the end."""
    end = 0
    while (start := template.find("{{", end)) >= 0:
        if comment := _COMMENT.match(template, start + 2):
            end = comment.end()
        else:
            end = start + 2
            while (token := _TOKEN.search(template, end)) and token[0] != "}}":
                end = token.end()
            end = token.end() if token else len(template)
        yield start, end


def parts(plain: str, with_marks: str, file_of: Callable[[str], int]) -> Iterator[Part]:
    """Cut what Helm printed into what each template gave, and tell the lines by the second printing.

    *file_of* gives the number under which a template was marked. A line that another file wrote is not told.
    """
    second: dict[str, list[str]] = {}
    for source, text in _cut(with_marks):
        second.setdefault(source, []).append(text)
    counted: dict[str, int] = {}
    first = list(_cut(plain))
    for source, _ in first:
        counted[source] = counted.get(source, 0) + 1
    for source, text in first:
        twins = second.get(source, [])
        twin = twins[-counted[source]] if len(twins) >= counted[source] else ""
        counted[source] -= 1
        yield Part(source=source, text=text, places=_places(text, twin, file_of(source)))


def _cut(printed: str) -> Iterator[tuple[str, str]]:
    found = list(_SOURCE.finditer(printed))
    ends = [*(one.start() for one in found), len(printed)][1:]
    return ((one[1].strip(), printed[one.end() : end]) for one, end in zip(found, ends, strict=True))


def _places(text: str, twin: str, file: int) -> tuple[int, ...]:
    lines, theirs = text.split("\n"), twin.split("\n")
    if len(lines) != len(theirs):
        return (NOWHERE,) * len(lines)
    return tuple(_place(*both, file) for both in zip(lines, theirs, strict=True))


def _place(line: str, theirs: str, file: int) -> int:
    mark = _MARK.search(theirs)
    same = mark and int(mark[1]) == file and _MARK.sub("", theirs).rstrip() == line.rstrip()
    return int(mark[2]) if mark and same else NOWHERE


def at_home(value: Value, part: Part, template: tuple[str, ...], first: int) -> Value:
    """Copy a value, with every line as one of the template; what stands nowhere there is at what holds it.

    *first* is the line of the object's beginning.
    """

    def place(line: int, key: str, above: int) -> int:
        found = part.places[line - 1] if line <= len(part.places) else NOWHERE
        return found if found and found <= len(template) and key in template[found - 1] else above

    return _moved(value, place, first)


def _moved(value: Value, place: Callable[[int, str, int], int], above: int) -> Value:
    if isinstance(value, Mapping):
        twin = Mapping()
        twin.line = place(value.line, "", above)
        twin.lines = {key: place(line, key, above) for key, line in value.lines.items()}
        for key, item in value.items():
            twin[key] = _moved(item, place, twin.lines[key])
        return twin
    if isinstance(value, Sequence):
        row = Sequence()
        row.line = place(value.line, "", above)
        row.lines = [place(line, "", above) for line in value.lines]
        row.extend(_moved(item, place, line) for item, line in zip(value, row.lines, strict=True))
        return row
    return value


def beginning(template: tuple[str, ...], known: list[int]) -> int:
    """Give the line at which an object begins: the first that is *known*, else the first that says anything."""
    if known:
        return min(known)
    said = (number for number, line in enumerate(template, 1) if line.strip() and not line.lstrip().startswith("#"))
    return next(said, 1)
