"""A transactional store: PostgreSQL, MySQL, or SQLite for tests; one pool, credentials read at each connection."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Literal, TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, async_sessionmaker

from fairway_sdk.contract.binding import Store
from fairway_sdk.errors import UnavailableError
from fairway_sdk.lifecycle import Level
from fairway_sdk.stores.conflicts import is_conflict, pause
from fairway_sdk.stores.engine import open_engine
from fairway_sdk.stores.metrics import UP, forget_connections, tell_connections
from fairway_sdk.stores.transaction import Transaction

if TYPE_CHECKING:
    from sqlalchemy.pool import QueuePool

    from fairway_sdk.service import Service
    from fairway_sdk.stores.migrations.trees import Tree

T = TypeVar("T")
Isolation = Literal["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"]

TRIES = 6  # of a transaction that loses against others: with the pauses between, about half a second


class SqlStore:
    """A bound SQL store as a part of a service."""

    level = Level.STORES

    def __init__(self, service: "Service", name: str, bound: Store) -> None:
        self.name = f"store {name}"
        self.kind = bound.kind
        self.bound = bound
        self.engine = open_engine(bound, service.placement.secrets, name, f"{service.name} {service.replica}")
        self._label = name
        self._service = service
        self._told: str | None = None
        self._lacking: list[Tree] | None = None  # trees that this store may be behind; not known yet
        self._sessions = async_sessionmaker(
            self.engine, class_=Transaction, expire_on_commit=False, info={"service": service, "store": self}
        )

    def transaction(self) -> Transaction:
        """Give a session of its own; see `begin` for one that commits by itself."""
        return self._sessions()

    def begin(self) -> AbstractAsyncContextManager[Transaction]:
        """Run the body in one transaction: committed at its end, rolled back when it raises."""
        return self._sessions.begin()

    def connection(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Run the body in one transaction without an object mapper: what the SDK's own hot paths use."""
        return self.engine.begin()

    async def run(
        self, work: Callable[[Transaction], Awaitable[T]], *, isolation: Isolation | None = None, tries: int = TRIES
    ) -> T:
        """Run `await work(transaction)` in one transaction, and again from its beginning where it lost a conflict.

        A deadlock and a serialization failure are nobody's fault, and only the whole transaction can be repeated: so
        `work` reads and writes by its transaction alone, and changes nothing else that a repetition would change twice.
        What it returns is of the attempt that was committed. After the tries, or the deadline, the conflict is raised.
        """
        attempt = 1
        while True:
            try:
                async with self.begin() as transaction:
                    if isolation is not None:
                        await transaction.connection(execution_options={"isolation_level": isolation})
                    return await work(transaction)
            except DBAPIError as error:
                if attempt >= tries or not is_conflict(error) or not await pause(attempt, self._service.clock):
                    raise
            attempt += 1

    async def start(self) -> None:
        """Open nothing yet: the pool connects when it is first asked."""
        pool: QueuePool = self.engine.sync_engine.pool  # type: ignore[assignment]  # the class that open_engine asks for
        tell_connections(self._label, pool.checkedout, pool.checkedin)

    async def stop(self) -> None:
        """Close every connection."""
        forget_connections(self._label)
        await self.engine.dispose()

    async def unready(self) -> str | None:
        """Ask the store; while all connections are in use the last word holds, since asking would wait its turn."""
        pool: QueuePool = self.engine.sync_engine.pool  # type: ignore[assignment]  # the class that open_engine asks for
        if pool.checkedout() >= pool.size():
            return self._told
        self._told = f"{self.name}: gave no answer"
        up = UP.labels(self._label)
        up.set(0)
        try:
            try:
                await self._ping()
            except UnavailableError:  # a connection from before the store's restart is found dead only by its use
                await self._ping()
        except UnavailableError as error:
            self._told = str(error)
        else:
            up.set(1)
            self._told = await self._behind()
        return self._told

    async def _ping(self) -> None:
        async with self.connection() as connection:
            await connection.exec_driver_sql("select 1")

    async def _behind(self) -> str | None:
        # A schema that once was new enough stays so: it only grows, while older code still runs.
        if self._lacking is None:
            from fairway_sdk.stores.migrations.trees import trees

            self._lacking = await asyncio.to_thread(trees, self._service, self._label)
        if self._lacking:
            from fairway_sdk.stores.migrations.pending import pending

            async with self.connection() as connection:
                found = await pending(connection, self._lacking)
            if found:
                many = "1 migration is" if len(found) == 1 else f"{len(found)} migrations are"
                return f"{self.name}: {many} pending. Run `python -m fairway_sdk migrate MODULE:NAME`."
            self._lacking = []
        return None
