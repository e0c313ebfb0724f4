"""One migrating job at a time: the others wait, and say for whom."""

import asyncio
import fcntl
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from fairway_sdk.contract.binding import Store
from fairway_sdk.errors import UnavailableError

Tell = Callable[[str], None]

KEY: Final = int.from_bytes(hashlib.sha256(b"fairway migrate").digest()[:8], signed=True)
ASKED_EVERY: Final = 0.5  # seconds
TOLD_EVERY: Final = 10.0  # seconds

TAKE: Final = {
    "postgresql": f"select pg_try_advisory_lock({KEY})",
    # The server knows one such name for all its databases, and it may have 64 characters.
    "mysql": "select get_lock(concat('fairway-', left(sha2(database(), 256), 32)), 0)",
}
GIVE_BACK: Final = {
    "postgresql": f"select pg_advisory_unlock({KEY})",
    "mysql": "select release_lock(concat('fairway-', left(sha2(database(), 256), 32)))",
}
HOLDER: Final = {
    "postgresql": "select a.application_name || ', process ' || a.pid || ', since ' || a.backend_start::timestamp(0)"  # noqa: S608 - our own number
    " from pg_locks l join pg_stat_activity a using (pid) where l.locktype = 'advisory' and l.granted"
    " and l.database = (select oid from pg_database where datname = current_database())"
    f" and (l.classid::bigint << 32 | l.objid::bigint) = {KEY}",
    "mysql": "select concat('connection ', is_used_lock(concat('fairway-', left(sha2(database(), 256), 32))))",
}


@asynccontextmanager
async def turn(connection: AsyncConnection, bound: Store, tell: Tell, wait: float) -> AsyncIterator[None]:
    """Run the body while no other job migrates this store; `UnavailableError` when its turn does not come in time.

    The turn belongs to the connection, or to the process, so a killed job gives it back at once.
    """
    if bound.kind == "sqlite":
        with Path(f"{bound.database}.migrating").open("w") as file:  # noqa: ASYNC230 - once, and on a test's disk
            await _wait(_FileTurn(file.fileno()), tell, wait)
            yield
        return
    await _wait(_StoreTurn(connection, bound.kind), tell, wait)
    try:
        yield
    finally:
        if not connection.closed and not connection.invalidated:
            await connection.rollback()
            await connection.execute(sa.text(GIVE_BACK[bound.kind]))
            await connection.commit()


class _StoreTurn:
    def __init__(self, connection: AsyncConnection, kind: str) -> None:
        self._connection = connection
        self._kind = kind

    async def take(self) -> bool:
        return bool(await self._ask(TAKE[self._kind]))

    async def holder(self) -> str:
        return str(await self._ask(HOLDER[self._kind]) or "one that has just ended")

    async def _ask(self, question: str) -> object:
        answer = (await self._connection.execute(sa.text(question))).scalar()
        await self._connection.commit()
        return answer


class _FileTurn:
    def __init__(self, file: int) -> None:
        self._file = file

    async def take(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    async def holder(self) -> str:
        return "another process"


async def _wait(mine: _StoreTurn | _FileTurn, tell: Tell, wait: float) -> None:
    begun = monotonic()
    told = -TOLD_EVERY
    while not await mine.take():
        waited = monotonic() - begun
        if waited > wait:
            raise UnavailableError(
                f"another job still migrates this store after {wait:g} s: {await mine.holder()}. Look what it does."
            )
        if waited - told >= TOLD_EVERY:
            tell(f"waiting for another job that migrates this store: {await mine.holder()}")
            told = waited
        await asyncio.sleep(ASKED_EVERY)
