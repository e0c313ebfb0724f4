"""Several files of facts as one: each name is declared once, and its place is known."""

from collections.abc import Sequence as Parts
from typing import Any, Final, TypeAlias

import msgspec

from fairway.core.errors import Problem
from fairway.declaration import kinds
from fairway.declaration.kinds import Named
from fairway.declaration.shape import KeyPath, Shape
from fairway.yaml.reader import Mapping, Sequence, Value
from fairway.yaml.text import shown

INCLUDE: Final = "include"

_Holder: TypeAlias = tuple[str, Mapping]
"""A file, and the map in it that holds a key."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One file of facts: as it is written, and what of it is sound."""

    file: str
    written: Value
    shape: Shape


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """Where everything is declared."""

    root: str
    sound: bool
    """Whether nothing was left out as faulty, so that what is absent was not written."""
    said: dict[str, _Holder]
    """Each key of the top level, where it is said first."""
    declared: dict[str, dict[str, _Holder]]
    """Each section with all its names, faulty ones too."""
    faulty: frozenset[KeyPath]
    """What has a fault: ("services", "orders") or ("tenants",)."""

    def place(self, path: KeyPath) -> tuple[str, int]:
        """Give the file and line that declare *path*, or as much of its beginning as is written; 0 is the whole file.

        Keys are spelled as in the file; an item is its text, or is counted from 0: ("services", "orders", "stores", 0).
        """
        section, name = (*path, "", "")[:2]
        if holder := self.declared.get(str(section), {}).get(str(name)):
            return holder[0], _line(holder[1], path[1:])
        if holder := self.said.get(str(section)):
            return holder[0], _line(holder[1], path)
        return self.root, 0


def unite(parts: Parts[Part]) -> tuple[Sources, dict[str, Any], list[Problem]]:
    """Join *parts*, the first of which is the root; tell where it all stands, what is sound, and what is said twice."""
    union = _Union()
    for part in parts:
        union.add(part)
    root = parts[0]
    sources = Sources(
        root=root.file,
        sound=not union.problems and not any(part.shape.problems for part in parts),
        said=union.said,
        declared=union.declared,
        faulty=frozenset(fault for part in parts for fault in part.shape.faulty),
    )
    if INCLUDE in root.shape.value:
        union.value[INCLUDE] = root.shape.value[INCLUDE]
    return sources, union.value, union.problems


class _Union:
    """What the parts say so far."""

    def __init__(self) -> None:
        self.said: dict[str, _Holder] = {}
        self.declared: dict[str, dict[str, _Holder]] = {}
        self.value: dict[str, Any] = {}
        self.problems: list[Problem] = []

    def add(self, part: Part) -> None:
        if not isinstance(part.written, Mapping):
            return
        sound = part.shape.value
        for key, value in part.written.items():
            kind = kinds.system().keys.get(key)
            if isinstance(kind, Named):
                self.said.setdefault(key, (part.file, part.written))
                self.section(part.file, key, value, sound.get(key, {}))
            elif kind is not None and key != INCLUDE:
                if key in self.said:
                    self.twice(key, part.file, part.written.lines[key], self.said[key], key)
                    continue
                self.said[key] = part.file, part.written
                if key in sound:
                    self.value[key] = sound[key]

    def section(self, file: str, section: str, written: Value, sound: dict[str, Any]) -> None:
        declared, value = self.declared.setdefault(section, {}), self.value.setdefault(section, {})
        for name in written if isinstance(written, Mapping) else ():
            assert isinstance(written, Mapping)
            if name in declared:
                self.twice(f"{section}.{name}", file, written.lines[name], declared[name], name)
                continue
            declared[name] = file, written
            if name in sound:
                value[name] = sound[name]

    def twice(self, what: str, file: str, line: int, first: _Holder, key: str) -> None:
        says = f"{shown(what)} is declared here and at {first[0]}:{first[1].lines[key]}."
        self.problems.append(Problem(file=file, line=line, says=says, fix="Remove one of the two."))


def _line(value: Value, path: KeyPath) -> int:
    """Follow *path* into *value* and give the line of the last step that is there."""
    line = 0
    for step in path:
        if isinstance(value, Mapping) and isinstance(step, str) and step in value:
            line, value = value.lines[step], value[step]
        elif isinstance(value, Sequence) and (step in value or step in range(len(value))):
            index = step if isinstance(step, int) else value.index(step)
            line, value = value.lines[index], value[index]
        else:
            break
    return line
