"""Writes what the runs of one process record: many at a time where many are waiting, one at once where it is alone.

A busy service pays one round trip and one flush to disk for the steps of many sagas. Nobody waits for company: what
comes while one statement is under way goes together in the next one.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from fairway_sdk.clock import Clock
from fairway_sdk.sagas.loop import PATIENCE
from fairway_sdk.sagas.nap import raise_if_cancelled
from fairway_sdk.sagas.statements import Write, writes
from fairway_sdk.stores.sql import SqlStore

MOST: Final = 100  # rows in one statement
LINGER: Final = 0.05  # seconds for which a connection is kept after the last write: the next step is near

Row = Mapping[str, Any]
Waiting = tuple[Row, asyncio.Future[bool]]


class Writer:
    """Writes rows in the order in which they come; each answer says whether the row was as its writer knew it."""

    def __init__(self, store: SqlStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._waiting: dict[str, list[Waiting]] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._ending = False

    def start(self) -> None:
        """Begin to write."""
        self._ending = False
        self._task = asyncio.create_task(self._serve(), name="write sagas")

    async def stop(self) -> None:
        """Write what is waiting, and end; what cannot be written within a while is told so."""
        self._ending = True
        self._wake.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=PATIENCE)
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        self._fail(ConnectionError("the writer of sagas has stopped"))

    async def insert(self, row: Row) -> bool:
        """Add a saga; false where its id is taken."""
        return await self._put("insert", row)

    async def change(self, row: Row) -> bool:
        """Change a saga; false where it has another version by now, and nothing is written."""
        return await self._put("change", row)

    async def renew(self, row: Row) -> bool:
        """Renew an owner's lease; false where another one has the saga."""
        return await self._put("renew", row)

    async def _put(self, kind: str, row: Row) -> bool:
        if self._task is None or self._task.done():
            raise ConnectionError("the writer of sagas has stopped")
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(kind, []).append((row, future))
        self._wake.set()
        return await future

    async def _serve(self) -> None:
        while True:
            if not self._waiting:
                if self._ending:
                    return
                self._wake.clear()
                await self._wake.wait()
                continue
            try:
                async with self._connection() as connection:
                    while await self._more():
                        await self._write_waiting(connection)
            except Exception as error:  # noqa: BLE001 - those who wait decide what an outage means to them
                raise_if_cancelled()
                self._fail(error)

    def _connection(self) -> contextlib.AbstractAsyncContextManager[AsyncConnection]:
        if self._store.kind == "postgresql":
            return self._store.engine.execution_options(isolation_level="AUTOCOMMIT").connect()
        return self._store.engine.connect()

    async def _more(self) -> bool:
        if not self._waiting and not self._ending:
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LINGER):
                    await self._wake.wait()
        return bool(self._waiting)

    async def _write_waiting(self, connection: AsyncConnection) -> None:
        for kind in tuple(self._waiting):
            waiting = self._waiting[kind]
            batch = waiting[:MOST]
            written = await self._write(connection, writes(self._clock)[kind], [row for row, _ in batch])
            # Only now are they taken away: an error above reaches everybody who waits.
            del waiting[: len(batch)]
            if not waiting:
                del self._waiting[kind]
            for (_, future), answer in zip(batch, written, strict=True):
                if future.done():
                    continue
                if isinstance(answer, Exception):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)

    async def _write(self, connection: AsyncConnection, kind: Write, rows: Sequence[Row]) -> list[bool | Exception]:
        try:
            return list(await self._write_all(connection, kind, rows))
        except DBAPIError as error:
            if error.connection_invalidated or len(rows) == 1:
                raise
        # One row that the store refuses must not keep the others from being written.
        answers: list[bool | Exception] = []
        for row in rows:
            try:
                answers += await self._write_all(connection, kind, [row])
            except DBAPIError as error:
                answers.append(error)
        return answers

    async def _write_all(self, connection: AsyncConnection, kind: Write, rows: Sequence[Row]) -> list[bool]:
        if self._store.kind == "postgresql":
            found = set(await connection.scalars(kind.many, kind.given_many(rows)))
            written = []
            for row in rows:
                written.append(row["id"] in found)
                found.discard(row["id"])  # the same id twice: the first of them was written
            return written
        async with connection.begin():
            return [(await connection.execute(kind.one, kind.given(row))).rowcount > 0 for row in rows]

    def _fail(self, error: Exception) -> None:
        waiting, self._waiting = self._waiting, {}
        self._wake.clear()
        for some in waiting.values():
            for _, future in some:
                if not future.done():
                    future.set_exception(error)
