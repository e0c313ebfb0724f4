"""What an operator sees and does: `python -m fairway_sdk dead-letters list|show|redrive|drop MODULE:NAME`."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from fairway_sdk import Service
from fairway_sdk.contract.binding import Consumed, Published, Store
from fairway_sdk.events.brokers.memory import Hub
from fairway_sdk.events.event import Event
from fairway_sdk.testing.events import dead_letters, settled
from fairway_sdk.testing.placing import place_files

Place = Callable[..., Awaitable[Service]]
Command = Callable[..., subprocess.CompletedProcess[str]]

MODULE = """
from fairway_sdk import Event, PoisonError, Service

service = Service("post")

class Sent(Event, frozen=True):
    channel = "sent"
    parcel: str

@service.on(Sent)
async def keep(event: Sent) -> None:
    raise PoisonError("there is no such street")
"""


class Sent(Event, frozen=True):
    """A parcel was sent."""

    channel = "sent"

    parcel: str


@pytest.fixture
async def command(tmp_path: Path, sqlite: Store, place: Place, the_hub: Hub) -> Command:
    """Give the command of a service with two dead letters in its inbox and one in its outbox."""
    (tmp_path / "post.py").write_text(MODULE)
    namespace: dict[str, Service] = {}
    exec(compile(MODULE, str(tmp_path / "post.py"), "exec"), namespace)  # noqa: S102 - our own module, above
    service = namespace["service"]
    await place(service, sqlite, publishes={"sent": Published()}, consumes={"sent": Consumed()})
    async with service.running():
        async with service.transaction() as tx:
            await tx.emit(Sent("one"), Sent("two"))
        await settled(service)
        the_hub.inject("sent", b"no envelope")
        await settled(service)
        assert len(await dead_letters(service)) == 3
    environment = {**os.environ, **place_files(service)}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        verb, *further = words
        line = [sys.executable, "-m", "fairway_sdk", "dead-letters", "post:service", verb, *further]
        return subprocess.run(line, cwd=tmp_path, env=environment, check=False, capture_output=True, text=True)

    return run


async def test_an_operator_lists_shows_puts_back_and_drops(command: Command) -> None:
    """By hand, and by scripts: the text is for people, JSON for programs, the exit code for both."""
    listed = await asyncio.to_thread(command, "list")
    assert listed.returncode == 1, listed.stderr
    assert len(listed.stdout.splitlines()) == 3
    assert "sent  Sent  20" in listed.stdout
    assert "no try can succeed (PoisonError at post.py:12: there is no such street)" in listed.stdout
    found = json.loads((await asyncio.to_thread(command, "list", "--format", "json")).stdout)
    assert [letter["attempts"] for letter in found] == [1, 1, 0]
    first, second, broken = (letter["id"] for letter in found)

    shown = await asyncio.to_thread(command, "show", first, broken)
    assert (shown.returncode, shown.stdout.count("document")) == (0, 2)
    assert '"content":{"parcel":"' in shown.stdout
    assert "document  no envelope" in shown.stdout

    assert (await asyncio.to_thread(command, "redrive", first)).stdout == "post: 1 put back.\n"
    again = await asyncio.to_thread(command, "redrive", first)
    assert (again.returncode, again.stdout) == (1, "post: 0 put back.\n")
    assert again.stderr == f"{first}: is no dead letter here. `list` shows those that are.\n"

    nothing = await asyncio.to_thread(command, "drop")
    assert (nothing.returncode, nothing.stderr) == (2, "post: name the dead letters by their ids, or say --all.\n")
    dropped = await asyncio.to_thread(command, "drop", "--all", "--channel", "sent", "--format", "json")
    assert (dropped.returncode, dropped.stdout) == (0, '{"count":2}\n')
    empty = await asyncio.to_thread(command, "list")
    assert (empty.returncode, empty.stdout) == (0, "post: no dead letters.\n")
    assert second not in empty.stdout
