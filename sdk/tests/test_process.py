"""The process of a service: real ones, started, asked, told to end and killed."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

import pytest
from aiohttp import ClientError, ClientSession, UnixConnector
from whole_answers import read_whole

from fairway_sdk.testing.servers.process import connects, free_port

SERVICE = """
import asyncio, threading, time
from contextlib import suppress
from pathlib import Path
from fairway_sdk import Service, SetupError
from fairway_sdk.lifecycle import Background, Level

class Store:
    name, level = "store", Level.STORES
    task = Background()
    async def start(self):
        if Path("refuses").exists():
            raise SetupError("here: one thing is wrong. Mend it.\\nthere: so is another. Mend it, too.")
        if Path("breaks").exists():
            raise LookupError("nobody expected this")
        if Path("dies").exists():
            self.task.start(self.die(), "store watcher")
        if Path("never-stops").exists():
            self.task.start(self.go_on(), "store driver")
    async def go_on(self):
        while True:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(60)
    async def die(self):
        await asyncio.sleep(0.5)
        raise LookupError("gone")
    async def stop(self):
        if Path("hangs").exists():
            await asyncio.sleep(60)
        if Path("deaf").exists():
            await self.go_on()
        await self.task.stop()
    async def unready(self):
        return None if Path("there").exists() else "it is not there yet"

class Door(Store):
    name, level = "door", Level.SERVERS
    async def start(self):
        if Path("shut").exists():
            raise SetupError("door: is shut. Open it.")
    async def stop(self):
        pass
    async def unready(self):
        return None

service = Service("shop")
service.declare(Store())
service.declare(Door())

@service.get("/sleep")
async def sleep(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "slept"

@service.get("/work")
def work(seconds: float) -> str:
    time.sleep(seconds)
    return "worked"
"""


class Running:
    """One service in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        """Write its module and its binding."""
        self.folder = folder
        self.rest = f"{folder}/rest"
        self.admin = f"127.0.0.1:{free_port()}"
        (folder / "shop.py").write_text(SERVICE)
        (folder / "there").touch()
        self.bind()
        self.process: subprocess.Popen[str] | None = None

    def bind(self, **members: object) -> None:
        """Write the binding, with these members beside where it listens."""
        listen = {"rest": f"unix:{self.rest}", "admin": self.admin}
        (self.folder / "binding.json").write_text(json.dumps({"service": "shop", "listen": listen, **members}))

    def start(self, *, wait: bool = True, unread: bool = False) -> None:
        """Start it, and wait until it has; its log is a file, or a pipe that nobody reads until the end."""
        with (self.folder / "log").open("wb") as log:
            self._start(subprocess.PIPE if unread else log)
        end = time.monotonic() + 30
        while wait and self.process is not None and self.process.poll() is None and not connects(f"unix:{self.rest}"):
            assert time.monotonic() < end
            time.sleep(0.02)

    def _start(self, log: IO[bytes] | int) -> None:
        folders = {"FAIRWAY_CONFIGURATION": str(self.folder), "FAIRWAY_SECRETS": str(self.folder)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fairway_sdk", "run", "shop:service"],
            cwd=self.folder,
            env={**os.environ, **folders},
            stdout=log,
            stderr=subprocess.PIPE,
            text=True,
        )

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def end(self, number: signal.Signals | None = None) -> tuple[int, list[dict[str, Any]], str]:
        """Wait for its end; give its exit code, its log, each line of which is JSON, and what it told."""
        assert self.process is not None
        if number is not None:
            self.send(number)
        out, told = self.process.communicate(timeout=30)
        out = out or (self.folder / "log").read_text()
        return self.process.returncode, [json.loads(line) for line in out.split("\n") if line], told

    def listens(self) -> bool:
        """Tell whether its socket's file is there."""
        return Path(self.rest).exists()

    def client(self) -> ClientSession:
        """Make a client of its REST side."""
        return ClientSession("http://shop", connector=UnixConnector(self.rest), middlewares=(read_whole,))


@pytest.fixture
def shop() -> Iterator[Running]:
    """Give a service that is not started yet."""
    with TemporaryDirectory(prefix="fw-") as name:
        running = Running(Path(name))
        yield running
        if running.process is not None and running.process.poll() is None:
            running.process.kill()
            running.process.communicate()


async def probe(shop: Running, path: str) -> tuple[int, Any]:
    """Ask the admin port."""
    async with ClientSession() as client, client.get(f"http://{shop.admin}{path}") as answer:
        return answer.status, await answer.json()


async def test_a_service_under_load_ends_without_failing_a_request(shop: Running) -> None:
    """Whoever was let in before the signal gets an answer; the rest finds the socket closed."""
    shop.start()
    failed: list[str] = []
    answered = 0
    told = asyncio.Event()

    async def ask() -> None:
        nonlocal answered
        async with shop.client() as client:
            while True:
                sent = told.is_set()
                try:
                    async with client.get("/sleep?seconds=0.05") as answer:
                        assert await answer.text() == '"slept"'
                        answered += answer.status == 200
                except ClientError as error:
                    if not sent:
                        failed.append(repr(error))
                    return

    async with asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(ask())
        await asyncio.sleep(1)
        told.set()
        shop.send(signal.SIGTERM)
    code, log, errors = await asyncio.to_thread(shop.end)
    assert not failed
    assert (code, errors) == (0, "")
    requests = [line for line in log if line["event"] == "request"]
    assert len(requests) == answered > 100
    assert all(re.fullmatch("[0-9a-f]{32}", line["trace_id"]) for line in requests)
    assert not shop.listens()


async def test_a_service_is_ready_when_its_parts_are_and_not_while_it_ends(shop: Running) -> None:
    """It is alive all the time; a store that is away takes it out of the traffic and does not restart it."""
    (shop.folder / "there").unlink()
    shop.start()
    assert await probe(shop, "/livez") == (200, {"alive": True})
    assert await probe(shop, "/startedz") == (200, {"started": True})
    assert await probe(shop, "/readyz") == (503, {"ready": False, "reasons": {"store": "it is not there yet"}})
    (shop.folder / "there").touch()
    await asyncio.sleep(0.6)
    assert await probe(shop, "/readyz") == (200, {"ready": True})
    async with shop.client() as client:
        last = asyncio.create_task(client.get("/sleep?seconds=1"))
        await asyncio.sleep(0.2)
        shop.send(signal.SIGTERM)
        await asyncio.sleep(0.2)
        assert (await probe(shop, "/readyz"))[0] == 503
        assert (await probe(shop, "/livez"))[0] == 200
        assert (await last).status == 200
    assert (await asyncio.to_thread(shop.end))[0] == 0


async def test_metrics_are_served_in_both_formats(shop: Running) -> None:
    """The text of old scrapers, and OpenMetrics for those that ask."""
    shop.start()
    async with shop.client() as client:
        await client.get("/sleep?seconds=0")
    async with ClientSession(middlewares=(read_whole,)) as client:
        plain = await client.get(f"http://{shop.admin}/metrics")
        open_metrics = await client.get(
            f"http://{shop.admin}/metrics", headers={"accept": "application/openmetrics-text;version=1.0.0"}
        )
        texts = [await plain.text(), await open_metrics.text()]
        assert (await client.get(f"http://{shop.admin}/other")).status == 404
        assert (await client.post(f"http://{shop.admin}/livez")).status == 405
    assert plain.content_type == "text/plain"
    assert open_metrics.content_type == "application/openmetrics-text"
    assert texts[1].endswith("# EOF\n")
    for text in texts:
        assert "\nfairway_ready 1.0\n" in text
        assert 'http_route="/sleep"' in text
        assert "_created" not in text


def test_a_socket_that_a_killed_process_left_is_replaced(shop: Running) -> None:
    """A kill -9 leaves the file; the next start is not stopped by it."""
    shop.start()
    shop.end(signal.SIGKILL)
    assert shop.listens()
    shop.start()
    assert Path(shop.rest).stat().st_mode & 0o777 == 0o600
    assert shop.end(signal.SIGINT)[0] == 0
    assert not shop.listens()


async def test_a_second_signal_ends_at_once(shop: Running) -> None:
    """Nothing in flight is waited for, and no file is left."""
    shop.start()
    async with shop.client() as client:
        slow = asyncio.create_task(client.get("/sleep?seconds=15"))
        await asyncio.sleep(0.3)
        shop.send(signal.SIGTERM)
        await asyncio.sleep(0.3)
        began = time.monotonic()
        code, _, _ = await asyncio.to_thread(shop.end, signal.SIGTERM)
        assert time.monotonic() - began < 1
        with pytest.raises(ClientError):
            await slow
    assert code == 128 + signal.SIGTERM
    assert not shop.listens()


async def test_work_that_outlasts_the_drain_is_cut_off(shop: Running) -> None:
    """The process ends in its time, whatever a handler or its thread still does."""
    shop.bind(drain=0.5)
    shop.start()
    async with shop.client() as client:
        asks = [asyncio.create_task(client.get(f"/{path}?seconds=20")) for path in ("sleep", "work")]
        await asyncio.sleep(0.3)
        began = time.monotonic()
        code, _, _ = await asyncio.to_thread(shop.end, signal.SIGTERM)
        assert time.monotonic() - began < 12  # and not the twenty seconds that the work takes
        assert [answer.status for answer in await asyncio.gather(*asks)] == [503, 503]
    assert code == 0


@pytest.mark.parametrize(
    ("file", "code", "sentence"),
    [
        ("refuses", 2, "here: one thing is wrong. Mend it.\nthere: so is another. Mend it, too.\n"),
        ("breaks", 1, "shop: did not start: LookupError: nobody expected this. The log says more.\n"),
        ("dies", 1, ""),
    ],
)
def test_a_service_that_cannot_go_on_ends_with_a_sentence_and_a_code(
    shop: Running, file: str, code: int, sentence: str
) -> None:
    """2 where the deployment is at fault, 1 where a new start may help; never a traceback beside the log."""
    (shop.folder / file).touch()
    shop.start(wait=False)
    ended, log, told = shop.end()
    assert (ended, told) == (code, sentence)
    if file == "dies":
        (line,) = [line for line in log if line["level"] == "error"]
        assert "store watcher" in line["event"]
        assert line["error"] == "LookupError"
    assert not shop.listens()


def test_a_port_that_is_taken_is_told(shop: Running) -> None:
    """The sentence names the address, and what it was wanted for."""
    with socket.create_server(("127.0.0.1", int(shop.admin.rpartition(":")[2]))):
        shop.start(wait=False)
        code, _, told = shop.end()
    assert code == 2
    assert told == (
        f"{shop.admin}: cannot listen here for probes and metrics: another process listens here. End it, or bind the"
        " service elsewhere.\n"
    )


def test_a_binding_that_is_wrong_is_told(shop: Running) -> None:
    """A misspelt key, another service's binding and a missing secret are sentences, not tracebacks."""
    for members, said in (
        ({"deadlin": 3}, "deadlin"),
        ({"service": "orders"}, "binds service 'orders', and this is 'shop'"),
        ({"secrets": ["key", "other"]}, "other: the secret is missing"),
    ):
        shop.bind(**members)
        shop.start(wait=False)
        code, log, told = shop.end()
        assert code == 2
        assert said in told
        assert "Traceback" not in told
        assert not log


async def test_a_log_that_nobody_reads_does_not_stop_the_service(shop: Running) -> None:
    """Requests are answered; what the log lost, it says itself."""
    shop.start(unread=True)
    async with shop.client() as client, asyncio.timeout(30):
        for _ in range(6000):
            async with client.get("/sleep?seconds=0") as answer:
                assert answer.status == 200
    code, log, _ = await asyncio.to_thread(shop.end, signal.SIGTERM)
    assert code == 0
    requests = len([line for line in log if line["event"] == "request"])
    lost = sum(line["lost"] for line in log if "lost" in line)
    assert lost > 0
    assert requests + lost == 6000


def test_a_part_that_does_not_stop_is_not_waited_for_ever(shop: Running) -> None:
    """What holds the process back is told, and the code is not that of a clean end."""
    shop.bind(drain=0.1)
    (shop.folder / "hangs").touch()
    shop.start()
    code, _, told = shop.end(signal.SIGTERM)
    assert code == 1
    assert "did not stop in time" in told


@pytest.mark.parametrize("file", ["deaf", "never-stops"])
def test_a_start_that_fails_ends_the_process_whatever_is_up_already(shop: Running, file: str) -> None:
    """The reason is told, and the code is that of the reason, though a part that is up does not stop."""
    for name in (file, "shut"):
        (shop.folder / name).touch()
    began = time.monotonic()
    shop.start(wait=False)
    code, log, told = shop.end()
    assert (code, told) == (2, "door: is shut. Open it.\n")
    assert any("not stop" in line["event"] or "not end" in line["event"] for line in log if line["level"] == "error")
    assert time.monotonic() - began < 20


def test_a_part_that_hears_no_cancellation_is_not_waited_for_ever(shop: Running) -> None:
    """It is named, and the process ends in its time."""
    shop.bind(drain=0.1)
    (shop.folder / "deaf").touch()
    shop.start()
    began = time.monotonic()
    code, _, told = shop.end(signal.SIGTERM)
    assert code == 1
    assert "did not stop in time: store." in told
    assert time.monotonic() - began < 15
