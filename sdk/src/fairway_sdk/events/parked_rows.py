"""Dead letters among the rows of an inbox or an outbox: listed, put back, removed; and the rows about one person."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from fairway_sdk.clock import Clock
from fairway_sdk.events.inbox import KNOWN_AGAIN, DeadLetter
from fairway_sdk.events.tables import DUE, HANDLED, INBOX, OUTBOX, PARKED
from fairway_sdk.stores.now import store_now

if TYPE_CHECKING:
    from fairway_sdk.stores.sql import SqlStore


class ParkedRows:
    """The dead letters of one of the two tables."""

    def __init__(self, store: "SqlStore", table: sa.Table, clock: Clock, consumer: str = "") -> None:
        self._store = store
        self._table = table
        self._clock = clock
        self._inbox = table is INBOX
        self._prefix = "in-" if self._inbox else "out-"
        self._mine = table.c.consumer == consumer if self._inbox else sa.true()

    async def dead_letters(self, channel: str = "", ids: Collection[str] = (), limit: int = 1000) -> list[DeadLetter]:
        """List dead letters, the oldest first; with ids also their documents."""
        row = self._table.c
        content = row.document if self._inbox else row.content
        since = row.received_at if self._inbox else row.made_at
        columns: list[sa.ColumnElement[Any]] = [
            row.id,
            row.channel,
            row.kind,
            row.event,
            row.lane,
            row.attempts,
            row.due_at,
        ]
        columns += [row.reason, row.error, row.message, since.label("since"), sa.func.length(content).label("size")]
        query = sa.select(*columns, *([content.label("document")] if ids else []))
        query = query.where(self._parked(ids), row.channel == channel if channel else sa.true())
        async with self._store.connection() as connection:
            found = await connection.execute(query.order_by(row.due_at, row.id).limit(limit))
            return [
                DeadLetter(
                    id=f"{self._prefix}{each.id}",
                    channel=each.channel,
                    kind=each.kind,
                    event=each.event,
                    attempts=each.attempts,
                    received=each.since,
                    parked=each.due_at,
                    reason=each.reason,
                    error=each.error,
                    message=each.message,
                    ordered=bool(each.lane),
                    size=each.size,
                    document=each.document if ids else None,
                )
                for each in found
            ]

    async def redrive(self, ids: Collection[str]) -> int:
        """Make dead letters due again, with all their tries."""
        fresh = {"state": DUE, "owner": "", "attempts": 0, "due_at": 0.0, "reason": "", "error": "", "message": ""}
        return await self._change(self._table.update().where(self._parked(ids)).values(**fresh))

    async def drop(self, ids: Collection[str]) -> int:
        """Remove dead letters; an inbox keeps their ids, so that a repetition is known."""
        return await self._remove(self._parked(ids))

    async def purge(self, older_than: float) -> int:
        """Remove dead letters that were parked longer ago than so many seconds."""
        old = self._table.c.due_at < store_now(self._clock) - older_than
        return await self._remove(sa.and_(self._mine, self._table.c.state == PARKED, old))

    async def of_person(self, alias: str) -> list[bytes]:
        """Give the documents about a person."""
        content = self._table.c.document if self._inbox else self._table.c.content
        async with self._store.connection() as connection:
            found = await connection.execute(sa.select(content).where(self._mine, self._table.c.alias == alias))
            return [bytes(document) for (document,) in found if document]

    async def erase_person(self, alias: str) -> int:
        """Remove what is about a person, whatever its state."""
        return await self._remove(sa.and_(self._mine, self._table.c.alias == alias))

    def _parked(self, ids: Collection[str]) -> sa.ColumnElement[bool]:
        wanted = sa.and_(self._mine, self._table.c.state == PARKED)
        if not ids:
            return wanted
        mine = [id_.removeprefix(self._prefix) for id_ in ids if id_.startswith(self._prefix)]
        return sa.and_(
            wanted, self._table.c.id.in_(mine if self._inbox else [int(id_) for id_ in mine if id_.isdigit()])
        )

    async def _remove(self, which: sa.ColumnElement[bool]) -> int:
        if self._inbox:
            forget_at = store_now(self._clock) + KNOWN_AGAIN
            empty = {"state": HANDLED, "document": b"", "alias": "", "owner": "", "due_at": forget_at, "message": ""}
            return await self._change(INBOX.update().where(which).values(**empty))
        return await self._change(OUTBOX.delete().where(which))

    async def _change(self, statement: sa.Update | sa.Delete) -> int:
        async with self._store.connection() as connection:
            return (await connection.execute(statement)).rowcount
