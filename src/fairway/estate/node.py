"""One mapping of a manifest, read without trust: what is missing has a default, what is malformed is reported."""

from collections.abc import Iterator

from fairway.core.errors import Problem
from fairway.estate.fault import quoted
from fairway.yaml.reader import Mapping, Sequence, Value, file_of

NOTHING = Mapping()  # stands for every mapping that is not there
NOTHING.line = 0
NOTHING.lines = {}


FIXES = {
    "a mapping": "Write it as 'key: value' lines.",
    "a list": "Write '- ' before each entry.",
    "text": "Put it in quotes.",
    "one text": "Write one value, in quotes.",
    "a whole number": "Write digits, without quotes.",
    "a whole number or text": "Write one value.",
    "true or false": "Write true or false, without quotes.",
}


class Origin:
    """Where nodes come from: the file, the object in it, and the place where their problems are noted."""

    __slots__ = ("file", "problems", "resource")

    def __init__(self, file: str, problems: set[Problem]) -> None:
        """Take the *file* as it is shown; *problems* is shared by the whole estate."""
        self.file = file
        self.problems = problems
        self.resource = ""

    def report(self, line: int, says: str, fix: str) -> None:
        """Note what is malformed; the same thing is noted once, however often it is asked for."""
        self.problems.add(Problem(file=file_of(line, self.file), line=int(line), says=says, fix=fix))


class Node:
    """A mapping with its path and lines. Asking never raises; null and absent are the same, as for kubectl."""

    __slots__ = ("line", "origin", "path", "value")

    def __init__(self, origin: Origin, value: Mapping, path: str, line: int) -> None:
        """Take the *value*, its dotted *path* in the object, and the *line* of the key that holds it."""
        self.origin = origin
        self.value = value
        self.path = path
        self.line = line

    def __bool__(self) -> bool:
        """Tell whether anything is there."""
        return bool(self.value)

    def has(self, key: str) -> bool:
        """Tell whether *key* is given a value."""
        return self.value.get(key) is not None

    def line_of(self, key: str) -> int:
        """Give the line of *key*, or the nearest line above it where it is not there."""
        return self.value.lines.get(key, self.line)

    def path_of(self, key: str) -> str:
        """Give the dotted path of *key*; a key that itself has dots goes in brackets."""
        if not key:
            return self.path
        if "." in key or "/" in key:
            return f"{self.path}[{key}]"
        return f"{self.path}.{key}" if self.path else key

    def mapping(self, key: str) -> "Node":
        """Go down to the mapping at *key*; an empty one where there is none."""
        value = self.value.get(key)
        if not isinstance(value, Mapping):
            if value is not None:
                self._wrong(key, value, "a mapping")
            value = NOTHING
        return Node(self.origin, value, self.path_of(key), self.line_of(key))

    def items(self, key: str) -> Iterator["Node"]:
        """Go down to each mapping in the list at *key*. An item's path has its name, or else its number."""
        path = self.path_of(key)
        for number, (item, line) in enumerate(self._list(key)):
            if isinstance(item, Mapping):
                name = item.get("name")
                shown = name if isinstance(name, str) and name else number
                yield Node(self.origin, item, f"{path}[{shown}]", line)
            else:
                self._report(f"entry {number + 1} of '{key}'", item, line, "a mapping")

    def text(self, key: str, default: str = "") -> str:
        """Give the text at *key*; a number or truth value there is reported, and taken as it reads."""
        value = self.value.get(key)
        if isinstance(value, str):
            return value
        if value is None:
            return default
        if isinstance(value, bool | int | float):
            self._wrong(key, value, "text")
            return quoted(value)
        self._wrong(key, value, "one text")
        return default

    def texts(self, key: str) -> tuple[str, ...]:
        """Give the texts in the list at *key*."""
        found = []
        for number, (item, line) in enumerate(self._list(key)):
            if not isinstance(item, str):
                self._report(f"entry {number + 1} of '{key}'", item, line, "text")
            if isinstance(item, str | int | float):
                found.append(item if isinstance(item, str) else quoted(item))
        return tuple(found)

    def number(self, key: str) -> int | None:
        """Give the whole number at *key*."""
        value = self.value.get(key)
        if isinstance(value, bool) or not isinstance(value, int | None):
            self._wrong(key, value, "a whole number")
            return None
        return value

    def number_or_text(self, key: str) -> int | str | None:
        """Give what *key* holds where both are allowed: a port's number or name."""
        value = self.value.get(key)
        if isinstance(value, bool) or not isinstance(value, int | str | None):
            self._wrong(key, value, "a whole number or text")
            return None
        return value

    def flag(self, key: str) -> bool:
        """Tell whether *key* is true."""
        value = self.value.get(key)
        if not isinstance(value, bool | None):
            self._wrong(key, value, "true or false")
        return value is True

    def pairs(self, key: str) -> dict[str, str]:
        """Give the mapping of texts at *key*: labels, annotations, data."""
        node = self.mapping(key)
        return {name: node.text(name) for name, value in node.value.items() if value is not None}

    def keys(self, key: str) -> frozenset[str]:
        """Name the keys that are given a value in the mapping at *key*."""
        return frozenset(name for name, value in self.mapping(key).value.items() if value is not None)

    def _list(self, key: str) -> Iterator[tuple[Value, int]]:
        value = self.value.get(key)
        if isinstance(value, Sequence):
            yield from zip(value, value.lines, strict=True)
        elif value is not None:
            self._wrong(key, value, "a list")

    def _wrong(self, key: str, value: Value, wanted: str) -> None:
        self._report(f"'{key}'", value, self.line_of(key), wanted)

    def _report(self, what: str, value: Value, line: int, wanted: str) -> None:
        says = f"{self.origin.resource}: {what} is {_described(value)}, where {wanted} is expected."
        self.origin.report(line, says, FIXES[wanted])


def _described(value: Value) -> str:
    """Name a value's type. The value itself is not shown: it may be a secret."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "text" if isinstance(value, str) else "a number" if isinstance(value, int | float) else quoted(value)
