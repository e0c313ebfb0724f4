"""The rows of persons in a service's SQL stores: which mapped tables are there, and statements on them."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from fairway_sdk.contract import TABLE_PREFIX
from fairway_sdk.personal.column_type import Sealed
from fairway_sdk.personal.declared import PersonalClass, PersonalColumn, personal_classes
from fairway_sdk.stores.opened import SQL
from fairway_sdk.stores.schema import all_tables

if TYPE_CHECKING:
    from fairway_sdk.service import Service
    from fairway_sdk.stores.sql import SqlStore


class Place:
    """One SQL store of a service, with what in it belongs to persons."""

    def __init__(self, name: str, store: "SqlStore", present: set[str]) -> None:
        self.name = name
        self.store = store
        self.present = present  # the names of its tables
        self.classes = [personal for personal in _children_first() if personal.table.name in present]

    def own_tables(self, beside: Iterable[str] = ()) -> list[sa.Table]:
        """List the SDK's tables here whose rows name persons by an alias; those of events have their own keeper."""
        left_out = {f"{TABLE_PREFIX}{name}" for name in ("person_key", "erasure", "outbox", "inbox", *beside)}
        return [
            table
            for table in all_tables().sorted_tables
            if "alias" in table.columns and table.name in self.present and table.name not in left_out
        ]


@asynccontextmanager
async def opened(service: "Service") -> AsyncIterator[list[Place]]:
    """Open the stores and the keyring of a service, running or not, for an operator's command."""
    from fairway_sdk.events.dead_letters import opened as stores_opened

    service.keyring.masters()  # without a keyring there is nothing to do
    async with stores_opened(service):
        await service.keyring.open()
        places = []
        for name, bound in service.binding.stores.items():
            if bound.kind in SQL:
                store = service.sql(name)
                async with store.connection() as connection:
                    present = await connection.run_sync(lambda one: set(sa.inspect(one).get_table_names()))
                places.append(Place(name, store, present))
        yield places


def _children_first() -> list[PersonalClass]:
    """List the classes so that rows which point to others go before those."""
    by_table: dict[sa.Table, list[PersonalClass]] = {}
    for personal in personal_classes():
        by_table.setdefault(personal.table, []).append(personal)
    ordered = sa.schema.sort_tables(by_table)
    return [personal for table in reversed(ordered) for personal in by_table[table]]


def typed(column: sa.Column[Any], person: str) -> Any:
    """Give a person as a column holds them; none where it cannot hold such a person."""
    try:
        if isinstance(column.type, sa.Uuid):
            return UUID(person) if column.type.as_uuid else person
        return int(person) if isinstance(column.type, sa.Integer) else person
    except ValueError:
        return None


def belongs_to(personal: PersonalClass, person: str) -> sa.ColumnElement[bool]:
    """Give the condition that a row of a class's own table belongs to a person."""
    column = personal.column(personal.person)
    condition: sa.ColumnElement[bool] = column == typed(column, person)
    inherited = personal.mapper.inherit_condition
    if column.table is personal.table or inherited is None:
        return condition
    # The class adds a table to its parent's, and the person stands there.
    return sa.exists().where(inherited, condition).correlate(personal.table)


async def forget_indexes(connection: AsyncConnection, personal: PersonalClass, person: str) -> int:
    """Empty the blind indexes of a person's rows, so that nothing links them any more; tell of how many rows."""
    indexes = [personal.column(column.index_key) for column in _own(personal) if column.index_key]
    if not indexes:
        return 0
    filled = sa.or_(*(index.is_not(None) for index in indexes))
    statement = sa.update(personal.table).where(belongs_to(personal, person), filled)
    return (await connection.execute(statement.values(dict.fromkeys(indexes)))).rowcount


async def delete_rows(connection: AsyncConnection, personal: PersonalClass, person: str) -> int:
    """Delete a person's rows of a class; tell how many."""
    return (await connection.execute(sa.delete(personal.table).where(belongs_to(personal, person)))).rowcount


def emptied(column: PersonalColumn) -> dict[sa.Column[Any], Any]:
    """Give the values that a personal column has when its time of keeping is over."""
    values: dict[sa.Column[Any], Any] = {column.column: None if column.column.nullable else Sealed(b"")}
    if column.declared.searchable:
        values[column.column.table.columns[column.index_name]] = None
    return values


def holds_something(column: PersonalColumn) -> sa.ColumnElement[bool]:
    """Give the condition that a personal column is not empty."""
    return sa.and_(column.column.is_not(None), sa.type_coerce(column.column, sa.LargeBinary) != b"")


def _own(personal: PersonalClass) -> Sequence[PersonalColumn]:
    return [column for column in personal.columns if column.column.table is personal.table]
