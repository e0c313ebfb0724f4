"""How a row's person and the row itself are named, always the same however their values are held."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

NameRow = Callable[[Mapping[str, Any]], bytes | None]


def spelt(column: sa.Column[Any], person: object) -> str:
    """Spell a person as a column holds them; empty for nobody."""
    if person is None:
        return ""
    return str(UUID(str(person))) if isinstance(column.type, sa.Uuid) else str(person)


def row_namer(identity: Sequence[tuple[str, sa.Column[Any]]]) -> NameRow:
    """Give what names a row by its primary key; none where that is not known yet, or may come back spelt otherwise."""
    # A text comes back from the store as it was written, unless its column's type reads it its own way.
    exact = {
        key: isinstance(column.type, sa.String) and not isinstance(column.type, sa.Enum) for key, column in identity
    }

    def part(key: str, value: object) -> bytes | None:
        if type(value) is str:
            return value.encode() if exact[key] else None
        return str(value).encode() if type(value) is int or isinstance(value, UUID) else None

    def name(values: Mapping[str, Any]) -> bytes | None:
        parts = [part(key, values.get(key)) for key in exact]
        return None if None in parts else b"\0".join(parts)  # type: ignore[arg-type]  # none is none

    if len(exact) > 1:
        return name
    (only,) = exact
    return lambda values: part(only, values.get(only))
