"""The table of the keys of persons, and every statement on it; the same on PostgreSQL, MySQL and SQLite."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from fairway_sdk.contract import TABLE_PREFIX
from fairway_sdk.personal.boxes import ALIAS
from fairway_sdk.stores.schema import tables

ROOT: Final = "*"  # the row of the keyring's root: no person's alias, since those are hexadecimal
Row = sa.Row[*tuple[Any, ...]]
AT_ONCE: Final = 500  # rows of one statement

person_key = sa.Table(
    f"{TABLE_PREFIX}person_key",
    tables,
    sa.Column("alias", sa.String(ALIAS), primary_key=True),
    sa.Column("wrapped", sa.LargeBinary(255)),  # none once the person is erased: the row stays as a tombstone
    sa.Column("master", sa.String(16), nullable=False, server_default=""),  # the fingerprint of what wrapped it
    sa.Column("created", sa.Double, nullable=False),
    sa.Column("erased", sa.Double),
    sa.Column("held", sa.String(500)),  # why it may not be erased
)
# Erasures are noted in the service's own stores, too: a keyring that came back from a backup forgot the latest ones.
erasure = sa.Table(
    f"{TABLE_PREFIX}erasure",
    tables,
    sa.Column("alias", sa.String(ALIAS), primary_key=True),
    sa.Column("erased", sa.Double, nullable=False),
)

_c = person_key.c
_READ = sa.select(_c.alias, _c.wrapped, _c.master, _c.erased).where(
    _c.alias.in_(sa.bindparam("aliases", expanding=True))
)
_HELD = sa.select(_c.alias, _c.held).where(_c.alias.in_(sa.bindparam("aliases", expanding=True)), _c.held.is_not(None))
_ERASE = (
    sa.update(person_key)
    .where(_c.alias == sa.bindparam("whose"), _c.erased.is_(None), _c.held.is_(None))
    .values(wrapped=None, master="", erased=sa.bindparam("at"))
)
_REWRAP = (
    sa.update(person_key)
    .where(_c.alias == sa.bindparam("whose"), _c.master == sa.bindparam("old"))
    .values(wrapped=sa.bindparam("new"), master=sa.bindparam("by"))
)


def chunks(aliases: Iterable[str]) -> list[list[str]]:
    """Sort aliases, so that two writers never wait for each other in a ring, and cut them into statements."""
    ordered = sorted(set(aliases))
    return [ordered[start : start + AT_ONCE] for start in range(0, len(ordered), AT_ONCE)]


async def read(connection: AsyncConnection, aliases: Iterable[str]) -> list[Row]:
    """Give the rows (alias, wrapped, master, erased) that are there."""
    found: list[Row] = []
    for some in chunks(aliases):
        found += await connection.execute(_READ, {"aliases": some})
    return found


async def add(connection: AsyncConnection, table: sa.Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert rows whose alias is not there yet; of two writers one wins, and neither fails."""
    if not rows:
        return
    statement: sa.Insert
    match connection.dialect.name:
        case "postgresql":
            statement = postgresql.insert(table).on_conflict_do_nothing()
        case "sqlite":
            statement = sqlite.insert(table).on_conflict_do_nothing()
        case _:  # `insert ignore` of MySQL would ignore other faults, too
            statement = mysql.insert(table).on_duplicate_key_update(alias=table.c.alias)
    await connection.execute(statement, rows)


async def erase(connection: AsyncConnection, alias: str, at: float) -> bool:
    """Destroy a key unless it is held, and leave a tombstone; false where nothing was changed."""
    done = await connection.execute(_ERASE, {"whose": alias, "at": at})
    return done.rowcount > 0


async def holds(connection: AsyncConnection, aliases: Iterable[str]) -> dict[str, str]:
    """Give the reasons of those who are under hold."""
    found: dict[str, str] = {}
    for some in chunks(aliases):
        found.update((row.alias, row.held) for row in await connection.execute(_HELD, {"aliases": some}))
    return found


async def hold(connection: AsyncConnection, alias: str, reason: str | None) -> bool:
    """Put a person under hold, or release them; false where the person is erased."""
    statement = sa.update(person_key).where(_c.alias == alias, _c.erased.is_(None))
    await connection.execute(statement.values(held=reason))
    found = await connection.scalar(sa.select(sa.true()).where(_c.alias == alias, _c.erased.is_(None)))
    return bool(found)


async def wrapped_otherwise(connection: AsyncConnection, master: str, after: str) -> Sequence[Row]:
    """Give the next rows (alias, wrapped, master), by their aliases, that another master key wrapped."""
    statement = (
        sa.select(_c.alias, _c.wrapped, _c.master)
        .where(_c.alias > after, _c.master != master, _c.wrapped.is_not(None))
        .order_by(_c.alias)
        .limit(AT_ONCE)
    )
    return (await connection.execute(statement)).all()


async def rewrap(connection: AsyncConnection, rows: Sequence[Mapping[str, object]]) -> None:
    """Put new wrappings (whose, old, new, by) in place; a row that was erased meanwhile stays erased."""
    if rows:
        await connection.execute(_REWRAP, rows)


async def tombstones(connection: AsyncConnection, table: sa.Table, since: float, after: str) -> Sequence[Row]:
    """Give the next erasures (alias, erased), by their aliases, since a time in seconds since the epoch."""
    columns = table.c
    statement = sa.select(columns.alias, columns.erased).where(columns.erased >= since, columns.alias > after)
    return (await connection.execute(statement.order_by(columns.alias).limit(AT_ONCE))).all()


async def held(connection: AsyncConnection, after: str) -> Sequence[Row]:
    """Give the next rows (alias, held), by their aliases, of persons under hold."""
    statement = sa.select(_c.alias, _c.held).where(_c.held.is_not(None), _c.alias > after)
    return (await connection.execute(statement.order_by(_c.alias).limit(AT_ONCE))).all()
