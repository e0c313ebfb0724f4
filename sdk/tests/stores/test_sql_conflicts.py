"""Transactions that collide: `run` repeats the loser, so that no update is lost and nobody sees the collision."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError

from fairway_sdk import Transaction, within
from fairway_sdk.contract.binding import Store
from fairway_sdk.stores.sql import SqlStore

from .conftest import Place

STOCK = sa.Table("stock", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("left", sa.Integer))


@pytest.fixture
async def sql(store: Store, orders: Place) -> AsyncIterator[SqlStore]:
    """Give a store with two rows."""
    service = orders(store)
    (part,) = service.stores.open()
    sql = service.sql()
    async with sql.connection() as connection:
        await connection.run_sync(STOCK.metadata.create_all)
        await connection.execute(sa.insert(STOCK), [{"id": 1, "left": 100}, {"id": 2, "left": 100}])
    yield sql
    await part.stop()


async def left(sql: SqlStore) -> list[int]:
    """Read the rows."""
    async with sql.connection() as connection:
        return list((await connection.execute(sa.select(STOCK.c.left).order_by(STOCK.c.id))).scalars())


async def take(transaction: Transaction, row: int) -> int:
    """Take one away, by reading and writing back as careless code does."""
    found: int = (await transaction.execute(sa.select(STOCK.c.left).where(STOCK.c.id == row))).scalar_one()
    await asyncio.sleep(0)
    await transaction.execute(sa.update(STOCK).where(STOCK.c.id == row).values(left=found - 1))
    return found


async def test_serializable_transactions_lose_no_update(sql: SqlStore) -> None:
    """Twenty at once read a number and write it back smaller; losers run again."""
    async with asyncio.TaskGroup() as tasks:
        for _ in range(20):
            tasks.create_task(sql.run(lambda tx: take(tx, 1), isolation="SERIALIZABLE", tries=60))
    assert await left(sql) == [80, 100]
    async with sql.connection() as connection:
        level = await connection.get_isolation_level()
    assert level != "SERIALIZABLE" or sql.kind == "sqlite"


async def test_on_sqlite_whoever_reads_before_writing_waits_for_those_before(tmp_path: Path, orders: Place) -> None:
    """It has one lock for all rows, so a plain transaction needs no repetition there."""
    service = orders(Store(kind="sqlite", database=str(tmp_path / "orders.db")))
    (part,) = service.stores.open()
    async with service.sql().connection() as connection:
        await connection.run_sync(STOCK.metadata.create_all)
        await connection.execute(sa.insert(STOCK), [{"id": 1, "left": 100}])

    async def once() -> None:
        async with service.transaction() as transaction:
            await take(transaction, 1)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(20):
            tasks.create_task(once())
    assert await left(service.sql()) == [80]
    await part.stop()


async def test_a_deadlock_is_resolved_by_running_the_victim_again(sql: SqlStore) -> None:
    """Two transactions want the same two rows in opposite order."""
    both = asyncio.Barrier(2)
    runs = 0

    async def swap(transaction: Transaction, first: int, second: int) -> None:
        nonlocal runs
        runs += 1
        await transaction.execute(sa.update(STOCK).where(STOCK.c.id == first).values(left=STOCK.c.left - 1))
        if runs <= 2 and sql.kind != "sqlite":
            await both.wait()
        await transaction.execute(sa.update(STOCK).where(STOCK.c.id == second).values(left=STOCK.c.left - 1))

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(sql.run(lambda tx: swap(tx, 1, 2)))
        tasks.create_task(sql.run(lambda tx: swap(tx, 2, 1)))
    assert await left(sql) == [98, 98]
    assert runs == (2 if sql.kind == "sqlite" else 3)


async def test_what_is_no_conflict_is_raised_at_once(sql: SqlStore) -> None:
    """A broken constraint stays broken however often it is tried."""
    runs = 0

    async def insert(transaction: Transaction) -> None:
        nonlocal runs
        runs += 1
        await transaction.execute(sa.insert(STOCK), {"id": 1, "left": 0})

    with pytest.raises(IntegrityError):
        await sql.run(insert)
    assert runs == 1


async def test_a_conflict_that_does_not_end_is_raised_after_the_tries_or_the_deadline(
    database: Store, orders: Place
) -> None:
    """With the store's own error."""
    service = orders(database)
    (part,) = service.stores.open()
    runs = 0

    async def fail(transaction: Transaction) -> None:
        nonlocal runs
        runs += 1
        await transaction.execute(sa.text("do $$ begin raise exception using errcode = '40001'; end $$"))

    with pytest.raises(DBAPIError):
        await service.sql().run(fail, tries=3)
    assert runs == 3
    with within(0.05), pytest.raises(DBAPIError):
        await service.sql().run(fail, tries=1000)
    assert runs < 30
    await part.stop()
