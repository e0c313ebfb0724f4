"""Check what a file of facts says against the types of facts.py: every fault at its own line, in words."""

import re
from collections.abc import Callable
from datetime import date
from typing import Any, Final, TypeAlias

import msgspec

from fairway.core.errors import Problem
from fairway.core.wording import listed
from fairway.declaration import kinds
from fairway.declaration.kinds import Choice, Day, Kind, Many, Named, Number, Record, Text, TextOrRecord, Truth
from fairway.declaration.suggestions import Suggestions
from fairway.yaml.reader import Mapping, Sequence, Value
from fairway.yaml.text import shown

KeyPath: TypeAlias = tuple[str | int, ...]

_FAULTY: Final = object()
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NUMBER = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,15})?) ?%?")
_LONGEST = 200
_LEAST_CPUS, _MOST_CPUS = 0.001, 999_999
_TRUTHS = {"true": "y, yes and on", "false": "n, no and off"}


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """What is sound in a file, without nulls, and what is wrong with the rest."""

    value: dict[str, Any]
    """Ready for `msgspec.convert`, but for 'system', which another file may say."""
    problems: tuple[Problem, ...]
    legible: bool
    """Whether every section is known; without one, names that others use would only seem to be unknown."""
    faulty: frozenset[KeyPath]
    """What has a fault: ("services", "orders") or ("tenants",)."""


def examine(value: Value, file: str, line: int, suggestions: Suggestions) -> Shape:
    """Check the *value* of one file, whose document starts at *line*; never raises."""
    examination = _Examination(file, suggestions)
    sound = examination.top(value, line)
    return Shape(
        value=sound,
        problems=tuple(examination.problems),
        legible=examination.legible,
        faulty=frozenset(examination.faulty),
    )


class _Examination:
    """Goes through one file and collects what is wrong. Every `take` gives what is sound, or _FAULTY."""

    def __init__(self, file: str, suggestions: Suggestions) -> None:
        self.file, self.suggestions = file, suggestions
        self.problems: list[Problem] = []
        self.legible = True
        self.faulty: set[KeyPath] = set()

    def report(self, path: KeyPath, line: int, says: str, fix: str) -> object:
        self.problems.append(Problem(file=self.file, line=line, says=says, fix=fix))
        self.legible = self.legible and len(path) > 1
        self.faulty.add(path[:2])
        return _FAULTY

    def top(self, value: Value, line: int) -> dict[str, Any]:
        if value is None:
            return {}
        if isinstance(value, Mapping):
            return self.keys(kinds.system(), value, ())
        self.report((), line, f"the file is {_found(value)}.", f"Write {kinds.system().wants}.")
        return {}

    def take(self, kind: Kind, value: Value, path: KeyPath, line: int) -> Any:  # noqa: ANN401 - as the kind has it
        taken: Any = _TAKE[type(kind)](self, kind, value, path, line)
        return taken

    def wrong(self, kind: Kind, value: Value, path: KeyPath, line: int, fix: str = "") -> object:
        return self.report(path, line, f"{_called(path)} is {_found(value)}.", fix or f"Write {kind.wants}.")

    def record(self, kind: Record, value: Value, path: KeyPath, line: int) -> object:
        if value is None:
            value = _nothing(line)
        if not isinstance(value, Mapping):
            return self.wrong(kind, value, path, line)
        sound = self.keys(kind, value, path)
        for key in kind.required:
            if key not in value:
                says, fix = f"{_dotted(path)} has no '{key}'.", f"Add '{key}:' with {kind.keys[key].wants}."
                self.report(path, line, says, fix)
        return sound if all(key in sound for key in kind.required) else _FAULTY

    def keys(self, kind: Record, value: Mapping, path: KeyPath) -> dict[str, Any]:
        sound = {}
        for key, inner in value.items():
            line, place = value.lines[key], (*path, key)
            if (expected := kind.keys.get(key)) is None:
                self.report(
                    place, line, f"{_dotted(path) or 'the top level'} takes no '{shown(key)}'.", self.home(key, kind)
                )
            elif inner is not None or key not in kind.optional:
                taken = self.take(expected, inner, place, line)
                if taken is not _FAULTY:
                    sound[key] = taken
        return sound

    def home(self, key: str, kind: Record) -> str:
        """Say which key was meant, or where it belongs."""
        if (kebab := _kebab(key)) in kind.keys:
            return f"Write '{kebab}'."
        if near := self.suggestions.near(kebab, kind.keys, cutoff=0.8):
            return near
        if homes := kinds.homes(kebab):
            inside = [home for home in homes if home.strip("'") in kind.keys]
            return f"'{kebab}' belongs in {listed(inside or homes, 'or')}."
        return self.suggestions.near(kebab, kind.keys) or f"Its keys are {listed(kind.keys, 'and')}."

    def named(self, kind: Named, value: Value, path: KeyPath, line: int) -> object:
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            example = f"{{{_first_word(value)}: {_example(kind.value)}}}"
            return self.wrong(kind, value, path, line, f"Write a map, such as {example}.")
        sound = {}
        for key, inner in value.items():
            place, at = (*path, key), value.lines[key]
            taken = self.take(kind.value, inner, place, at)
            if key in _TRUTHS:
                says = f"a name in {_dotted(path)} is read as {key}, as are {_TRUTHS[key]}."
                self.report(place, at, says, "Write it in quotes, or rename it.")
            elif not kind.name.fits(key):
                kebab = _kebab(key)
                fix = f"Write '{kebab}'." if kind.name.fits(kebab) else f"Write {kind.name.wants}."
                self.report(place, at, f"'{shown(key)}' in {_dotted(path)} is not a name.", fix)
            elif taken is not _FAULTY:
                sound[key] = taken
        return sound

    def many(self, kind: Many, value: Value, path: KeyPath, line: int) -> object:
        if value is None:
            value = _no_items(line)
        if not isinstance(value, Sequence):
            simple = not isinstance(kind.item, TextOrRecord)
            names = [shown(name) for name in value][:3] if isinstance(value, Mapping) else [_first_word(value)]
            fix = f"Write a list, such as [{', '.join(names)}]." if simple else "Write a list, each item after '- '."
            return self.wrong(kind, value, path, line, fix)
        sound, seen = [], set()
        for index, item in enumerate(value):
            place, at = (*path, index), value.lines[index]
            taken = self.take(kind.item, item, place, at)
            if taken is _FAULTY:
                continue
            if kind.distinct:
                if taken in seen:
                    self.report(place, at, f"{_dotted(path)} names '{shown(taken)}' twice.", "Remove one.")
                    continue
                seen.add(taken)
            sound.append(taken)
        if len(value) < kind.least:
            says = f"{_dotted(path)} has {len(value) or 'no'} item{'s' * (len(value) != 1)}."
            return self.report(path, line, says, f"Name at least {kind.least}.")
        return sound if len(sound) >= kind.least else _FAULTY

    def text(self, kind: Text, value: Value, path: KeyPath, line: int) -> object:
        if not isinstance(value, str):
            return self.unquoted(kind, value, path, line)
        if kind.fits(value):
            return value
        said = f"'{shown(value)}'" if kind.pattern else f"{len(value)} characters long"
        return self.report(
            path, line, f"{_called(path)} is {said if value else 'an empty text'}.", f"Write {kind.wants}."
        )

    def unquoted(self, kind: Text, value: Value, path: KeyPath, line: int) -> object:
        """Tell a user whose text is not read as text to quote it, where it would then fit."""
        key = f"{shown(path[-1])}: " if isinstance(path[-1], str) else "- "
        if isinstance(value, bool) and kind.fits(word := "yes" if value else "no"):
            says = f"{_called(path)} is {_found(value)}, as are {_TRUTHS[str(value).lower()]}."
            return self.report(path, line, says, f'Write it in quotes: {key}"{word}".')
        if not isinstance(value, int | float) or isinstance(value, bool):
            return self.wrong(kind, value, path, line)
        if kind.cpus and _LEAST_CPUS <= value <= _MOST_CPUS:
            return str(value) if isinstance(value, int) else f"{round(value * 1000)}m"
        if kind.cpus or not kind.fits(str(value)):
            return self.wrong(kind, value, path, line)
        says = f"{_called(path)} is read as the number {value}."
        return self.report(path, line, says, f'Write it in quotes, with every digit that you mean: {key}"{value}".')

    def choice(self, kind: Choice, value: Value, path: KeyPath, line: int) -> object:
        if isinstance(value, str):
            if value in kind.options:
                return value
            near = self.suggestions.near(_kebab(value), kind.options)
            says = f"{_called(path)} is '{shown(value)}', which is not one of its choices."
            return self.report(path, line, says, near or f"Write {kind.wants}.")
        return self.wrong(kind, value, path, line)

    def number(self, kind: Number, value: Value, path: KeyPath, line: int) -> object:
        if isinstance(value, bool) or not isinstance(value, int | float):
            bare = _bare_number(value)
            fits = bare is not None and kind.fits(bare)
            return self.wrong(kind, value, path, line, f"Write {bare} alone, without quotes." if fits else "")
        if not kind.fits(value) or (kind.whole and value % 1):
            return self.wrong(kind, value, path, line)
        return int(value) if kind.whole else float(value)

    def truth(self, kind: Truth, value: Value, path: KeyPath, line: int) -> object:
        return value if isinstance(value, bool) else self.wrong(kind, value, path, line)

    def day(self, kind: Day, value: Value, path: KeyPath, line: int) -> object:
        if not isinstance(value, str) or not _DATE.fullmatch(value):
            return self.wrong(kind, value, path, line)
        try:
            date.fromisoformat(value)
        except ValueError:
            return self.report(
                path, line, f"{_called(path)} is {value}, a day that no calendar has.", f"Write {kind.wants}."
            )
        return value

    def text_or_record(self, kind: TextOrRecord, value: Value, path: KeyPath, line: int) -> object:
        if isinstance(value, str):
            return self.text(kind.text, value, path, line)
        if isinstance(value, Mapping):
            return self.record(kind.record, value, path, line)
        return self.wrong(kind, value, path, line)


_TAKE: Final[dict[type, Callable[..., object]]] = {
    Text: _Examination.text,
    Choice: _Examination.choice,
    Number: _Examination.number,
    Truth: _Examination.truth,
    Day: _Examination.day,
    Many: _Examination.many,
    Named: _Examination.named,
    Record: _Examination.record,
    TextOrRecord: _Examination.text_or_record,
}


def _dotted(path: KeyPath) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{shown(step)}" for step in path)[1:]


def _called(path: KeyPath) -> str:
    return f"an item of {_dotted(path[:-1])}" if isinstance(path[-1], int) else _dotted(path)


def _found(value: Value) -> str:
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return f"read as {str(value).lower()}"
    if isinstance(value, str):
        return f"the text '{shown(value)}'"
    return "a map" if isinstance(value, Mapping) else "a list" if isinstance(value, Sequence) else f"the number {value}"


def _kebab(word: str) -> str:
    """Spell whenDown, when_down and 'When down' as when-down."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[_\s]+", "-", word[:_LONGEST]).lower()


def _bare_number(value: Value) -> int | float | None:
    """Read a number that was quoted, or written with a percent sign."""
    if not isinstance(value, str) or not (found := _NUMBER.fullmatch(value)):
        return None
    return float(found[1]) if "." in found[1] else int(found[1])


def _first_word(value: Value) -> str:
    """Give a word out of *value* for an example."""
    while isinstance(value, Sequence | Mapping) and value:
        value = next(iter(value))
    return shown(str(value)) if isinstance(value, str | int | float) and not isinstance(value, bool) else "name"


def _example(kind: Kind) -> str:
    if isinstance(kind, Record):
        return "{" + ", ".join(f"{key}: ..." for key in kind.required) + "}"
    return kind.options[0] if isinstance(kind, Choice) else "..."


def _nothing(line: int) -> Mapping:
    value = Mapping()
    value.line, value.lines = line, {}
    return value


def _no_items(line: int) -> Sequence:
    value = Sequence()
    value.line, value.lines = line, []
    return value
