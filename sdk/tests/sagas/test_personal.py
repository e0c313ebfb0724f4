"""Personal data in sagas: sealed wherever it is kept, and gone with the person's key."""

import argparse
import logging
import sqlite3
from pathlib import Path
from typing import Annotated, Any

import pytest
from msgspec import Struct

from fairway_sdk import CompensatedError, Saga, Service, SetupError, StuckError, step
from fairway_sdk.configuration.placement import Placement
from fairway_sdk.configuration.secrets import Secrets
from fairway_sdk.configuration.values import Values
from fairway_sdk.contract.binding import Binding, Personal, Sagas, Store
from fairway_sdk.errors import DeclinedError
from fairway_sdk.personal.boxes import new_master_key
from fairway_sdk.personal.marks import PERSONAL
from fairway_sdk.sagas import command
from fairway_sdk.sagas.errors import StartError
from fairway_sdk.stores.schema import all_tables
from fairway_sdk.stores.sql import SqlStore
from fairway_sdk.testing.clock import ManualClock
from fairway_sdk.testing.crash import crash_after

STREET = "Chawton Lane 7"
PARCEL = "parcel for Mrs Bates"


class Delivery(Struct, frozen=True):
    """An input with a personal field."""

    reader: str
    street: Annotated[str, PERSONAL]


class Parcel(Struct, frozen=True):
    """A result with a personal field."""

    label: Annotated[str, PERSONAL]
    number: int = 1


class World:
    """What the steps saw, and what they are to do."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.declined = False


def _saga(world: World) -> type[Saga[Delivery]]:
    class Ship(Saga[Delivery]):
        person = "reader"

        @step(undo="call_back")
        async def book(self, delivery: Delivery) -> Parcel:
            world.seen.append(delivery.street)
            return Parcel(label=PARCEL)

        async def call_back(self, delivery: Delivery, result: Parcel | None) -> None:
            world.seen.append(f"back {delivery.street} {result.label if result else None}")

        @step(undo=None, retries=0)
        async def send(self, delivery: Delivery, results: dict[str, Any]) -> str:
            if world.declined:
                raise DeclinedError("ABORTED", "no van")
            return f"{delivery.reader} {results['book'].number}"

    return Ship


class Placed(Struct):
    """A service that ships."""

    service: Service
    clock: ManualClock
    saga: type[Saga[Delivery]]
    world: World
    file: Path


@pytest.fixture
async def shipping(tmp_path: Path) -> Placed:
    """Give a service with a keyring; the test starts it."""
    (tmp_path / "master").write_text(new_master_key())
    file = tmp_path / "ship.db"
    service, world = Service("ship"), World()
    clock = service.clock = ManualClock()
    saga = service.saga(_saga(world))
    binding = Binding(
        service="ship",
        stores={"main": Store(kind="sqlite", database=str(file))},
        personal=Personal(master_key_secret="master", keys="main"),  # noqa: S106 - a file's name
        sagas=Sagas(lease=2.0, look_every=0.1),
    )
    service.place(Placement(binding=binding, values=Values(tmp_path), secrets=Secrets(tmp_path)))
    store = SqlStore(service, "main", binding.stores["main"])
    async with store.engine.begin() as connection:
        await connection.run_sync(all_tables().create_all)
    await store.stop()
    return Placed(service, clock, saga, world, file)


def _bytes(shipping: Placed) -> bytes:
    with sqlite3.connect(shipping.file) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    return b"".join(file.read_bytes() for file in shipping.file.parent.glob("ship.db*"))


async def test_input_and_results_are_sealed_in_the_store_and_open_for_the_steps(shipping: Placed) -> None:
    """Neither is in any byte of the database's files; a recovered step reads both."""
    async with shipping.service.running():
        with crash_after(shipping.service, "book") as crashed:
            run = await shipping.service.sagas.start(shipping.saga, Delivery("jane", STREET), id="o1")
            await crashed.wait()
        shipping.clock.advance(3)
        assert await run.result(5) == "jane 1"
        assert shipping.world.seen == [STREET, STREET]
    content = _bytes(shipping)
    assert b"o1" in content
    assert STREET.encode() not in content
    assert PARCEL.encode() not in content


async def test_an_undo_opens_the_result(shipping: Placed) -> None:
    """Compensation needs what the step returned."""
    shipping.world.declined = True
    async with shipping.service.running():
        run = await shipping.service.sagas.start(shipping.saga, Delivery("jane", STREET), id="o1")
        with pytest.raises(CompensatedError, match="no van"):
            await run.result(5)
    assert shipping.world.seen == [STREET, f"back {STREET} {PARCEL}"]


async def test_the_same_input_is_known_again_though_it_is_sealed_anew(shipping: Placed) -> None:
    """Sealing the same twice gives different bytes; the values are compared."""
    async with shipping.service.running():
        await (await shipping.service.sagas.start(shipping.saga, Delivery("jane", STREET), id="o1")).result(5)
        await shipping.service.sagas.start(shipping.saga, Delivery("jane", STREET), id="o1")
        with pytest.raises(StartError, match="another input"):
            await shipping.service.sagas.start(shipping.saga, Delivery("jane", "elsewhere"), id="o1")


async def test_the_operator_sees_that_fields_are_sealed(
    shipping: Placed, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the values nor their ciphers are printed; nothing personal is in a log."""
    caplog.set_level(logging.DEBUG)
    async with shipping.service.running():
        await (await shipping.service.sagas.start(shipping.saga, Delivery("jane", STREET), id="o1")).result(5)
    parser = argparse.ArgumentParser()
    command.add(parser.add_subparsers())
    for shape in ("text", "json"):
        options = parser.parse_args(["saga", "show", "o1", "--format", shape])
        assert await options.act(shipping.service, options) == 0
    printed = capsys.readouterr().out
    assert printed.count("(sealed)") == 4
    assert STREET not in printed + caplog.text
    assert PARCEL not in printed + caplog.text


async def test_a_saga_of_a_person_who_was_erased_is_a_matter_for_people(shipping: Placed) -> None:
    """What is sealed for them opens no more, so it can go neither on nor back."""
    async with shipping.service.running():
        with crash_after(shipping.service, "book") as crashed:
            run = await shipping.service.sagas.start(shipping.saga, Delivery("jane", STREET), id="o1")
            await crashed.wait()
        await shipping.service.keyring.erase("jane")
        shipping.clock.advance(3)
        with pytest.raises(StuckError, match="its input was of a person who has been erased"):
            await run.result(5)


async def test_a_service_without_a_keyring_does_not_start_with_such_a_saga(tmp_path: Path) -> None:
    """It could only keep the data in plain text."""
    service = Service("ship")
    service.saga(_saga(World()))
    store = Store(kind="sqlite", database=str(tmp_path / "ship.db"))
    binding = Binding(service="ship", stores={"main": store})
    service.place(Placement(binding=binding, values=Values(tmp_path), secrets=Secrets(tmp_path)))
    with pytest.raises(SetupError, match="saga 'ship' has personal data, and the binding has no 'personal'"):
        await service.start()
