"""What the YAML reader gives: values that know their lines, and the limits they keep."""

from typing import Final, TypeAlias

import msgspec

from fairway.core.errors import Problem

Value: TypeAlias = "bool | int | float | str | Mapping | Sequence | None"

_CHARACTERS_A_NODE = 1000


class Line(int):
    """A line in another file than the rest of its object: what was patched into an object stands elsewhere."""

    file: str

    @classmethod
    def of(cls, number: int, file: str) -> "Line":
        """Give the line of this number in *file*."""
        line = cls(number)
        line.file = file
        return line


def file_of(line: int, file: str) -> str:
    """Name the file that a line of an object stands in; *file* is the object's."""
    return line.file if isinstance(line, Line) else file


class Mapping(dict[str, Value]):
    """A mapping that knows where it starts and the line of each key; only the reader makes one."""

    __slots__ = ("line", "lines")
    line: int
    lines: dict[str, int]


class Sequence(list[Value]):
    """A sequence that knows where it starts and the line of each item; only the reader makes one."""

    __slots__ = ("line", "lines")
    line: int
    lines: list[int]


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """One document of a file and the line where it starts."""

    value: Value
    line: int


class Documents(msgspec.Struct, frozen=True, kw_only=True):
    """All that could be read from a file, and all that is wrong with it."""

    documents: tuple[Document, ...]
    problems: tuple[Problem, ...]


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one file may ask for before it is refused."""

    bytes: int = 32 * 1024 * 1024
    depth: int = 100
    """Collections within collections, aliases written out; up to 300, as Python's stack is short."""
    nodes: int = 2_000_000
    """Keys and scalars count one each, collections two."""
    aliases: int = 100_000
    """Nodes that aliases and merges add to those written."""
    problems: int = 100


DEFAULT: Final = Limits()


def extent(value: Value) -> tuple[int, int]:
    """Count the nodes of *value*, aliases written out, and its levels of collections.

    A string counts one more for each thousand characters, so that long ones cannot multiply unseen.
    """
    size, height, level = 0, 0, [value]
    while level:
        size += sum(1 + len(node) // _CHARACTERS_A_NODE if isinstance(node, str) else 1 for node in level)
        collections = [node for node in level if isinstance(node, Mapping | Sequence)]
        height += bool(collections)
        level = [child for node in collections for child in (node.values() if isinstance(node, Mapping) else node)]
    return size, height
