"""What mapped classes declare about persons, read from each class once it is mapped.

class Customer(Base):
    __tablename__ = "customer"
    __person__ = "reader"    # the attribute that holds the person
    __since__ = "joined"     # the attribute from which the time of keeping counts
    __keep__ = "2y"          # after that a row is deleted; "forever" for never; else the binding's retention holds
    __on_erase__ = "delete"  # or "keep", the default: the row stays, and its personal columns open no more
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from weakref import WeakKeyDictionary

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapper

from fairway_sdk.personal.column_type import INFO, Declared, PersonalColumnError, index_name
from fairway_sdk.personal.durations import seconds
from fairway_sdk.personal.naming import NameRow, row_namer, spelt

ON_ERASE: Final = ("keep", "delete")


class PersonalColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A personal column of a mapped class."""

    key: str  # the attribute
    index_key: str  # the attribute of its blind index; empty where it has none
    place: bytes
    column: sa.Column[Any]
    declared: Declared

    @property
    def index_name(self) -> str:
        """The name of its blind index's column."""
        return index_name(self.column.name)


class PersonalClass(msgspec.Struct, frozen=True, kw_only=True):
    """A mapped class whose rows belong to persons."""

    mapper: Mapper[Any]
    person: str  # the attribute
    spelt_by_text: bool  # two persons differ if their texts do: true of all but UUIDs
    columns: tuple[PersonalColumn, ...]
    identity: tuple[str, ...]  # the attributes of the primary key
    row_of: NameRow  # names a row from its values by attribute
    since: str  # the attribute; empty where none is declared
    keep: str  # as it is declared; empty where it is not
    on_erase: str

    @property
    def name(self) -> str:
        """The name of the class."""
        return self.mapper.class_.__name__

    @property
    def table(self) -> sa.Table:
        """The table of its own rows."""
        table: sa.Table = self.mapper.local_table  # type: ignore[assignment]  # a class on a join has no __person__
        return table

    def person_of(self, values: Mapping[str, Any]) -> str:
        """Give the person of a row from its values by attribute."""
        person = values.get(self.person)
        if type(person) is str and person:
            return person if self.spelt_by_text else spelt(self.column(self.person), person)
        if person is None or person == "":
            raise PersonalColumnError(
                f"{self.name}: has personal columns and nothing in '{self.person}', so nobody's key can seal them. Set"
                " it before the instance is flushed."
            )
        return spelt(self.column(self.person), person)

    def column(self, key: str) -> sa.Column[Any]:
        """Give the column behind an attribute."""
        found: sa.Column[Any] = self.mapper.columns[key]
        return found


_known: "WeakKeyDictionary[Mapper[Any], PersonalClass]" = WeakKeyDictionary()


def personal_class(mapper: Mapper[Any]) -> PersonalClass | None:
    """Give what a mapped class declares; none where its rows belong to nobody. Faults are a `PersonalColumnError`."""
    found = _known.get(mapper)
    if found is None and (person := getattr(mapper.class_, "__person__", "")):
        found = _known[mapper] = _read(mapper, person)
    elif found is None and any(INFO in column.info for column in mapper.columns):
        raise PersonalColumnError(
            f"{mapper.class_.__name__}: has personal columns, and does not say whose. Name the attribute that holds the"
            ' person: __person__ = "reader".'
        )
    return found


def personal_classes() -> list[PersonalClass]:
    """List all mapped classes whose rows belong to persons, by the names of their tables."""
    mappers: set[Mapper[Any]] = {
        sa.inspect(kind) for kind in _subclasses(DeclarativeBase) if "__mapper__" in kind.__dict__
    }
    found = {personal for mapper in {*mappers, *_known} if (personal := personal_class(mapper)) is not None}
    return sorted(found, key=lambda one: (one.table.name, one.name))


def _subclasses(kind: type[Any]) -> Iterator[type[Any]]:
    below: type[Any]
    for below in kind.__subclasses__():
        yield below
        yield from _subclasses(below)


def _read(mapper: Mapper[Any], person: str) -> PersonalClass:
    kind = mapper.class_
    for attribute, key in (("__person__", person), ("__since__", getattr(kind, "__since__", ""))):
        if key and key not in mapper.columns:
            raise PersonalColumnError(f"{kind.__name__}: {attribute} names '{key}', which is no column of it. Mend it.")
    identity = [(key, column) for key, column in mapper.columns.items() if column in mapper.primary_key]
    found = PersonalClass(
        mapper=mapper,
        person=person,
        spelt_by_text=not isinstance(mapper.columns[person].type, sa.Uuid),
        columns=tuple(_columns(mapper)),
        identity=tuple(key for key, _ in identity),
        row_of=row_namer(identity),
        since=getattr(kind, "__since__", ""),
        keep=getattr(kind, "__keep__", ""),
        on_erase=getattr(kind, "__on_erase__", ON_ERASE[0]),
    )
    if found.on_erase not in ON_ERASE:
        raise PersonalColumnError(f"{kind.__name__}: __on_erase__ is '{found.on_erase}'. Write keep or delete.")
    if not found.since and (found.keep or any(column.declared.keep for column in found.columns)):
        raise PersonalColumnError(
            f'{kind.__name__}: says how long it is kept, and not from when. Name the column: __since__ = "created".'
        )
    if found.keep:
        seconds(found.keep)
    return found


def _columns(mapper: Mapper[Any]) -> Iterator[PersonalColumn]:
    keys = {column: key for key, column in mapper.columns.items()}
    for column, key in keys.items():
        declared: Declared | None = column.info.get(INFO)
        if declared is not None:
            index = column.table.columns.get(index_name(column.name)) if declared.searchable else None
            yield PersonalColumn(
                key=key,
                index_key="" if index is None else keys[index],
                place=declared.place(column).encode(),
                column=column,
                declared=declared,
            )
