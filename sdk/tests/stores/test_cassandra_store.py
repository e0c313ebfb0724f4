"""Cassandra as a store: our side of its driver, against a stand-in that speaks its protocol and keeps no data."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from fairway_sdk import Service, UnavailableError, within
from fairway_sdk.configuration.files import LOOKED_AT_EVERY
from fairway_sdk.contract.binding import Store
from fairway_sdk.testing.placing import write_secret
from fairway_sdk.testing.servers.process import free_port

from .conftest import Place
from .cql_server import CqlServer

LOCAL_QUORUM = 6


@asynccontextmanager
async def running(service: Service) -> AsyncIterator[Service]:
    """Run the stores of a service."""
    (part,) = service.stores.open()
    await part.start()
    yield service
    await part.stop()


def bound(port: int, **further: object) -> Store:
    """Give a binding with little patience."""
    return Store(
        kind="cassandra",
        address=f"127.0.0.1:{port}",
        connect_timeout=2.0,
        answer_timeout=1.0,
        **further,  # type: ignore[arg-type]  # fields of a store
    )


async def ready(service: Service) -> None:
    """Wait until the store is."""
    until = time.monotonic() + 15
    while (reason := await service.cassandra().unready()) is not None:
        assert time.monotonic() < until, reason
        await asyncio.sleep(0.05)


async def test_statements_are_prepared_once_and_read_page_by_page(orders: Place) -> None:
    """Over the driver's threads, at LOCAL_QUORUM."""
    async with CqlServer() as server, running(orders(bound(server.port), "reviews")) as service:
        await ready(service)
        store = service.cassandra()
        found = await store.execute("select title from book")
        assert [row.title for row in found] == [f"title {page}-{at}" for page in range(3) for at in range(2)]
        for _ in range(3):
            await store.execute("select title from book where id = ?", ["x"])
        assert server.prepared == ["select title from book where id = ?"]
        assert server.consistency == {LOCAL_QUORUM}
        answers = await asyncio.gather(*(store.execute("select title from book") for _ in range(100)))
        assert [len(answer) for answer in answers] == [6] * 100


async def test_a_silent_cluster_is_given_up_in_time(orders: Place) -> None:
    """By the request's deadline, or the binding's limit for an answer."""
    async with CqlServer() as server, running(orders(bound(server.port), "reviews")) as service:
        await ready(service)
        for seconds, most in ((0.2, 0.9), (30, 2.5)):
            begun = time.monotonic()
            with within(seconds), pytest.raises(UnavailableError, match="store reviews: does not answer: "):
                await service.cassandra().execute("select silent")
            assert time.monotonic() - begun < most
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await service.cassandra().execute("select silent")
        await ready(service)


async def test_a_cluster_that_is_away_makes_the_service_unready_until_it_comes(orders: Place) -> None:
    """The service starts without it; who asks is told, and nothing has to be restarted, then or after a break."""
    server = CqlServer()
    server.port = free_port()
    async with running(orders(bound(server.port), "reviews")) as service:
        await asyncio.sleep(0.2)
        assert "store reviews: is not connected: " in str(await service.cassandra().unready())
        with pytest.raises(UnavailableError, match="is not connected"):
            await service.cassandra().execute("select title from book")
        async with server:
            await ready(service)
        assert await service.cassandra().unready() is not None
        async with server:
            await ready(service)
            assert len(await service.cassandra().execute("select title from book")) == 6


async def test_the_password_of_now_is_used_at_each_connection(orders: Place, tmp_path: Path) -> None:
    """A wrong one makes the service unready with the reason, the right one makes it ready."""
    secrets = {"cassandra-password": "old\n"}
    async with CqlServer(password="new") as server:  # noqa: S106 - of a test
        store = bound(server.port, user="keeper", password_secret="cassandra-password")  # noqa: S106 - a file's name
        async with running(orders(store, "reviews", secrets=secrets)) as service:
            await server.asked.wait()
            await asyncio.sleep(0.3)
            assert "username and/or password are incorrect" in str(await service.cassandra().unready())
            write_secret(tmp_path / "secrets", "cassandra-password", "new")
            await asyncio.sleep(LOOKED_AT_EVERY)
            await ready(service)
            assert (server.signed_in[0], server.signed_in[-1]) == ("keeper:old", "keeper:new")


async def test_a_service_that_ends_while_it_connects_leaves_no_connection(orders: Place) -> None:
    """Nor does it wait for the attempt."""
    async with CqlServer() as server:
        for pause in (0.0, 0.02, 0.1):
            async with running(orders(bound(server.port), "reviews")):
                await asyncio.sleep(pause)
        for _ in range(100):
            if server.connections == 0:
                break
            await asyncio.sleep(0.05)
        assert server.connections == 0
