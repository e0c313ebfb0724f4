"""A database that dies, comes back, or hangs: the service says so, waits in time, and goes on by itself."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
import sqlalchemy as sa

from fairway_sdk import Service, UnavailableError
from fairway_sdk.lifecycle import Life
from fairway_sdk.testing.fixtures import serving
from fairway_sdk.testing.placing import create_tables
from fairway_sdk.testing.servers import MariaDB, PostgreSQL

from .conftest import Place

Server = PostgreSQL | MariaDB


@pytest.fixture(params=[PostgreSQL, MariaDB])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Give a server that may be killed."""
    yield from serving(request.param)


@pytest.fixture
async def orders_on(server: Server, orders: Place) -> AsyncIterator[Service]:
    """Give a service on it, with its stores alive."""
    bound = msgspec.structs.replace(server.create("orders"), connections=3, connect_timeout=2.0, answer_timeout=1.0)
    service = orders(bound)
    await create_tables(service)
    service.life = Life()
    for part in service.stores.open():
        service.life.add(part)
    await service.life.start()
    yield service
    await service.life.stop()


async def ask(service: Service) -> None:
    """Do what a request does."""
    async with service.transaction() as transaction:
        await transaction.execute(sa.text("select 1"))


async def readiness(service: Service, *, ready: bool) -> str:
    """Wait until the service is ready, or not, and give the reason."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        found = await service.life.unready()
        if ready == (not found):
            return found.get("store orders-db", "")
        await asyncio.sleep(0.05)
    raise AssertionError(f"still not so after 20 s: {found}")


async def test_a_service_outlives_the_death_of_its_database(orders_on: Service, server: Server) -> None:
    """It is unready with a reason while the database is away, tells its callers so, and recovers without help."""
    errors: list[Exception] = []
    answered = 0
    ending = asyncio.Event()

    async def keep_asking() -> None:
        nonlocal answered
        while not ending.is_set():
            try:
                await ask(orders_on)
                answered += 1
            except Exception as error:  # noqa: BLE001 - which ones they are is what is tested
                errors.append(error)
            await asyncio.sleep(0.005)

    assert await readiness(orders_on, ready=True) == ""
    users = [asyncio.create_task(keep_asking()) for _ in range(8)]
    await asyncio.sleep(0.3)
    await asyncio.to_thread(server.kill)
    assert (await readiness(orders_on, ready=False)).startswith("store 'orders-db': does not let us in: ")
    before = answered
    await asyncio.sleep(0.2)
    assert answered == before
    await asyncio.to_thread(server.start)
    await readiness(orders_on, ready=True)
    failed = len(errors)
    await asyncio.sleep(0.5)
    ending.set()
    await asyncio.gather(*users)
    assert answered > before
    assert len(errors) == failed
    assert {type(error) for error in errors} == {UnavailableError}, errors
    assert "Current Checked out connections: 0" in orders_on.sql().engine.pool.status()


async def test_a_connection_that_died_while_it_rested_is_replaced_unseen(orders_on: Service, server: Server) -> None:
    """The request that would have met it notices nothing."""
    await asyncio.gather(*(ask(orders_on) for _ in range(3)))
    await asyncio.to_thread(server.kill)
    await asyncio.to_thread(server.start)
    await asyncio.sleep(1.1)
    await asyncio.gather(*(ask(orders_on) for _ in range(3)))


async def test_a_database_that_hangs_is_given_up_in_time(orders_on: Service, server: Server) -> None:
    """Stopped in the middle of its work: neither a request nor the probe waits for it for ever."""
    own = {"postgresql": "select pg_backend_pid()", "mysql": "select 1"}[orders_on.sql().kind]
    async with orders_on.transaction() as transaction:
        backend = (await transaction.execute(sa.text(own))).scalar_one()
    assert server.process is not None
    frozen = [backend, server.process.pid] if isinstance(server, PostgreSQL) else [server.process.pid]
    for process in frozen:
        os.kill(process, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        with pytest.raises(UnavailableError):
            await ask(orders_on)
        assert time.monotonic() - begun < 8
        begun = time.monotonic()
        assert await readiness(orders_on, ready=False)
        assert time.monotonic() - begun < 8
    finally:
        for process in frozen:
            os.kill(process, signal.SIGCONT)
    await readiness(orders_on, ready=True)
    await asyncio.gather(*(ask(orders_on) for _ in range(6)))


async def test_a_database_that_was_away_at_the_start_is_found_when_it_comes(orders: Place) -> None:
    """The service starts without it, unready."""
    with TemporaryDirectory(prefix="fw-") as folder:
        server = PostgreSQL(Path(folder))
        service = orders(server.store("postgres"))
        service.life = Life()
        for part in service.stores.open():
            service.life.add(part)
        await service.life.start()
        assert "does not let us in" in await readiness(service, ready=False)
        with server:
            await create_tables(service)
            await readiness(service, ready=True)
            await ask(service)
            await service.life.stop()
