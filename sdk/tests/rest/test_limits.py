"""A request has a time and a size, and the server ends politely."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from fastapi import BackgroundTasks, Request
from fastapi.responses import StreamingResponse
from whole_answers import read_whole

from fairway_sdk import Service, remaining
from fairway_sdk.calls.deadline import limit
from fairway_sdk.configuration.placement import Placement
from fairway_sdk.configuration.secrets import Secrets
from fairway_sdk.configuration.values import Values
from fairway_sdk.contract.binding import Binding, Listen
from fairway_sdk.errors import SetupError
from fairway_sdk.rest.listening import close, listen
from fairway_sdk.testing.servers.process import free_port

Serve = Callable[..., AbstractAsyncContextManager[ClientSession]]
Log = Callable[[], list[dict[str, Any]]]

PROXY_TIMEOUT = "x-envoy-expected-rq-timeout-ms"


class Slow:
    """A service with slow routes, and what became of them."""

    def __init__(self) -> None:  # noqa: C901 - a list of routes
        """Declare the routes."""
        self.service = Service("slow")
        self.cancelled = asyncio.Event()
        self.after = asyncio.Event()
        self.entered = asyncio.Event()

        @self.service.get("/sleep")
        async def sleep(seconds: float) -> str:
            self.entered.set()
            try:
                await asyncio.sleep(seconds)
            except asyncio.CancelledError:
                self.cancelled.set()
                raise
            return "slept"

        @self.service.get("/left")
        async def left() -> float | None:
            return remaining()

        @self.service.get("/stream")
        async def stream() -> StreamingResponse:
            async def parts() -> AsyncIterator[bytes]:
                for _ in range(4):
                    await asyncio.sleep(0.1)
                    yield b"x"

            return StreamingResponse(parts())

        @self.service.get("/later")
        async def later(tasks: BackgroundTasks) -> str:
            async def work() -> None:
                await asyncio.sleep(0.4)
                self.after.set()

            tasks.add_task(work)
            return "soon"

        @self.service.post("/bodies")
        async def bodies(request: Request) -> int:
            return len(await request.body())

        @self.service.post("/large", max_body_size=5000)
        async def large(request: Request) -> int:
            return len(await request.body())


async def test_a_request_that_takes_too_long_is_cancelled_and_answered(serve: Serve, log: Log) -> None:
    """The caller gets a 504 in time, and the handler no longer works for nobody."""
    slow = Slow()
    async with serve(slow.service, deadline=0.2) as client:
        log()
        answer = await client.get("/sleep?seconds=30")
        assert answer.status == 504
        assert answer.content_type == "application/problem+json"
        assert slow.cancelled.is_set()
        (line,) = log()
    assert line["status"] == 504
    assert 200 <= line["ms"] < 1000


async def test_a_proxy_may_shorten_the_deadline_and_not_lengthen_it(serve: Serve) -> None:
    """What the proxy in front waits is what we have; nonsense is ignored."""
    async with serve(Slow().service, deadline=5.0) as client:
        left = {}
        for told in ("300", "60000", "0", "-4", "soon", "9" * 5000):
            answer = await client.get("/left", headers={PROXY_TIMEOUT: told})
            left[told] = float(await answer.text())
        assert (await client.get("/sleep?seconds=30", headers={PROXY_TIMEOUT: "100"})).status == 504
    assert 0.1 < left.pop("300") <= 0.3
    assert all(4 < seconds <= 5 for seconds in left.values())


async def test_an_answer_that_has_begun_may_take_its_time(serve: Serve) -> None:
    """A stream, and work after the answer, are not cut off by the deadline."""
    slow = Slow()
    async with serve(slow.service, deadline=0.25) as client:
        assert await (await client.get("/stream")).read() == b"xxxx"
        await client.get("/later")
        async with asyncio.timeout(2):
            await slow.after.wait()


async def test_work_after_the_answer_does_not_delay_the_line(serve: Serve, log: Log) -> None:
    """The line tells how long the caller waited."""
    slow = Slow()
    async with serve(slow.service) as client:
        log()
        await client.get("/later")
        (line,) = log()
        assert line["ms"] < 300
        await slow.after.wait()


async def test_a_body_that_is_too_large_is_refused(serve: Serve) -> None:
    """Told by its length or not, and by the route's own limit where it has one."""

    async def chunks(count: int) -> AsyncIterator[bytes]:
        for _ in range(count):
            yield b"x" * 100

    async with serve(Slow().service, largest_body=1000) as client:
        assert await (await client.post("/bodies", data=b"x" * 1000)).json() == 1000
        assert (await client.post("/bodies", data=b"x" * 1001)).status == 413
        assert await (await client.post("/bodies", data=chunks(10))).json() == 1000
        answer = await client.post("/bodies", data=chunks(11))
        assert (answer.status, answer.content_type) == (413, "application/problem+json")
        assert await (await client.post("/large", data=b"x" * 5000)).json() == 5000
        assert await (await client.post("/large", data=chunks(50))).json() == 5000
        assert (await client.post("/large", data=chunks(51))).status == 413


async def test_what_is_in_flight_finishes_and_what_is_too_slow_is_cut_off(serve: Serve) -> None:
    """During the drain answers close their connections; after it, a 503 says to try elsewhere."""
    slow = Slow()
    async with serve(slow.service, drain=1.0) as client:
        quick = asyncio.create_task(client.get("/sleep?seconds=0.3"))
        never = asyncio.create_task(client.get("/sleep?seconds=30"))
        await asyncio.sleep(0.1)
        began = asyncio.get_running_loop().time()
        await slow.service.stop()
        took = asyncio.get_running_loop().time() - began
        finished, cut = await quick, await never
    assert finished.status == 200
    assert finished.headers["connection"] == "close"
    assert cut.status == 503
    assert slow.cancelled.is_set()
    assert 0.9 < took < 2.5


async def test_a_service_starts_again_where_it_stopped(serve: Serve, log: Log) -> None:
    """Its socket, its log and its spans are made anew."""
    slow = Slow()
    for _ in range(2):
        async with serve(slow.service) as client:
            log()
            assert (await client.get("/left")).status == 200
            assert [line["event"] for line in log()] == ["request"]


async def test_a_service_listens_on_a_port_too(tmp_path: Path) -> None:
    """An address is a host and a port, or a socket."""
    address = f"127.0.0.1:{free_port()}"
    binding = Binding(service="slow", listen=Listen(rest=address))
    where = Placement(binding=binding, values=Values(tmp_path), secrets=Secrets(tmp_path))
    async with Slow().service.running(where), ClientSession(middlewares=(read_whole,)) as client:
        answer = await client.get(f"http://{address}/left")
        assert answer.status == 200
        assert "server" not in answer.headers
        with pytest.raises(SetupError, match=rf"{address}: .* another process listens here"):
            listen(address, "REST")


def test_a_socket_is_ours_alone_and_leaves_nothing(tmp_path: Path) -> None:
    """Others may not connect; a file that nobody answers on is replaced; one in use is not."""
    path = tmp_path / "rest"
    address = f"unix:{path}"
    first = listen(address, "REST")
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(SetupError, match="another process listens here"):
        listen(address, "REST")
    first.close()  # as a process that is killed: the file stays
    assert path.exists()
    second = listen(address, "REST")
    close(second, address)
    assert not path.exists()


@pytest.mark.parametrize(
    "address", ["", "8080", "127.0.0.1:http", "unix:relative", "unix:/no/such/folder/x", "192.0.2.1:80"]
)
def test_an_address_that_cannot_be_listened_on_is_said_so(address: str) -> None:
    """The sentence names the address and what to do."""
    with pytest.raises(SetupError, match=r"cannot listen here for REST: .*\.$") as told:
        listen(address, "REST")
    assert str(told.value).startswith(address)
    assert not isinstance(told.value, OSError)


async def test_a_limit_ends_its_body_and_leaves_the_task_as_it_was() -> None:
    """Time that is over is a `TimeoutError`; what the body calls sees how much is left."""
    task = asyncio.current_task()
    assert task is not None
    left: list[float | None] = []

    async def body() -> None:
        with limit(0.05):
            left.append(remaining())
            await asyncio.sleep(5)

    with pytest.raises(TimeoutError):
        await body()
    assert left[0]
    assert left[0] <= 0.05
    assert task.cancelling() == 0
    assert remaining() is None
    with limit(0.05) as lifted:
        lifted.lift()
        await asyncio.sleep(0.1)
    assert not lifted.expired


async def test_a_body_that_is_cancelled_from_outside_is_not_late() -> None:
    """Cancellation is never taken for a time that is over."""
    entered = asyncio.Event()

    async def body() -> None:
        with limit(5):
            entered.set()
            await asyncio.sleep(5)

    task = asyncio.create_task(body())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
