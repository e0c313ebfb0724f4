"""A SQL store in ordinary times: its pool, its limits, its settings, and its clock."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa
from prometheus_client import REGISTRY
from sqlalchemy.exc import DBAPIError

from fairway_sdk import Service, UnavailableError, within
from fairway_sdk.contract.binding import Store
from fairway_sdk.stores import engine
from fairway_sdk.stores.now import store_now
from fairway_sdk.stores.sql import SqlStore
from fairway_sdk.testing.placing import create_tables

from .conftest import Place

SLEEPS = {"postgresql": "select pg_sleep(20)", "mysql": "select sleep(20)"}


@asynccontextmanager
async def hasty(orders: Place, store: Store) -> AsyncIterator[Service]:
    """Give a service whose only store has two connections and little patience."""
    service = orders(msgspec.structs.replace(store, connections=2, connect_timeout=0.5, answer_timeout=1.0))
    await create_tables(service)
    (part,) = service.stores.open()
    await part.start()
    yield service
    await part.stop()


@pytest.fixture
async def service(store: Store, orders: Place) -> AsyncIterator[Service]:
    """Give one on a store of each kind."""
    async with hasty(orders, store) as found:
        yield found


@pytest.fixture
def sql(service: Service) -> SqlStore:
    """Give its store."""
    return service.sql()


@pytest.fixture
async def server(served: Store, orders: Place) -> AsyncIterator[SqlStore]:
    """Give a store in a server of each kind."""
    async with hasty(orders, served) as found:
        yield found.sql()


def figure(name: str, **labels: str) -> float:
    """Read a metric of the store."""
    return REGISTRY.get_sample_value(name, {"store": "orders-db", **labels}) or 0.0


async def test_a_full_pool_gives_a_clear_error_in_time(sql: SqlStore) -> None:
    """Neither an endless wait nor a driver's riddle; and the pool is whole afterwards."""
    async with sql.engine.connect(), sql.engine.connect():
        begun = time.monotonic()
        with pytest.raises(
            UnavailableError, match="store 'orders-db': all 2 connections are in use, and none came free"
        ):
            async with sql.connection():
                pass
        assert 0.4 < time.monotonic() - begun < 2
        begun = time.monotonic()
        with within(0.1), pytest.raises(UnavailableError):
            async with sql.begin() as transaction:
                await transaction.execute(sa.text("select 1"))
        assert time.monotonic() - begun < 0.4
    async with sql.connection() as connection:
        assert (await connection.execute(sa.text("select 1"))).scalar() == 1


async def test_a_busy_pool_is_no_reason_to_be_unready(sql: SqlStore) -> None:
    """Sending its requests to the other replicas would only fill their pools, too."""
    assert await sql.unready() is None
    async with sql.engine.connect(), sql.engine.connect():
        begun = time.monotonic()
        assert await sql.unready() is None
        assert time.monotonic() - begun < 0.3


async def test_a_hundred_users_share_two_connections(sql: SqlStore) -> None:
    """Each waits its turn, and the figures tell how long."""
    before = figure("fairway_store_wait_seconds_count")

    async def use() -> None:
        async with sql.connection() as connection:
            await connection.execute(sa.text("select 1"))

    async with asyncio.TaskGroup() as tasks:
        for _ in range(100):
            tasks.create_task(use())
    assert figure("fairway_store_wait_seconds_count") - before >= 100
    assert figure("fairway_store_connections", state="used") == 0
    assert 1 <= figure("fairway_store_connections", state="idle") <= 2
    async with sql.engine.connect():
        assert figure("fairway_store_connections", state="used") == 1


async def test_connections_that_nobody_needs_at_once_are_closed(
    server: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A burst opens as many as it may; afterwards one serves who come one by one, and the next burst has all again."""
    monkeypatch.setattr(engine, "NEEDED", 0.2)

    async def one_by_one() -> None:
        for _ in range(6):
            async with server.connection() as connection:
                await connection.execute(sa.text("select 1"))
            await asyncio.sleep(0.1)

    for _ in range(2):
        async with server.engine.connect(), server.engine.connect():
            assert figure("fairway_store_connections", state="used") == 2
        await one_by_one()
        assert figure("fairway_store_connections", state="idle") == 1


async def test_connections_that_are_needed_at_once_stay(server: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else each would be opened again and again."""
    monkeypatch.setattr(engine, "NEEDED", 0.2)
    seen = set()
    for _ in range(8):
        async with server.engine.connect() as one, server.engine.connect() as other:
            for connection in (one, other):
                seen.add(id((await connection.get_raw_connection()).driver_connection))
        await asyncio.sleep(0.1)
    assert len(seen) == 2


async def test_an_error_does_not_quote_what_a_statement_was_given(sql: SqlStore) -> None:
    """Its text goes to logs and dead letters."""
    with pytest.raises(DBAPIError) as caught:
        async with sql.connection() as connection:
            await connection.execute(sa.text("select :given from nowhere"), {"given": "reader-7"})
    assert "reader-7" not in str(caught.value)


def open_to_others(folder: Path) -> dict[str, int]:
    """Tell what others may do with the files of a database."""
    return {file.name: file.stat().st_mode & 0o077 for file in folder.glob("own.db*")}


async def test_a_file_of_sqlite_is_for_its_user_alone(orders: Place, tmp_path: Path) -> None:
    """The files that SQLite puts beside it as well."""
    service = orders(Store(kind="sqlite", database=str(tmp_path / "own.db")))
    async with service.running(), service.sql().connection() as connection:
        await connection.execute(sa.text("create table t (a int)"))
        modes = open_to_others(tmp_path)
    assert len(modes) > 1
    assert not any(modes.values())


async def test_a_stopped_store_leaves_no_figures(orders: Place, store: Store) -> None:
    """A dashboard does not show what is gone."""
    service = orders(store)
    (part,) = service.stores.open()
    await part.start()
    await part.unready()
    assert REGISTRY.get_sample_value("fairway_store_up", {"store": "orders-db"}) == 1
    await part.stop()
    assert REGISTRY.get_sample_value("fairway_store_up", {"store": "orders-db"}) is None
    assert REGISTRY.get_sample_value("fairway_store_connections", {"store": "orders-db", "state": "used"}) is None


async def test_a_statement_that_takes_too_long_is_ended_in_the_server(server: SqlStore) -> None:
    """And the connection goes on."""
    begun = time.monotonic()
    with pytest.raises(DBAPIError, match=r"timeout|interrupted"):
        async with server.connection() as connection:
            await connection.execute(sa.text(SLEEPS[server.kind]))
    assert 0.9 < time.monotonic() - begun < 3
    assert await server.unready() is None


async def test_a_request_that_is_given_up_in_a_statement_leaves_the_pool_whole(server: SqlStore) -> None:
    """Its connection is closed, not given to the next with an answer that is not theirs."""
    for _ in range(4):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1), server.connection() as connection:
                await connection.execute(sa.text(SLEEPS[server.kind]))
    async with asyncio.TaskGroup() as tasks:
        for _ in range(4):
            tasks.create_task(server.unready())
    assert figure("fairway_store_connections", state="used") == 0


async def test_the_clock_of_the_store_is_ours_and_goes_on_within_a_transaction(service: Service) -> None:
    """Seconds since the epoch with their fraction, whatever the store, and ahead where a test says so."""
    async with service.sql().connection() as connection:
        first = (await connection.execute(sa.select(store_now(service.clock)))).scalar_one()
        await asyncio.sleep(0.02)
        second = (await connection.execute(sa.select(store_now(service.clock)))).scalar_one()
        service.clock.ahead = 3600
        later = (await connection.execute(sa.select(store_now(service.clock)))).scalar_one()
    assert type(first) is float
    assert abs(first - time.time()) < 1
    assert 0.015 < second - first < 1
    assert 3599 < later - second < 3601


async def test_servers_run_at_read_committed_in_utc(server: SqlStore) -> None:
    """The same meaning on each; and an operator sees whose connection it is."""
    questions = {
        "postgresql": "select current_setting('transaction_isolation'), current_setting('timezone'),"
        " current_setting('application_name')",
        "mysql": "select lower(@@tx_isolation), @@time_zone, @@character_set_client",
    }
    async with server.connection() as connection:
        isolation, zone, name = (await connection.execute(sa.text(questions[server.kind]))).one()
    assert isolation.replace("-", " ") == "read committed"
    assert zone in {"UTC", "+00:00"}
    assert name.startswith("orders ") if server.kind == "postgresql" else name == "utf8mb4"


async def test_an_error_in_the_body_rolls_everything_back(sql: SqlStore) -> None:
    """Through the object mapper and without it."""
    async with sql.connection() as connection:
        await connection.execute(sa.text("create table book (id integer primary key)"))
    for enter in (sql.begin, sql.connection):
        with pytest.raises(ZeroDivisionError):  # noqa: PT012 - the body's error is what it is about
            async with enter() as transaction:
                await transaction.execute(sa.text("insert into book values (1)"))
                raise ZeroDivisionError
    async with sql.connection() as connection:
        assert (await connection.execute(sa.text("select count(*) from book"))).scalar() == 0
