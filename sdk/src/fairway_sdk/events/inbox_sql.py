"""The inbox in a SQL store: an event's effect and the mark that it is handled are one transaction."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.mysql import insert as mysql_insert
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from fairway_sdk.contract.binding import Consumed
from fairway_sdk.events.failures import Failure
from fairway_sdk.events.inbox import CRASHED, GRACE, Arrived, LostLeaseError, Taken
from fairway_sdk.events.parked_rows import ParkedRows
from fairway_sdk.events.tables import DUE, HANDLED, INBOX, PARKED, UNKNOWN
from fairway_sdk.stores.now import store_now

if TYPE_CHECKING:
    from fairway_sdk.service import Service
    from fairway_sdk.stores.transaction import Transaction

ROUND: Final = 2000  # rows that one statement forgets
UNHANDLED: Final = Failure(reason="no handler of its kind exists any more")


class SqlInbox:
    """The inbox of a service in one of its SQL stores."""

    transactional = True

    def __init__(self, service: "Service", store: str) -> None:
        self.store = store
        self._service = service
        self._consumer = service.name
        self._clock = service.clock
        self._sql = service.stores.sql(store)
        self._letters = ParkedRows(self._sql, INBOX, service.clock, service.name)
        self.dead_letters = self._letters.dead_letters
        self.redrive = self._letters.redrive
        self.drop = self._letters.drop
        self.purge = self._letters.purge
        self.of_person = self._letters.of_person
        self.erase_person = self._letters.erase_person

    async def accept(self, arrived: Sequence[Arrived]) -> int:
        """Keep what came in, and tell how much of it is new; what is there already stays as it is."""
        async with self._sql.connection() as connection:
            now: float = (await connection.execute(sa.select(store_now(self._clock)))).scalar_one()
            # In one order everywhere: two replicas with the same events must not wait for each other in a ring.
            wanted = sorted({each.id: each for each in arrived}.values(), key=lambda each: each.id)
            rows = [self._row(each, now) for each in wanted]
            if connection.dialect.name in {"mysql", "mariadb"}:
                before = await self._present(connection, rows)
                await connection.execute(mysql_insert(INBOX).on_duplicate_key_update(id=INBOX.c.id), rows)
                return len(rows) - before
            insert = postgresql_insert if connection.dialect.name == "postgresql" else sqlite_insert
            added = insert(INBOX).on_conflict_do_nothing().returning(INBOX.c.id)
            return len((await connection.execute(added, rows)).all())

    def _row(self, each: Arrived, now: float) -> dict[str, Any]:
        kept_aside = not each.failure and not each.known
        failure = each.failure or Failure(reason="")
        return {
            "id": each.id,
            "consumer": self._consumer,
            "channel": each.channel,
            "kind": each.kind,
            "event": each.event,
            "lane": each.lane,
            "number": each.number,
            "after": each.after,
            "alias": each.alias,
            "document": each.document,
            "received_at": now,
            "state": PARKED if each.failure else UNKNOWN if kept_aside else DUE,
            "due_at": now + (self._bound(each.channel).remembered if kept_aside else 0),
            "owner": "",
            "attempts": 0,
            "failed_at": 0.0,
            **_told(failure),
        }

    async def take(self, channel: str, kinds: Collection[str], limit: int, bound: Consumed) -> Sequence[Taken]:
        """Take what is due under a lease. Of a lane only the first, and that once the one before it has come."""
        owner = uuid4().hex
        async with self._sql.connection() as connection:
            found = (await connection.execute(self._due(channel, kinds, limit, bound))).all()
            if not found:
                return ()
            spent = [row.id for row in found if row.attempts >= bound.retries.tries]
            taken = [row for row in found if row.attempts < bound.retries.tries]
            if spent:
                await connection.execute(
                    INBOX.update().where(INBOX.c.id.in_(spent)).values(self._dead(Failure(reason=CRASHED)))
                )
            lease = {
                "owner": owner,
                "attempts": INBOX.c.attempts + 1,
                "due_at": store_now(self._clock) + bound.timeout + GRACE,
            }
            if taken:
                ids = [row.id for row in taken]
                await connection.execute(INBOX.update().where(INBOX.c.id.in_(ids)).values(lease))
        return [
            Taken(
                id=row.id,
                channel=channel,
                lane=row.lane,
                document=row.document,
                attempts=row.attempts + 1,
                waited=float(row.waited),
                owner=owner,
            )
            for row in taken
        ]

    def _due(self, channel: str, kinds: Collection[str], limit: int, bound: Consumed) -> sa.Select[Any]:
        row, other, before = INBOX.c, INBOX.alias(), INBOX.alias()
        # A subquery is asked once, so that an index serves: the store's clock runs on within a statement.
        now = sa.select(store_now(self._clock)).scalar_subquery()
        ahead = sa.or_(
            other.c.number < row.number,
            sa.and_(other.c.number == row.number, other.c.id < row.id),
            sa.and_(other.c.owner != "", other.c.due_at > now, other.c.id != row.id),
        )
        first = ~sa.exists().where(other.c.lane == row.lane, other.c.state == DUE, ahead)
        complete = sa.or_(
            row.after == 0,
            row.received_at < now - bound.late,
            row.after < (now - bound.remembered) * 1e6,  # numbers are near the time: the one before may be forgotten
            sa.exists().where(before.c.lane == row.lane, before.c.number == row.after),
        )
        return (
            sa.select(row.id, row.lane, row.document, row.attempts, (now - row.received_at).label("waited"))
            .where(row.consumer == self._consumer, row.channel == channel, row.state == DUE, row.due_at <= now)
            .where(row.kind.in_(kinds), sa.or_(row.lane == "", sa.and_(first, complete)))
            .order_by(row.due_at)
            .limit(limit)
            .with_for_update(skip_locked=True, of=INBOX)
        )

    @asynccontextmanager
    async def handling(self, taken: Taken, bound: Consumed, *, asked: bool) -> "AsyncIterator[Transaction | None]":
        """Run a body in a transaction, if one is asked for, that also marks the event as handled."""
        if asked:
            async with self._sql.begin() as transaction:
                yield transaction
                await self._mark(await transaction.connection(), taken, bound)
        else:
            yield None
            async with self._sql.connection() as connection:
                await self._mark(connection, taken, bound)

    async def _mark(self, connection: AsyncConnection, taken: Taken, bound: Consumed) -> None:
        forget_at = store_now(self._clock) + bound.remembered
        done = {"state": HANDLED, "owner": "", "document": b"", "alias": "", "due_at": forget_at}
        if (await connection.execute(self._held(taken).values(done))).rowcount != 1:
            raise LostLeaseError("the lease ended before the handler did, so another worker has the event now.")

    async def retry(self, taken: Taken, failure: Failure, pause: float, *, counted: bool = True) -> None:
        """Make it due again after so many seconds; a try that is not counted leaves it all the others."""
        now = store_now(self._clock)
        attempts = {} if counted else {"attempts": INBOX.c.attempts - 1}
        again = {**_told(failure), **attempts, "owner": "", "failed_at": now, "due_at": now + pause}
        await self._change(taken, again)

    async def release(self, taken: Taken) -> None:
        """Give it back at once, as if it had not been tried."""
        await self._change(taken, {"owner": "", "attempts": INBOX.c.attempts - 1, "due_at": 0.0})

    async def park(self, taken: Taken, failure: Failure) -> None:
        """Make it a dead letter; its lane goes on."""
        await self._change(taken, self._dead(failure))

    async def settle(self, channels: Mapping[str, Collection[str]], bounds: Mapping[str, Consumed]) -> None:
        """Forget what was remembered long enough, take up kinds that are known by now, park what nobody will handle."""
        now = store_now(self._clock)
        for channel, kinds in channels.items():
            mine = sa.and_(INBOX.c.consumer == self._consumer, INBOX.c.channel == channel)
            known = INBOX.update().where(mine, INBOX.c.state == UNKNOWN, INBOX.c.kind.in_(kinds))
            old = INBOX.c.received_at < now - bounds[channel].remembered
            orphans = INBOX.update().where(mine, INBOX.c.state == DUE, INBOX.c.kind.not_in(kinds), old)
            async with self._sql.connection() as connection:
                await connection.execute(known.values(state=DUE, due_at=now))
                await connection.execute(orphans.values(self._dead(UNHANDLED)))
            while await self._forget(mine) == ROUND:
                pass

    async def _forget(self, mine: sa.ColumnElement[bool]) -> int:
        over = sa.select(INBOX.c.id).where(mine, INBOX.c.state.in_((HANDLED, UNKNOWN)))
        now = sa.select(store_now(self._clock)).scalar_subquery()
        async with self._sql.connection() as connection:
            ids = (await connection.execute(over.where(INBOX.c.due_at <= now).limit(ROUND))).scalars().all()
            if ids:
                await connection.execute(INBOX.delete().where(INBOX.c.id.in_(ids)))
        return len(ids)

    async def waiting(self) -> Mapping[str, int]:
        """Count by channel what is not handled."""
        return await self._count(DUE)

    async def parked(self) -> Mapping[str, int]:
        """Count by channel what is parked."""
        return await self._count(PARKED)

    async def _count(self, state: str) -> Mapping[str, int]:
        query = sa.select(INBOX.c.channel, sa.func.count().label("rows")).group_by(INBOX.c.channel)
        async with self._sql.connection() as connection:
            found = await connection.execute(query.where(INBOX.c.consumer == self._consumer, INBOX.c.state == state))
            return {row.channel: row.rows for row in found}

    async def _present(self, connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> int:
        query = sa.select(sa.func.count()).where(INBOX.c.id.in_([row["id"] for row in rows]))
        return (await connection.execute(query)).scalar_one()

    async def _change(self, taken: Taken, values: Mapping[str, Any]) -> None:
        async with self._sql.connection() as connection:
            await connection.execute(self._held(taken).values(values))

    def _held(self, taken: Taken) -> sa.Update:
        return INBOX.update().where(INBOX.c.id == taken.id, INBOX.c.owner == taken.owner, INBOX.c.state == DUE)

    def _dead(self, failure: Failure) -> dict[str, Any]:
        return {**_told(failure), "state": PARKED, "owner": "", "due_at": store_now(self._clock)}

    def _bound(self, channel: str) -> Consumed:
        return self._service.binding.consumes.get(channel) or self._service.binding.tasks


def _told(failure: Failure) -> dict[str, str]:
    return {"reason": failure.reason, "error": failure.error, "message": failure.message}
