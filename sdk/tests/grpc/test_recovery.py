"""A callee that is killed, hangs and comes back: what its callers see meanwhile, and how soon they find it again."""

# ruff: noqa: ANN401 - code that protoc writes has no types, and names methods as the proto does

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fairway_sdk import CallError, Service
from fairway_sdk.calls.failures import BreakerOpenError
from fairway_sdk.contract.binding import Breaker, Call, Retries
from fairway_sdk.testing import placed
from fairway_sdk.testing.servers.process import free_port


class Callee:
    """A callee's process, on an address that stays."""

    def __init__(self, folder: Path, generated: str, address: str) -> None:
        self._command = [
            sys.executable,
            str(Path(__file__).parent / "shelf_process.py"),
            str(folder),
            generated,
            address,
        ]
        self.process: subprocess.Popen[bytes] | None = None
        self.address = address

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        assert self.process.stderr
        assert self.process.stderr.readline() == b"up\n"

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            assert self.process.stderr
            self.process.stderr.close()
            self.process = None


@pytest.fixture(params=["unix", "port"])
def callee(request: pytest.FixtureRequest, folder: Path, proto: Any) -> Iterator[Callee]:
    """Give a running callee, on a socket and on a port."""
    address = f"unix:{folder}/shelves" if request.param == "unix" else f"127.0.0.1:{free_port()}"
    found = Callee(folder, proto.folder, address)
    found.start()
    yield found
    found.kill()


async def _until_answered(take: Callable[[], Any], within: float) -> Any:
    async with asyncio.timeout(within):
        while True:
            try:
                return await take()
            except CallError:
                await asyncio.sleep(0.05)


async def test_a_callee_that_was_killed_is_found_again_soon_after_it_is_back(
    callee: Callee, proto: Any, folder: Path
) -> None:
    """While it is away calls fail at once, first by the connection and then by the breaker."""
    service = Service("orders")
    stub = service.client("shelves", proto.Stub)
    call = Call(address=callee.address, timeout=2.0, breaker=Breaker(failures=3, pause=0.5))
    placed(service, folder, calls={"shelves": call})
    async with service.running():
        first = (await stub.Take(proto.Request())).book
        flying = asyncio.create_task(stub.Take(proto.Request(book="hang")))
        await asyncio.sleep(0.05)
        callee.kill()
        with pytest.raises(CallError):
            await flying
        begun = time.monotonic()
        errors = []
        for _ in range(10):
            with pytest.raises(CallError) as told:
                await stub.Take(proto.Request())
            errors.append(type(told.value))
        assert time.monotonic() - begun < 1.0
        assert BreakerOpenError in errors
        callee.start()
        again = await _until_answered(lambda: stub.Take(proto.Request()), 5)
        assert again.book != first


async def test_a_retry_bridges_a_restart(callee: Callee, proto: Any, folder: Path) -> None:
    """An idempotent call that meets a callee on its way back is answered, and its caller saw nothing."""
    service = Service("orders")
    stub = service.client("shelves", proto.Stub)
    call = Call(
        address=callee.address,
        timeout=10.0,
        idempotent=True,
        retries=Retries(tries=60, first_pause=0.1, longest_pause=0.2),
        breaker=Breaker(failures=1000),
    )
    placed(service, folder, calls={"shelves": call})
    async with service.running():
        await stub.Take(proto.Request())
        callee.kill()
        waiting = asyncio.create_task(stub.Take(proto.Request()))
        await asyncio.to_thread(callee.start)
        assert (await waiting).book


async def test_of_fifty_that_wait_for_a_stopped_callee_one_is_let_through_to_see(
    callee: Callee, proto: Any, folder: Path
) -> None:
    """The callee is stopped, so that the trial hangs: the other 49 are refused meanwhile, and again after it failed."""
    service = Service("orders")
    stub = service.client("shelves", proto.Stub)
    bound = Call(address=callee.address, timeout=0.4, at_once=100, breaker=Breaker(failures=3, pause=5.0))
    placed(service, folder, calls={"shelves": bound})
    async with service.running():
        await stub.Take(proto.Request())
        assert callee.process
        callee.process.send_signal(signal.SIGSTOP)
        first = await asyncio.gather(*(stub.Take(proto.Request()) for _ in range(3)), return_exceptions=True)
        assert all(isinstance(error, CallError) for error in first)
        service.clock.ahead += 5.0
        for comes_back in (False, True):
            if comes_back:
                callee.process.send_signal(signal.SIGCONT)
                service.clock.ahead += 5.0
            results = await asyncio.gather(*(stub.Take(proto.Request()) for _ in range(50)), return_exceptions=True)
            refused = [error for error in results if isinstance(error, BreakerOpenError)]
            assert len(refused) == 49
            assert sum(not isinstance(result, BaseException) for result in results) == comes_back
        results = await asyncio.gather(*(stub.Take(proto.Request()) for _ in range(50)))
        assert len(results) == 50
