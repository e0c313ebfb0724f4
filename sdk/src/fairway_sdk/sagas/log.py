"""The log of sagas in a service's store: started, changed by their owners only, taken over when a lease has ended."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
import sqlalchemy as sa
import structlog
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from fairway_sdk.clock import Clock
from fairway_sdk.sagas.course import ABANDONED, ENDED, MOVING, STUCK, Kept
from fairway_sdk.sagas.statements import writes
from fairway_sdk.sagas.table import KEPT, SAGA, kept_of, row_of
from fairway_sdk.sagas.writer import Writer
from fairway_sdk.stores.now import store_now
from fairway_sdk.stores.sql import SqlStore

log = structlog.get_logger("fairway")

FORGOTTEN_AT_ONCE: Final = 500  # rows
UNREADABLE: Final = "its log cannot be read by the code of now"


class Seen(Struct, frozen=True, kw_only=True):
    """A saga as an operator sees it; times are seconds since the epoch."""

    kept: Kept
    created: float
    progressed: float
    due: float | None
    now: float
    readable: bool = True  # else its log was written by newer code, or is damaged, and is not shown

    @property
    def owned(self) -> bool:
        """Tell whether somebody works on it now."""
        return bool(self.kept.owner) and self.due is not None and self.due > self.now


class Count(Struct, frozen=True, kw_only=True):
    """How many sagas of one name are in a state, and the age in seconds of the oldest."""

    saga: str
    state: str
    number: int
    oldest: float


class Log:
    """All reading and writing of sagas; each change but `take` needs the version that its writer knows."""

    def __init__(self, store: SqlStore, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.writer = Writer(store, clock)

    async def insert(self, kept: Kept, alias: str, wait: float) -> bool:
        """Add a saga that is due after so many seconds; false where its id is taken."""
        return await self.writer.insert(_new_row(kept, alias, wait))

    async def insert_in(self, connection: AsyncConnection, kept: Kept, alias: str) -> bool:
        """Add a saga, due at once, by somebody's transaction; false where its id is taken."""
        write = writes(self.clock)["insert"]
        row = _new_row(kept, alias, 0.0)
        if self.store.kind == "postgresql":
            return (await connection.scalar(write.many, write.given_many([row]))) is not None
        return (await connection.execute(write.one, write.given(row))).rowcount > 0

    async def change(self, kept: Kept, wait: float | None, *, moved: bool) -> bool:
        """Record where a saga stands, over the version before; none for `wait`: nobody takes it by itself."""
        return await self.writer.change(row_of(kept) | {"wait": wait, "moved": moved})

    async def change_in(self, connection: AsyncConnection, kept: Kept, wait: float | None) -> bool:
        """Record progress by a step's own transaction."""
        write = writes(self.clock)["change"]
        row = row_of(kept) | {"wait": wait, "moved": True}
        return (await connection.execute(write.one, write.given(row))).rowcount > 0

    async def renew(self, identity: str, owner: str, lease: float) -> bool:
        """Renew an owner's lease; false where the saga is another's."""
        return await self.writer.renew({"id": identity, "owner": owner, "wait": lease})

    async def read(self, identity: str, within: AsyncConnection | None = None) -> Kept | None:
        """Read one saga, within somebody's transaction where one is given."""
        asked = sa.select(*KEPT).where(SAGA.c.id == identity)
        if within is not None:
            row = (await within.execute(asked)).one_or_none()
        else:
            async with self._reading() as connection:
                row = (await connection.execute(asked)).one_or_none()
        return None if row is None else kept_of(row)

    async def take(self, owner: str, names: Sequence[str], most: int, lease: float) -> list[tuple[Kept, str]]:
        """Take sagas that are due, with their owners before; rows that another replica is taking are passed over."""
        now = store_now(self.clock)
        found = sa.select(*KEPT).where(SAGA.c.due <= now, SAGA.c.state.in_(MOVING), SAGA.c.saga.in_(names))
        found = found.order_by(SAGA.c.due).limit(most).with_for_update(skip_locked=True)
        rows: list[Kept] = []
        unreadable: list[str] = []
        async with self.store.engine.begin() as connection:
            for row in await connection.execute(found):
                try:
                    rows.append(kept_of(row))
                except msgspec.DecodeError:  # of newer code, or damaged: it must not keep the others from being taken
                    unreadable.append(row.id)
            if unreadable:
                log.error("sagas are stuck: their log cannot be read", ids=unreadable)
                stuck = SAGA.update().where(SAGA.c.id.in_(unreadable))
                further = {"owner": "", "due": None, "trouble": UNREADABLE, "version": SAGA.c.version + 1}
                await connection.execute(stuck.values(state=STUCK, **further))
            if rows:
                taken = SAGA.update().where(SAGA.c.id.in_([kept.id for kept in rows]))
                await connection.execute(taken.values(owner=owner, version=SAGA.c.version + 1, due=now + lease))
        return [(replace(kept, owner=owner, version=kept.version + 1), kept.owner) for kept in rows]

    async def let_go(self, owner: str) -> None:
        """Let others take at once what an owner leaves in the middle; its name stays, so a step may be in doubt."""
        async with self.store.engine.begin() as connection:
            mine = SAGA.update().where(SAGA.c.owner == owner, SAGA.c.state.in_(MOVING))
            await connection.execute(mine.values(due=store_now(self.clock)))

    async def forget(self) -> int:
        """Remove sagas that ended long enough ago: their `due` has come. Gives their number."""
        old = sa.select(SAGA.c.id).where(SAGA.c.due <= store_now(self.clock), SAGA.c.state.in_(ENDED))
        async with self.store.engine.begin() as connection:
            found = list(await connection.scalars(old.limit(FORGOTTEN_AT_ONCE).with_for_update(skip_locked=True)))
            if found:
                await connection.execute(SAGA.delete().where(SAGA.c.id.in_(found)))
        return len(found)

    async def counts(self, stuck_after: Mapping[str, float], otherwise: float) -> list[Count]:
        """Count sagas under way; one without progress for longer than its name allows counts as stuck."""
        now = store_now(self.clock)
        patience: Any = sa.literal(otherwise)
        if stuck_after:
            patience = sa.case(dict(stuck_after), value=SAGA.c.saga, else_=otherwise)
        still = SAGA.c.progressed < now - patience
        state = sa.case((still, STUCK), else_=SAGA.c.state).label("seen_as")
        under_way = SAGA.c.state.in_((*MOVING, STUCK))
        counted = sa.select(SAGA.c.saga, state, sa.func.count(), now - sa.func.min(SAGA.c.created)).where(under_way)
        async with self._reading() as connection:
            rows = (await connection.execute(counted.group_by(SAGA.c.saga, state))).all()
        return [Count(saga=saga, state=seen, number=number, oldest=age) for saga, seen, number, age in rows]

    async def seen(
        self, *, identity: str | None = None, states: Sequence[str] = (), saga: str = "", most: int = 100
    ) -> list[Seen]:
        """Give sagas for an operator, the oldest first."""
        further = (SAGA.c.progressed, SAGA.c.due, store_now(self.clock).label("now"))
        found = sa.select(*KEPT, *further).order_by(SAGA.c.created).limit(most)
        if identity is not None:
            found = found.where(SAGA.c.id == identity)
        if states:
            found = found.where(SAGA.c.state.in_(states))
        if saga:
            found = found.where(SAGA.c.saga == saga)
        async with self._reading() as connection:
            rows = (await connection.execute(found)).all()
        return [_seen(row) for row in rows]

    async def put_back(self, kept: Kept, wait: float) -> bool:
        """Record an operator's decision; false where the saga has changed since it was read."""
        write = writes(self.clock)["change"]
        row = row_of(kept) | {"wait": wait, "moved": kept.state != ABANDONED}
        async with self.store.engine.begin() as connection:
            return (await connection.execute(write.one, write.given(row))).rowcount > 0

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[AsyncConnection]:
        async with self.store.engine.begin() as connection:
            yield connection


def _seen(row: Any) -> Seen:
    times = {"created": row.created, "progressed": row.progressed, "due": row.due, "now": row.now}
    try:
        return Seen(kept=kept_of(row), **times)
    except msgspec.DecodeError:
        return Seen(kept=kept_of(row, log=False), readable=False, **times)


def _new_row(kept: Kept, alias: str, wait: float) -> dict[str, Any]:
    return row_of(kept) | {
        "saga": kept.saga,
        "document": kept.document,
        "person": kept.person,
        "alias": alias,
        "tenant": kept.tenant,
        "trace": kept.trace,
        "wait": wait,
    }
