"""A service is replaced, broken, and ended while it is asked: nobody who asks notices."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from local_system import System, ask, load, until

FACTS = """
system: rolling
owners: { hello: hello@example.com }
environments: { production: { domain: hello.example.com } }
services:
  greeter:
    capability: Greeting people by name
    exposure: external
    anonymous-routes: [GET /hello, GET /slow]
    traffic: { typical: 1000, peak: 5000, per-replica: 5000 }
    objectives: { availability: 99.9, latency: 2s }
"""
GREETER = '''"""Greets, at once or after a while."""

import asyncio

from fairway_sdk import Service

service = Service("greeter")


@service.get("/hello")
async def hello() -> str:
    """Greet anybody."""
    await asyncio.sleep(0.05)
    return "WORD"


@service.get("/slow")
async def slow() -> str:
    """Greet after some thought."""
    await asyncio.sleep(2.5)
    return "WORD"
'''


def write(system: System, word: str) -> None:
    """Write the service."""
    folder = system.folder / "services" / "greeter" / "greeter"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "__init__.py").touch()
    (folder / "service.py").write_text(GREETER.replace("WORD", word))


@pytest.fixture
def rolling(tmp_path: Path) -> Iterator[System]:
    """Give a system that is up."""
    system = System(tmp_path)
    (tmp_path / "fairway.yaml").write_text(FACTS)
    write(system, "one")
    system.run("up", "--detach", "--no-console")
    try:
        yield system
    finally:
        system.run("down", check=False)
    assert system.nothing_is_left()


def test_a_service_is_replaced_under_load_and_a_broken_one_takes_nothing_over(rolling: System) -> None:
    """First on request, then by a change that works, then by one that does not: the last good one goes on."""
    url = f"{rolling.status['gateway']}/greeter/hello"
    with load(url, clients=3, pause=0.45) as counted:
        first = rolling.process("greeter-0")["pid"]
        rolling.run("restart", "greeter")
        until(lambda: (now := rolling.process("greeter-0"))["state"] == "ready" and now["pid"] != first)
        write(rolling, "two")
        until(lambda: ask(url) == (200, b'"two"'))
        (rolling.folder / "services/greeter/greeter/service.py").write_text("a fault")
        until(lambda: "the one before it still answers" in rolling.process("greeter-0")["reason"])
        assert ask(url) == (200, b'"two"')
        write(rolling, "three")
        until(lambda: ask(url) == (200, b'"three"'), 40)
        time.sleep(4)  # the old ones leave
    assert {status for status, _ in counted} == {200}, counted
    assert {word for _, word in counted} == {b'"one"', b'"two"', b'"three"'}
    assert len([one for one in rolling.status["processes"] if one["service"] == "greeter"]) == 1


def test_what_is_under_way_ends_well_when_the_system_ends(rolling: System) -> None:
    """The gateway lets nobody new in meanwhile, and `down` takes no longer than the request."""
    gateway = rolling.status["gateway"]
    with ThreadPoolExecutor() as pool:
        slow = [pool.submit(ask, f"{gateway}/greeter/slow") for _ in range(5)]
        time.sleep(0.5)
        began = time.monotonic()
        down = pool.submit(rolling.run, "down")
        until(lambda: not _connects(gateway))
        assert not any(one.done() for one in slow)
        assert [one.result() for one in slow] == [(200, b'"one"')] * 5
        down.result()
    assert time.monotonic() - began < 5


def test_a_gateway_whose_port_is_taken_says_so_and_comes_when_it_is_free(rolling: System) -> None:
    """Somebody was quicker than its restart; until then the rest of the system stays as it is."""
    gateway = rolling.status["gateway"]
    port = int(gateway.rpartition(":")[2])
    taker = _take_after(rolling.process("gateway")["pid"], port)
    try:
        told = f"127.0.0.1:{port}: is taken by another program."
        until(lambda: told in rolling.process("gateway")["reason"])
        assert rolling.process("greeter-0")["state"] == "ready"
    finally:
        os.kill(taker, signal.SIGKILL)
        os.waitpid(taker, 0)
    until(lambda: rolling.process("gateway")["state"] == "ready", 30)
    until(lambda: ask(f"{gateway}/greeter/hello")[0] == 200)


def _connects(gateway: str) -> bool:
    try:
        return bool(ask(f"{gateway}/greeter/hello")[0])
    except OSError:
        return False


def _take_after(pid: int, port: int) -> int:
    """Kill a process and listen on its port at once; give the process that does."""
    import socket  # noqa: PLC0415 - in the fork alone

    taker = os.fork()
    if taker:
        time.sleep(0.3)
        return taker
    os.kill(pid, signal.SIGKILL)
    while True:
        try:
            line = socket.socket()
            line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            line.bind(("127.0.0.1", port))
            line.listen()
        except OSError:
            continue
        signal.pause()
