"""The keyring: one key a person, shared by all services that share their data, and destroyed once for all of them.

Whoever destroys a key makes every copy of the person's data unreadable: in stores, queues, dead letters and backups of
all services. What stays readable is an older copy of the keyring's own store, a backup or a dead row that the database
has not swept yet, together with the master key of that time. Two things follow. Such copies become useless when the
master key is changed, all keys are wrapped anew (`python -m fairway_sdk rewrap`) and the old master key is destroyed:
do so as often as a backup may live. And a keyring restored from a backup brings keys back, so `person erase --again`
belongs to its restore: erasures are noted in the stores of the services as well, in their logs, and in the lists that
`person erased` prints.

A new master key goes in as the last line of the secret; once all replicas have it, it becomes the first.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
import structlog
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from fairway_sdk.contract.binding import Personal
from fairway_sdk.errors import FairwayError, SetupError, UnavailableError
from fairway_sdk.lifecycle import Background, Level
from fairway_sdk.personal import key_table
from fairway_sdk.personal.boxes import Aliases, DataKey, ErasedError, HeldError, MasterKeys, UnknownPersonError, new_key
from fairway_sdk.personal.key_table import ROOT, Row, person_key

if TYPE_CHECKING:
    from fairway_sdk.service import Service

log = structlog.get_logger("fairway")

CONNECTIONS: Final = 2  # of the keyring's own: a transaction that waits for a key never waits for another transaction
TRIED_EVERY: Final = 0.5  # seconds, until the keyring opens
ENDS_WITHIN: Final = 1.0  # seconds for a question to the store when the service stops
HEAD_START: Final = 1.0  # seconds a start gives it, so that the first request finds it open


class Keyring:
    """The keys of persons as a part of a service; its store is the one that the binding names.

    A key is remembered in the process for `binding.personal.remembered` seconds: an erasure holds at once where it is
    asked for, and everywhere after that time. Keys have connections of their own, which are those of their store where
    nothing else is in it, and on SQLite a file of their own.
    """

    name = "keyring"
    level = Level.KEYS

    def __init__(self, service: "Service") -> None:
        self._service = service
        self._remembered: OrderedDict[str, tuple[float, DataKey | None]] = OrderedDict()
        self._aliases: Aliases | None = None
        self._engine: AsyncEngine | None = None
        self._lent = False  # the engine is a store's, which asks and ends it
        self._masters: tuple[bytes, MasterKeys] | None = None
        self._bad_secret = ""
        self._opening = Background()
        self._closed_because = "it is not open yet"

    # Its life

    async def start(self) -> None:
        """Read the master keys, and begin to open; a store that does not answer yet is asked again and again."""
        self.masters()
        self._store(lent=True)
        opened = asyncio.Event()
        self._opening.start(self._open_in_the_end(opened), "open the keyring")
        with suppress(TimeoutError):
            async with asyncio.timeout(HEAD_START):
                await opened.wait()

    async def stop(self) -> None:
        """Forget every key, and close the connections."""
        await self._opening.stop()
        self._remembered.clear()
        self._aliases = self._masters = None
        if self._engine is not None and not self._lent:
            await self._engine.dispose()
        self._engine, self._lent = None, False

    async def unready(self) -> str | None:
        """Say why personal data can be neither sealed nor opened."""
        if self._aliases is None:
            return self._closed_because
        if not self._lent:
            async with self._connection() as connection:
                await key_table.read(connection, [ROOT])
        return None

    @property
    def opened(self) -> bool:
        """Tell whether aliases and indexes can be given."""
        return self._aliases is not None

    async def open(self) -> None:
        """Read the keyring's root, or make it in an empty keyring; nothing where that is done."""
        if self._aliases is not None:
            return
        async with self._connection() as connection:
            if connection.dialect.name == "sqlite":
                await connection.run_sync(person_key.create, checkfirst=True)
            found = await key_table.read(connection, [ROOT]) or await self._make(connection, [ROOT])
        self._aliases = Aliases(self.masters().unwrap(found[0].alias, found[0].wrapped, found[0].master))

    # Names

    def alias(self, person: str) -> str:
        """Name a person in tables of the SDK, always the same; `UnavailableError` while the keyring is not open.

        Where nothing else has opened it, `await keyring.open()` first.
        """
        return self._open_aliases().alias(person)

    def index(self, place: str, value: str) -> str:
        """Give what a sealed value can be found by; `UnavailableError` while the keyring is not open."""
        return self._open_aliases().index(place, value)

    def _open_aliases(self) -> Aliases:
        if self._aliases is None:
            raise UnavailableError(f"the keyring of service '{self._service.name}': {self._closed_because}.")
        return self._aliases

    # Keys

    async def key(self, person: str, *, create: bool = True) -> DataKey:
        """Give a person's key, or make it; `ErasedError` once it is destroyed, `UnknownPersonError` if never made."""
        found = (await self.keys([person], create=create)).get(person, person)
        if found is None:
            raise ErasedError("the person was erased: their key is destroyed, and nothing is sealed for them any more.")
        if isinstance(found, str):
            raise UnknownPersonError(
                "the keyring holds no key for the person of this data: another keyring sealed it, or this one was lost."
                " Bind the same store as personal.keys in all services that share it."
            )
        return found

    async def keys(self, persons: Iterable[str], *, create: bool = False) -> dict[str, DataKey | None]:
        """Give many keys in one question to the store; none for who is erased, nothing for who is not known."""
        await self.open()
        now = self._service.clock.now()
        kept = self.settings.remembered
        aliases = {self.alias(person): person for person in persons}
        found: dict[str, DataKey | None] = {}
        asked: list[str] = []
        for alias, person in aliases.items():
            seen = self._remembered.get(alias)
            if seen is not None and (seen[1] is None or 0 <= now - seen[0] < kept):
                self._remembered.move_to_end(alias)
                found[person] = seen[1]
            else:
                asked.append(alias)
        if asked:
            async with self._connection() as connection:
                rows = await key_table.read(connection, asked)
                missing = set(asked).difference(row.alias for row in rows) if create else ()
                if missing:
                    rows += await self._make(connection, missing)
            for row in rows:
                found[aliases[row.alias]] = self._remember(row, now)
        return found

    async def erase(self, person: str) -> bool:
        """Destroy a person's key for all services and for good; false if it was. `HeldError` while they are held."""
        await self.open()
        return await self.erase_alias(self.alias(person))

    async def erase_alias(self, alias: str, *, despite_hold: bool = False) -> bool:
        """Destroy the key behind an alias: for lists of erasures, which name nobody."""
        now = self._service.clock.now()
        async with self._connection() as connection:
            # A tombstone for somebody without a key: no event that comes late makes one.
            await self._make(connection, [alias])
            if despite_hold:
                await key_table.hold(connection, alias, None)
            erased = await key_table.erase(connection, alias, now)
            reason = (await key_table.holds(connection, [alias])).get(alias)
        if reason is not None:
            raise HeldError(f"the person is under legal hold: {reason}. Release the hold first.")
        self._remembered[alias] = (now, None)
        return erased

    async def tombstones(self, since: float = 0.0) -> AsyncIterator[tuple[str, float]]:
        """Give the aliases of erased persons, and when they were erased."""
        async for row in self._pages(partial(key_table.tombstones, table=person_key, since=since)):
            yield row.alias, row.erased

    # Holds

    async def hold(self, person: str, reason: str | None) -> None:
        """Keep a person's data from erasure and retention in all services, or release it with none for a reason."""
        await self.open()
        alias = self.alias(person)
        async with self._connection() as connection:
            await self._make(connection, [alias])
            if not await key_table.hold(connection, alias, reason):
                raise ErasedError("the person was erased: there is nothing left to hold.")

    async def holds(self, persons: Iterable[str]) -> dict[str, str]:
        """Give the reasons of those of the persons who are under hold."""
        await self.open()
        aliases = {self.alias(person): person for person in persons}
        async with self._connection() as connection:
            found = await key_table.holds(connection, aliases)
        return {aliases[alias]: reason for alias, reason in found.items()}

    async def held(self) -> AsyncIterator[str]:
        """Give the aliases of all who are under hold."""
        async for row in self._pages(key_table.held):
            yield row.alias

    # Master keys

    def masters(self) -> MasterKeys:
        """Give the master keys as the secret holds them now; the last good ones where it went bad meanwhile."""
        try:
            return self._read_masters()
        except SetupError as error:
            if self._masters is None:
                raise
            if str(error) != self._bad_secret:  # a rotation that goes wrong is told, and stops nobody
                self._bad_secret = str(error)
                log.warning("master keys cannot be read; the last good ones serve on", reason=self._bad_secret)
            return self._masters[1]

    def _read_masters(self) -> MasterKeys:
        name = self.settings.master_key_secret
        secrets = self._service.placement.secrets
        content = secrets.read(name).content
        if self._masters is None or self._masters[0] != content:
            self._masters = (content, MasterKeys(secrets.text(name), str(secrets.folder / name)))
        self._bad_secret = ""
        return self._masters[1]

    async def rewrap(self) -> int:
        """Wrap every key by the first master key, and tell how many were wrapped by another one.

        Afterwards the others can leave the secret; once they are destroyed, no older copy of the keyring opens.
        """
        masters = self.masters()
        await self.open()
        after, count = "", 0
        while True:
            async with self._connection() as connection:
                rows = await key_table.wrapped_otherwise(connection, masters.first, after)
                await key_table.rewrap(connection, [_rewrapped(masters, row) for row in rows])
            if not rows:
                return count
            after, count = rows[-1].alias, count + len(rows)

    # Inside

    @property
    def settings(self) -> Personal:
        """What the binding says about personal data; a `SetupError` where it says nothing."""
        bound = self._service.binding.personal
        if bound is None:
            raise SetupError(
                f"service '{self._service.name}': keeps personal data, and its binding has no 'personal'. Declare the"
                " class of the data in its facts, and render the binding again."
            )
        return bound

    async def _open_in_the_end(self, opened: asyncio.Event) -> None:
        while True:
            attempt = asyncio.create_task(self.open())
            try:
                await asyncio.shield(attempt)
            except asyncio.CancelledError:
                await asyncio.wait([attempt], timeout=ENDS_WITHIN)  # cut off in the middle, SQLite's driver would leak
                attempt.cancel()
                raise
            except FairwayError as error:
                if str(error) != self._closed_because:
                    self._closed_because = str(error)
                    log.warning("keyring does not open", reason=self._closed_because)
                await self._service.clock.sleep(TRIED_EVERY)
            else:
                opened.set()
                return

    async def _make(self, connection: AsyncConnection, aliases: Iterable[str]) -> list[Row]:
        """Make keys that are not there yet; where another process was faster, its keys are the ones."""
        masters, now = self.masters(), self._service.clock.now()
        aliases = list(aliases)
        for some in key_table.chunks(aliases):
            rows = [
                {"alias": alias, "wrapped": masters.wrap(alias, new_key()), "master": masters.first, "created": now}
                for alias in some
            ]
            await key_table.add(connection, person_key, rows)
        return await key_table.read(connection, aliases)

    async def _pages(self, page: Callable[..., Awaitable[Sequence[Row]]]) -> AsyncIterator[Row]:
        after = ""
        while True:
            async with self._connection() as connection:
                rows = await page(connection, after=after)
            for row in rows:
                yield row
            if not rows:
                return
            after = rows[-1].alias

    def _remember(self, row: Row, now: float) -> DataKey | None:
        key = None
        if row.erased is None and row.wrapped is not None:
            key = DataKey(row.alias, self.masters().unwrap(row.alias, row.wrapped, row.master))
        seen = self._remembered.get(row.alias)
        if seen is not None and seen[1] is None:  # erased here while the store was asked
            return None
        self._remembered[row.alias] = (now, key)
        self._remembered.move_to_end(row.alias)
        while len(self._remembered) > self.settings.remembered_keys:
            self._remembered.popitem(last=False)
        return key

    def _store(self, *, lent: bool = False) -> AsyncEngine:
        """Give the engine; that of the store itself is *lent* to a service that runs."""
        if self._engine is None:
            from fairway_sdk.stores.engine import open_engine
            from fairway_sdk.stores.opened import SQL

            name = self.settings.keys
            bound = self._service.binding.stores.get(name)
            if bound is None or bound.kind not in SQL:
                has = "is not among its stores" if bound is None else f"is a {bound.kind} store"
                raise SetupError(
                    f"service '{self._service.name}': personal.keys names the store '{name}', which {has}."
                    " Bind a transactional store: PostgreSQL or MySQL."
                )
            self._lent = lent and bound.shared and bound.kind != "sqlite"
            if self._lent:
                self._engine = self._service.sql(name).engine.execution_options(isolation_level="AUTOCOMMIT")
                return self._engine
            # SQLite lets one connection write at a time, and a key is made while a transaction of the store is open.
            database = f"{bound.database}.keys" if bound.kind == "sqlite" else bound.database
            own = replace(bound, connections=CONNECTIONS, database=database)
            who = f"{self._service.name} {self._service.replica}"
            engine = open_engine(own, self._service.placement.secrets, "keyring", who)
            self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        return self._engine

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection on which every statement stands alone; what is wrong with the store becomes a sentence."""
        where = f"the keyring's store '{self.settings.keys}'"
        try:
            async with self._store().connect() as connection:
                yield connection
                await connection.commit()  # SQLite alone has something to commit
        except sa.exc.ProgrammingError as error:
            raise SetupError(
                f"{where}: the table {person_key.name} cannot be used: {type(error.orig).__name__}."
                " Run the service's migrations there, and let its user read and write the table."
            ) from error
        except (sa.exc.DBAPIError, sa.exc.TimeoutError, OSError) as error:
            raise UnavailableError(f"{where}: does not answer ({type(error).__name__}).") from error


def _rewrapped(masters: MasterKeys, row: Row) -> dict[str, object]:
    key = masters.unwrap(row.alias, row.wrapped, row.master)
    return {"whose": row.alias, "old": row.master, "new": masters.wrap(row.alias, key), "by": masters.first}
