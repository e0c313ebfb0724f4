"""Redis or Valkey as a store: shared by many, rotated, killed, and readiness that tells."""

import asyncio
import contextlib
import os
import signal
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from prometheus_client import REGISTRY
from redis.exceptions import RedisError

from fairway_sdk import Service, UnavailableError, within
from fairway_sdk.configuration.files import LOOKED_AT_EVERY
from fairway_sdk.contract.binding import Store
from fairway_sdk.testing.fixtures import serving
from fairway_sdk.testing.placing import write_secret
from fairway_sdk.testing.servers import Valkey

from .certificates import Certificates, issue
from .conftest import Place


@asynccontextmanager
async def running(service: Service) -> AsyncIterator[Service]:
    """Run the stores of a service."""
    (part,) = service.stores.open()
    await part.start()
    yield service
    await part.stop()


@pytest.fixture
def server() -> Iterator[Valkey]:
    """Give a server that may be killed."""
    yield from serving(Valkey)


async def reason(service: Service) -> str | None:
    """Ask its only store whether it is ready."""
    (part,) = service.stores._opened.values()  # type: ignore[union-attr]  # noqa: SLF001 - the part itself
    return await part.unready()


async def test_two_hundred_users_share_five_connections(valkey: Valkey, orders: Place) -> None:
    """None is refused: they wait their turn, and the figures tell how long."""
    async with running(orders(valkey.store(), "sessions")) as service:
        await service.redis().delete("count")
        before = REGISTRY.get_sample_value("fairway_store_wait_seconds_count", {"store": "sessions"}) or 0
        await asyncio.gather(*(service.redis().incr("count") for _ in range(200)))
        assert await service.redis().get("count") == b"200"
        after = REGISTRY.get_sample_value("fairway_store_wait_seconds_count", {"store": "sessions"})
        assert after is not None
        assert after - before >= 200
        idle = REGISTRY.get_sample_value("fairway_store_connections", {"store": "sessions", "state": "idle"})
        assert idle == 5
        assert await reason(service) is None
        assert REGISTRY.get_sample_value("fairway_store_up", {"store": "sessions"}) == 1
    assert REGISTRY.get_sample_value("fairway_store_up", {"store": "sessions"}) is None


async def test_who_finds_all_connections_in_use_is_told_in_time(valkey: Valkey, orders: Place) -> None:
    """Within the binding's patience, or the request's deadline where that is shorter."""
    store = msgspec.structs.replace(valkey.store(), connections=1, connect_timeout=0.3)
    async with running(orders(store, "sessions")) as service:
        client = service.redis()

        async def block() -> None:
            await client.blpop(["nothing"], timeout=2)

        blocked = asyncio.create_task(block())
        await asyncio.sleep(0.1)
        begun = time.monotonic()
        with pytest.raises(UnavailableError, match="store 'sessions': all 1 connections are in use"):
            await client.get("x")
        assert time.monotonic() - begun < 1
        begun = time.monotonic()
        with within(0.05), pytest.raises(UnavailableError):
            await client.get("x")
        assert time.monotonic() - begun < 0.25
        assert await reason(service) is None  # busy, not away
        await blocked


async def test_a_killed_server_makes_the_service_unready_until_it_is_back(server: Valkey, orders: Place) -> None:
    """Nothing has to be restarted, and nothing stays stuck."""
    async with running(orders(server.store(), "sessions")) as service:
        client = service.redis()
        await asyncio.gather(*(client.set(str(number), number) for number in range(20)))
        server.kill()
        for _ in range(7):
            with pytest.raises((RedisError, UnavailableError)):
                await client.get("1")
        assert str(await reason(service)).startswith("store 'sessions': does not answer: ")
        server.start()
        assert await reason(service) is None
        values = await asyncio.gather(*(client.get(str(number)) for number in range(20)))
        assert values == [str(number).encode() for number in range(20)]


async def test_a_server_that_hangs_is_given_up_in_time(server: Valkey, orders: Place) -> None:
    """After the binding's limit for an answer."""
    store = msgspec.structs.replace(server.store(), connect_timeout=0.5, answer_timeout=0.5)
    async with running(orders(store, "sessions")) as service:
        await service.redis().ping()
        assert server.process is not None
        os.kill(server.process.pid, signal.SIGSTOP)
        try:
            begun = time.monotonic()
            with pytest.raises(RedisError):
                await service.redis().get("x")
            assert time.monotonic() - begun < 2
            assert await reason(service) is not None
        finally:
            os.kill(server.process.pid, signal.SIGCONT)
        assert await reason(service) is None


async def test_a_rotated_password_is_used_without_a_restart(server: Valkey, orders: Place, tmp_path: Path) -> None:
    """Read at each connection; a wrong one is told as such."""
    async with running(orders(server.store(), "operator")) as operator:
        await operator.redis().acl_setuser("keeper", enabled=True, passwords=["+first"], keys=["*"], commands=["+@all"])
        store = msgspec.structs.replace(server.store(), user="keeper", password_secret="redis-password")  # noqa: S106
        async with running(orders(store, "sessions", secrets={"redis-password": "first\n"})) as service:
            assert await service.redis().acl_whoami() == "keeper"
            await operator.redis().acl_setuser("keeper", enabled=True, passwords=["-first", "+second"])
            await operator.redis().client_kill_filter(user="keeper")
            assert str(await reason(service)).startswith("store 'sessions': does not let us in: ")
            write_secret(tmp_path / "secrets", "redis-password", "second")
            await asyncio.sleep(LOOKED_AT_EVERY + 0.05)
            assert await reason(service) is None
            assert await service.redis().acl_whoami() == "keeper"


@asynccontextmanager
async def tls_before(server: Valkey, certificates: Certificates) -> AsyncIterator[int]:
    """Speak TLS on a loopback port before a server's socket, since the wheel's Valkey knows none; gives the port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.certificate, certificates.key)

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
        writer.close()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind_reader, behind = await asyncio.open_unix_connection(server.address.removeprefix("unix:"))
        await asyncio.gather(carry(reader, behind), carry(behind_reader, writer))

    front = await asyncio.start_server(take, "127.0.0.1", 0, ssl=context)
    yield front.sockets[0].getsockname()[1]
    front.close()
    await front.wait_closed()


async def test_tls_is_used_and_only_the_known_authority_is_believed(
    valkey: Valkey, orders: Place, tmp_path: Path
) -> None:
    """Another authority is refused, and the probe says why."""
    issued, stranger = issue(tmp_path / "tls"), issue(tmp_path / "stranger")
    async with tls_before(valkey, issued) as port:
        store = Store(kind="redis", address=f"localhost:{port}", tls=True, tls_authority=str(issued.authority))
        async with running(orders(store, "sessions")) as service:
            assert await service.redis().ping()
        wrong = msgspec.structs.replace(store, tls_authority=str(stranger.authority))
        async with running(orders(wrong, "sessions")) as service:
            assert "certificate verify failed" in str(await reason(service)).lower()
