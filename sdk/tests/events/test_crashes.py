"""Servers and processes die at the worst moment: nothing is lost, and each event has one effect."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa

from fairway_sdk import Event, Service, Transaction
from fairway_sdk.contract.binding import Consumed, Published, Retries, Store
from fairway_sdk.events.brokers.memory import Hub
from fairway_sdk.events.event import new_envelope
from fairway_sdk.testing.events import dead_letters, settled
from fairway_sdk.testing.fixtures import serving
from fairway_sdk.testing.placing import place_files
from fairway_sdk.testing.servers import Nats, Valkey

Place = Callable[..., Awaitable[Service]]

NOTES = sa.Table("notes", sa.MetaData(), sa.Column("text", sa.String(20)))
CONSUMED = Consumed(timeout=20.0, retries=Retries(tries=2, first_pause=0.01), ordered_by="key")


class Noted(Event, frozen=True):
    """Something to be noted."""

    channel = "noted"

    key: str
    text: str


@pytest.fixture(params=[Valkey, Nats])
def broker_server(request: pytest.FixtureRequest) -> Iterator[Valkey | Nats]:
    """Give a broker of the test's own to be killed."""
    yield from serving(request.param)


async def test_a_broker_that_is_killed_while_events_are_published_loses_none(
    database: Store, place: Place, broker_server: Valkey | Nats
) -> None:
    """Killed twice, and started again: all arrive, each key in order, each with one effect."""
    service = Service("notes")

    @service.on(Noted)
    async def note(event: Noted, tx: Transaction) -> None:
        await tx.execute(NOTES.insert().values(text=event.text))

    channel = {"publishes": {"noted": Published(ordered_by="key")}, "consumes": {"noted": CONSUMED}}
    await place(service, database, broker=broker_server.broker(), **channel)
    async with service.running():
        async with service.sql().connection() as connection:
            await connection.run_sync(NOTES.create)
        for count in range(300):
            async with service.transaction() as tx:
                await tx.emit(Noted(str(count % 5), f"{count:03}"))
            if count in {100, 200}:
                await asyncio.to_thread(broker_server.kill)
                await asyncio.sleep(0.3)
            if count in {130, 230}:
                await asyncio.to_thread(broker_server.start)
        await _noted(service, 300)
        await settled(service, within=30.0)
        assert await dead_letters(service) == []
        async with service.transaction() as tx:
            found = (await tx.execute(sa.select(NOTES.c.text))).scalars().all()
    assert sorted(found) == [f"{count:03}" for count in range(300)]


DYING = """
import asyncio, os, signal, sys
import sqlalchemy as sa
from fairway_sdk import Event, Service, Transaction

service = Service("notes")
service.clock.ahead = float(sys.argv[1])
notes = sa.Table("notes", sa.MetaData(), sa.Column("text", sa.String(20)))

class Noted(Event, frozen=True):
    channel = "noted"
    key: str
    text: str

@service.on(Noted)
async def note(event: Noted, tx: Transaction) -> None:
    await tx.execute(notes.insert().values(text=event.text))
    await tx.flush()
    if event.key == "dies":
        os.kill(os.getpid(), signal.SIGKILL)

async def main():
    async with service.running():
        await asyncio.sleep(20)

asyncio.run(main())
"""


@pytest.fixture
def dying(tmp_path: Path) -> Callable[[Service, float], None]:
    """Give what runs a replica in a process of its own, which dies in its handler, with its clock moved forward."""
    script = tmp_path / "dying.py"
    script.write_text(DYING)

    def run(service: Service, ahead: float) -> None:
        environment = {**os.environ, **place_files(service)}
        done = subprocess.run([sys.executable, str(script), str(ahead)], env=environment, check=False, timeout=30)
        assert done.returncode == -9, "it was killed by its handler"

    return run


async def placed_with_events(service: Service, store: Store, place: Place) -> Callable[..., Awaitable[None]]:
    """Bind a consumer, make its tables, and give what puts documents into its inbox as a broker would."""
    await place(service, store, consumes={"noted": CONSUMED})

    async def receive(*events: Noted) -> None:
        async with service.running():
            async with service.sql().connection() as connection:
                await connection.run_sync(NOTES.create, checkfirst=True)
            await service.consumers.stop()
            envelopes = [new_envelope(event, key=event.key, number=at + 1, after=0) for at, event in enumerate(events)]
            await service.consumers.receive("noted", [envelope.encode() for envelope in envelopes])

    return receive


async def test_an_event_whose_handler_was_killed_has_its_effect_once(
    database: Store, place: Place, dying: Callable[[Service, float], None]
) -> None:
    """What the dead handler wrote is undone; another replica takes the event over when the lease ends."""
    service, done = Service("notes"), []

    @service.on(Noted)
    async def note(event: Noted, tx: Transaction) -> None:
        await tx.execute(NOTES.insert().values(text=event.text))
        done.append(event.text)

    receive = await placed_with_events(service, database, place)
    await receive(Noted("dies", "one"), Noted("dies", "two"), Noted("lives", "three"))
    await asyncio.to_thread(dying, service, 0.0)
    service.clock.ahead = 31.0
    async with service.running():
        await settled(service)
        async with service.transaction() as tx:
            found = (await tx.execute(sa.select(NOTES.c.text))).scalars().all()
    assert sorted(found) == ["one", "three", "two"]
    assert done.index("one") < done.index("two")


async def test_an_event_that_kills_its_handler_every_time_is_parked(
    database: Store, place: Place, dying: Callable[[Service, float], None]
) -> None:
    """A taking counts as a try, so no event brings down one replica after the other for ever."""
    service = Service("notes")

    @service.on(Noted)
    async def note(event: Noted) -> None:
        """Never sees it."""
        assert event.key != "dies"

    receive = await placed_with_events(service, database, place)
    await receive(Noted("dies", "one"))
    await asyncio.to_thread(dying, service, 0.0)
    await asyncio.to_thread(dying, service, 31.0)
    service.clock.ahead = 62.0
    async with service.running():
        await settled(service)
        (letter,) = await dead_letters(service)
    assert (letter.attempts, letter.reason) == (
        2,
        "no try came to an end: the process that handled it died, or hung, each time",
    )


async def test_a_handler_that_outlives_its_lease_leaves_no_second_effect(
    database: Store, place: Place, the_hub: Hub
) -> None:
    """It blocked the process so long that another replica took the event: its own transaction is rolled back."""
    assert the_hub.published == []
    slow, quick = Service("notes"), Service("notes")
    begun, go_on = asyncio.Event(), asyncio.Event()

    @slow.on(Noted)
    async def wait(event: Noted, tx: Transaction) -> None:
        await tx.execute(NOTES.insert().values(text=event.text))
        begun.set()
        await go_on.wait()

    @quick.on(Noted)
    async def note(event: Noted, tx: Transaction) -> None:
        await tx.execute(NOTES.insert().values(text=event.text))

    receive = await placed_with_events(slow, database, place)
    await placed_with_events(quick, database, place)
    await receive(Noted("a", "one"))
    async with slow.running():
        await asyncio.wait_for(begun.wait(), 10)
        quick.clock.ahead = 31.0
        async with quick.running():
            await settled(quick)
            go_on.set()
            await asyncio.sleep(0.3)
            async with quick.transaction() as tx:
                found = (await tx.execute(sa.select(NOTES.c.text))).scalars().all()
    assert found == ["one"]


async def _noted(service: Service, count: int) -> None:
    async with asyncio.timeout(60):
        while True:
            async with service.transaction() as tx:
                if (await tx.execute(sa.select(sa.func.count()).select_from(NOTES))).scalar_one() >= count:
                    return
            await asyncio.sleep(0.05)


def test_documents_of_the_wire_are_plain_json() -> None:
    """Other languages and tools read them."""
    document = new_envelope(Noted("a", "b"), key="a", number=3, after=2).encode()
    found = msgspec.json.decode(document)
    assert (found["content"], found["key"], found["number"], found["after"]) == ({"key": "a", "text": "b"}, "a", 3, 2)
