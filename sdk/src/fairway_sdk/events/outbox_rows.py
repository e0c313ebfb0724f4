"""The rows of an outbox as a relay uses them: taken under a lease, deleted when they are safe, parked when refused.

A relay holds no lock while it publishes: a short transaction gives it a batch until a time, and after that time the
batch is anybody's. The taking itself is one relay's at a time, so that none takes an event whose forerunner another one
has. A crash loses a lease or a deletion at worst, which repeats events; so these commits do not wait for the disk.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from fairway_sdk.clock import Clock
from fairway_sdk.events.failures import Failure
from fairway_sdk.events.tables import DUE, LANES, OUTBOX, PARKED, TURN
from fairway_sdk.stores.now import store_now

if TYPE_CHECKING:
    from fairway_sdk.stores.sql import SqlStore

LOCK: Final = 0x66776F78  # of PostgreSQL's advisory locks: whose turn it is
ROUND: Final = 5000  # rows that one statement forgets
CANDIDATES: Final = 100  # rows among which one is chosen to try a broker that seems to be away
RELAY: Final = 20  # letters of an owner that name the relay; the others name the batch


class OutboxRow(msgspec.Struct, frozen=True):
    """An event that waits, as it is taken; its fields are columns of the same names."""

    id: int
    event: str
    channel: str
    kind: str
    key: str
    lane: str
    number: int
    after: int
    person: str
    trace: str
    content: bytes
    made_at: float
    attempts: int
    failed_at: float


TAKEN: Final = tuple(OUTBOX.c[name] for name in OutboxRow.__struct_fields__)


class OutboxRows:
    """The outbox of one store."""

    def __init__(self, store: "SqlStore", clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def take(self, owner: str, limit: int, lease: float) -> Sequence[OutboxRow]:
        """Take the next due rows for so many seconds, in the order of their numbers."""
        if self._store.kind == "mysql" and not await self._any():
            return ()
        values = {"owner": owner, "due_at": store_now(self._clock) + lease}
        async with self._store.connection() as connection:
            await self._turn(connection)
            if self._store.kind == "mysql":
                rows = [OutboxRow(*row) for row in await connection.execute(self._due(owner[:RELAY], limit))]
                if rows:
                    await connection.execute(OUTBOX.update().where(_ids(rows)).values(values))
                return rows
            due = self._due(owner[:RELAY], limit).with_only_columns(OUTBOX.c.id, maintain_column_froms=True)
            taken = OUTBOX.update().where(OUTBOX.c.id.in_(due)).values(values).returning(*TAKEN)
            rows = [OutboxRow(*row) for row in await connection.execute(taken)]
            return sorted(rows, key=lambda row: (row.number, row.id))

    async def take_one(self, owner: str, lease: float) -> Sequence[OutboxRow]:
        """Take one row, if it may be one that never failed: to see whether the broker is back.

        Were it always the first, an event that makes the broker hang up would look like an outage for ever.
        """
        values = {"owner": owner, "due_at": store_now(self._clock) + lease}
        async with self._store.connection() as connection:
            await self._turn(connection)
            rows = [OutboxRow(*row) for row in await connection.execute(self._due(owner[:RELAY], CANDIDATES))]
            first: dict[Any, OutboxRow] = {}
            for row in rows:
                first.setdefault(row.lane or row.id, row)
            if not first:
                return ()
            chosen = min(first.values(), key=lambda row: (row.failed_at, row.number))
            await connection.execute(OUTBOX.update().where(_ids([chosen])).values(values))
            return [chosen]

    async def delete(self, owner: str, rows: Sequence[OutboxRow], *, whole: bool) -> None:
        """Forget what is safe at the broker; a whole batch is found by its numbers, which is quicker."""
        mine = OUTBOX.delete().where(OUTBOX.c.owner == owner)
        if whole:
            low, high = rows[0].number, rows[-1].number
            mine = mine.where(OUTBOX.c.state == DUE, OUTBOX.c.number >= low, OUTBOX.c.number <= high)
        else:
            mine = mine.where(_ids(rows))
        async with self._store.connection() as connection:
            await _lightly(connection)
            await connection.execute(mine)

    async def close(self) -> None:
        """Let go of what is held: nothing, where the pool's connections are used."""

    async def give_back(self, owner: str, rows: Sequence[OutboxRow]) -> None:
        """Make rows due again at once, as if they had not been taken."""
        await self._change(_ids(rows), owner, {"owner": "", "due_at": 0.0})

    async def give_all_back(self, relay: str) -> None:
        """Make all rows due again that a relay has."""
        now = sa.select(store_now(self._clock)).scalar_subquery()
        mine = OUTBOX.update().where(OUTBOX.c.state == DUE, OUTBOX.c.due_at > now, _of(relay))
        async with self._store.connection() as connection:
            await connection.execute(mine.values(owner="", due_at=0.0))

    async def retry(  # noqa: PLR0913 - each is a column of its own
        self, owner: str, row: OutboxRow, *, pause: float, failed_at: float, attempts: int, failure: Failure
    ) -> None:
        """Make a row due again after so many seconds."""
        again = {"owner": "", "due_at": store_now(self._clock) + pause, "failed_at": failed_at, "attempts": attempts}
        await self._change(_ids([row]), owner, {**again, "error": failure.error, "message": failure.message})

    async def park(self, owner: str, row: OutboxRow, attempts: int, failure: Failure) -> None:
        """Make a row a dead letter; its lane goes on."""
        told = {"reason": failure.reason, "error": failure.error, "message": failure.message, "attempts": attempts}
        dead = {**told, "state": PARKED, "owner": "", "due_at": store_now(self._clock)}
        await self._change(_ids([row]), owner, dead)

    async def waiting(self) -> Mapping[str, tuple[int, float]]:
        """Count by channel what is not yet sent, with the age of the oldest in seconds."""
        oldest = store_now(self._clock) - sa.func.min(OUTBOX.c.made_at)
        query = sa.select(OUTBOX.c.channel, sa.func.count(), oldest).where(OUTBOX.c.state == DUE)
        async with self._store.connection() as connection:
            found = await connection.execute(query.group_by(OUTBOX.c.channel))
            return {channel: (count, max(0.0, age)) for channel, count, age in found}

    async def parked(self) -> Mapping[str, int]:
        """Count by channel what is parked."""
        query = sa.select(OUTBOX.c.channel, sa.func.count().label("rows")).where(OUTBOX.c.state == PARKED)
        async with self._store.connection() as connection:
            return {row.channel: row.rows for row in await connection.execute(query.group_by(OUTBOX.c.channel))}

    async def forget_lanes(self, idle: float) -> None:
        """Forget the numbers of keys without an event for so many seconds: the time starts them higher again."""
        old = sa.select(LANES.c.lane).where(
            LANES.c.number < int((self._clock.now() - idle) * 1e6), LANES.c.lane != TURN
        )
        async with self._store.connection() as connection:
            lanes = (await connection.execute(old.order_by(LANES.c.lane).limit(ROUND))).scalars().all()
            if lanes:
                number = LANES.c.number < int((self._clock.now() - idle) * 1e6)
                await connection.execute(LANES.delete().where(LANES.c.lane.in_(lanes), number))

    def _due(self, relay: str | sa.ColumnElement[str], limit: int) -> sa.Select[Any]:
        row, other = OUTBOX.c, OUTBOX.alias()
        now = sa.select(store_now(self._clock)).scalar_subquery()
        # Where another relay has an event, or one waits after a failure, the others of its key wait, too. What this
        # relay has itself it sends before what it takes now.
        busy = sa.select(other.c.lane).where(other.c.state == DUE, other.c.due_at > now, other.c.lane != "")
        busy = busy.where(~_of(relay, other))
        return (
            sa.select(*TAKEN)
            .where(row.state == DUE, row.due_at <= now, sa.or_(row.lane == "", row.lane.not_in(busy)))
            .order_by(row.number, row.id)
            .limit(limit)
        )

    async def _any(self) -> bool:
        query = sa.select(OUTBOX.c.id).where(OUTBOX.c.state == DUE, OUTBOX.c.due_at <= store_now(self._clock)).limit(1)
        async with self._store.connection() as connection:
            return (await connection.execute(query)).first() is not None

    async def _turn(self, connection: AsyncConnection) -> None:
        # SQLite needs nothing: its transactions take the one lock it has.
        if self._store.kind == "postgresql":
            await connection.execute(_TURN_AND_LIGHTLY, {"lock": LOCK})
        elif self._store.kind == "mysql":
            await connection.execute(_TURN_MYSQL)

    async def _change(self, which: sa.ColumnElement[bool], owner: str, values: Mapping[str, Any]) -> None:
        async with self._store.connection() as connection:
            await connection.execute(OUTBOX.update().where(which, OUTBOX.c.owner == owner).values(**values))


_TURN_AND_LIGHTLY = sa.text("select pg_advisory_xact_lock(:lock), set_config('synchronous_commit', 'off', true)")
_LIGHTLY = sa.text("select set_config('synchronous_commit', 'off', true)")
_TURN_MYSQL = sa.text(
    f"insert into {LANES.name} (lane, number, `after`) values ('{TURN}', 0, 0)"  # noqa: S608 - our constants
    " on duplicate key update number = number + 1"
)


async def _lightly(connection: AsyncConnection) -> None:
    """Let this transaction's commit not wait for the disk."""
    if connection.dialect.name == "postgresql":
        await connection.execute(_LIGHTLY)


def _ids(rows: Sequence[OutboxRow]) -> sa.ColumnElement[bool]:
    return OUTBOX.c.id.in_([row.id for row in rows])


def _of(relay: str | sa.ColumnElement[str], table: sa.FromClause = OUTBOX) -> sa.ColumnElement[bool]:
    return sa.func.substr(table.c.owner, 1, RELAY) == relay
