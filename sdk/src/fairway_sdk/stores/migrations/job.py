"""One job that brings a SQL store to what the code needs: it waits for the store, its turn, or whom a copy follows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import TYPE_CHECKING, Final, TextIO

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from fairway_sdk.errors import UnavailableError
from fairway_sdk.stores.engine import open_engine
from fairway_sdk.stores.migrations.pending import pending
from fairway_sdk.stores.migrations.trees import OWN_VERSION, Revision, trees
from fairway_sdk.stores.migrations.turn import Tell, turn

if TYPE_CHECKING:
    from fairway_sdk.service import Service
    from fairway_sdk.stores.migrations.apply import Applied

DAY: Final = 86400.0
ASKED_EVERY: Final = 1.0  # seconds
TOLD_EVERY: Final = 10.0  # seconds
TAKES_NO_WRITES: Final = {
    "postgresql": "select current_setting('transaction_read_only') = 'on'",
    "mysql": "select @@global.read_only",
}


async def migrate(service: "Service", name: str, to: str, wait: float, tell: Tell) -> "list[Applied]":
    """Apply what a store lacks, of the service's own tree up to `to`; waits so many seconds for store and turn each."""
    from fairway_sdk.stores.migrations.apply import apply

    bound = service.binding.stores[name]
    found = [(tree, to if tree.version_table == OWN_VERSION else "") for tree in trees(service, name)]
    async with connected(service, name, wait, tell) as connection:
        if await _follows(connection, bound.kind):
            await _followed(connection, service, name, wait, tell)
            return []
        async with turn(connection, bound, tell, wait):
            return await apply(connection, bound, name, found, tell)


async def _follows(connection: AsyncConnection, kind: str) -> bool:
    """Tell whether the store is a copy that takes no writes: another region's job changes it."""
    if (question := TAKES_NO_WRITES.get(kind)) is None:
        return False
    answer = (await connection.execute(sa.text(question))).scalar()
    await connection.rollback()
    return bool(answer)


async def _followed(connection: AsyncConnection, service: "Service", name: str, wait: float, tell: Tell) -> None:
    """Wait until a copy has what the code needs; `UnavailableError` where it does not come in time."""
    begun, told = monotonic(), -TOLD_EVERY
    while lacking := await pending(connection, trees(service, name)):
        await connection.rollback()
        waited, first = monotonic() - begun, f"{lacking[0].id}: {lacking[0].summary}"
        if waited >= wait:
            raise UnavailableError(
                f"store {name}: takes no writes here, and still lacks '{first}'. Migrate it where it takes writes."
            )
        if waited - told >= TOLD_EVERY:
            tell(f"waiting until store {name}, which takes no writes here, follows with '{first}'")
            told = waited
        await asyncio.sleep(ASKED_EVERY)


async def lacking(service: "Service", name: str, wait: float, tell: Tell) -> list[Revision]:
    """Give what a store lacks."""
    async with connected(service, name, wait, tell) as connection:
        return await pending(connection, trees(service, name))


async def write_sql(service: "Service", name: str, to: str, into: TextIO, tell: Tell) -> None:
    """Write the statements of what a store lacks."""
    from fairway_sdk.stores.migrations.apply import as_sql

    async with connected(service, name, 0, tell) as connection:
        for tree in trees(service, name):
            await connection.run_sync(as_sql, tree, to if tree.version_table == OWN_VERSION else "", into)


@asynccontextmanager
async def connected(service: "Service", name: str, wait: float, tell: Tell) -> AsyncIterator[AsyncConnection]:
    """Give a connection whose statements may take a day; waits so many seconds until the store lets us in."""
    patient = msgspec.structs.replace(service.binding.stores[name], connections=1, answer_timeout=DAY)
    engine = open_engine(patient, service.placement.secrets, name, f"{service.name} migrate")
    begun, told = monotonic(), -TOLD_EVERY
    try:
        while True:
            try:
                connection = await engine.connect()
                break
            except UnavailableError as error:
                waited = monotonic() - begun
                if waited >= wait:
                    raise
                if waited - told >= TOLD_EVERY:
                    tell(f"waiting for the store: {error}")
                    told = waited
            await asyncio.sleep(ASKED_EVERY)
        try:
            yield connection
        finally:
            await connection.close()
    finally:
        await engine.dispose()
