"""Compare personal columns and sealed events with plain ones, and with Fernet, the usual recipe, in one run.

A table of 2000 rows of 500 persons is written and read through the object mapper on SQLite, by CPU time of the process.
"""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import msgspec
import sqlalchemy as sa
from cryptography.fernet import Fernet
from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from fairway_sdk import Event, Service
from fairway_sdk.configuration.placement import Placement
from fairway_sdk.configuration.secrets import Secrets
from fairway_sdk.configuration.values import Values
from fairway_sdk.contract.binding import Binding, Personal, Store
from fairway_sdk.personal import PERSONAL, personal
from fairway_sdk.personal.boxes import DataKey, new_key, new_master_key
from fairway_sdk.personal.sealing import seal, unseal
from fairway_sdk.telemetry.redaction import redact

ROWS, PERSONS = 2000, 500
MAIL = "alice.longish.address@example.com"
FERNET = Fernet(Fernet.generate_key())
LINE = {
    "timestamp": "2026-11-22T10:00:00.000Z",
    "level": "info",
    "event": "checkout went through its third step",
    "service": "orders",
    "replica": "orders-7d9f-abcde",
    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    "span_id": "00f067aa0ba902b7",
    "http_route": "/orders/{id}",
    "status": 200,
    "seconds": 0.0123,
    "saga": "checkout",
}


class FernetText(sa.types.TypeDecorator[str]):
    """Text under one key for everybody, as recipes have it."""

    impl = sa.LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> bytes | None:  # noqa: ARG002 - its signature
        """Encrypt."""
        return None if value is None else FERNET.encrypt(value.encode())

    def process_result_value(self, value: bytes | None, dialect: sa.Dialect) -> str | None:  # noqa: ARG002 - its signature
        """Decrypt."""
        return None if value is None else FERNET.decrypt(value).decode()


class Base(DeclarativeBase):
    """The tables of the comparison."""


class Plain(Base):
    """Not protected."""

    __tablename__ = "plain"

    id: Mapped[int] = mapped_column(primary_key=True)
    reader: Mapped[str] = mapped_column(String(20))
    email: Mapped[str] = mapped_column(String(200))


class Recipe(Base):
    """Protected by Fernet."""

    __tablename__ = "recipe"

    id: Mapped[int] = mapped_column(primary_key=True)
    reader: Mapped[str] = mapped_column(String(20))
    email: Mapped[str] = mapped_column(FernetText())


class Ours(Base):
    """Protected by a key for each person."""

    __tablename__ = "ours"
    __person__ = "reader"

    id: Mapped[int] = mapped_column(primary_key=True)
    reader: Mapped[str] = mapped_column(String(20))
    email: Mapped[str] = personal()


class Placed(Event, frozen=True):
    """An event with one personal field."""

    channel = "placed"
    person = "reader"

    order: str
    reader: str
    email: Annotated[str, PERSONAL]


def best(rounds: int, count: int, action: Callable[[], object]) -> float:
    """Give the microseconds of CPU that one of *count* runs of an action takes, the best of some rounds."""
    found = float("inf")
    for _ in range(rounds):
        begun = time.process_time()
        for _ in range(count):
            action()
        found = min(found, (time.process_time() - begun) / count * 1e6)
    return found


async def best_async(rounds: int, count: int, action: Callable[[], Awaitable[object]]) -> float:
    """Do the same for something asynchronous that does *count* things at once."""
    found = float("inf")
    for _ in range(rounds):
        begun = time.process_time()
        await action()
        found = min(found, (time.process_time() - begun) / count * 1e6)
    return found


def values(rounds: int) -> None:
    """Compare one value: sealed and opened."""
    key, plain = DataKey("a" * 32, new_key()), MAIL.encode()
    box, token = key.seal(plain, b"customer.email"), FERNET.encrypt(plain)
    print(f"{'one value, us':34}{'Fairway':>10}{'Fernet':>10}{'Fernet / Fairway':>18}")
    for what, ours, recipe in (
        ("seal", lambda: key.seal(plain, b"customer.email"), lambda: FERNET.encrypt(plain)),
        ("open", lambda: key.open(box, b"customer.email"), lambda: FERNET.decrypt(token)),
    ):
        one, other = best(rounds, 3000, ours), best(rounds, 3000, recipe)
        print(f"  {what:32}{one:10.2f}{other:10.2f}{other / one:17.1f}x")
    print(f"  {'bytes of ' + str(len(plain)):32}{len(box):10}{len(token):10}{len(token) / len(box):17.1f}x\n")


async def rows(service: Service, rounds: int) -> None:
    """Compare rows of instances: written, and read with all keys known, and with none."""

    def write(kind: Any) -> Callable[[], Awaitable[None]]:  # noqa: ANN401 - a mapped class
        async def action() -> None:
            async with service.transaction() as transaction:
                await transaction.execute(sa.delete(kind))
                transaction.add_all(kind(id=at, reader=f"r{at % PERSONS}", email=f"{at}.{MAIL}") for at in range(ROWS))

        return action

    def read(kind: Any, *, cold: bool = False) -> Callable[[], Awaitable[None]]:  # noqa: ANN401 - a mapped class
        async def action() -> None:
            if cold:
                service.keyring._remembered.clear()  # noqa: SLF001 - as after its thirty seconds
            async with service.transaction() as transaction:
                found = (await transaction.scalars(sa.select(kind))).all()
                assert found[-1].email.endswith(MAIL)

        return action

    print(
        f"{'a row of ' + str(ROWS) + ', us':34}{'plain':>10}{'Fairway':>10}{'Fernet':>10}{'added':>10}{'by Fernet':>10}"
    )
    for what, actions in (
        ("written", [write(kind) for kind in (Plain, Ours, Recipe)]),
        ("read, keys remembered", [read(kind) for kind in (Plain, Ours, Recipe)]),
        (f"read, {PERSONS} keys to fetch", [read(Plain), read(Ours, cold=True), read(Recipe)]),
    ):
        plain, ours, recipe = [await best_async(rounds, ROWS, action) for action in actions]
        print(f"  {what:32}{plain:10.2f}{ours:10.2f}{recipe:10.2f}{ours - plain:10.2f}{recipe - plain:10.2f}")
    asked = 0

    def count(*_: object) -> None:
        nonlocal asked
        asked += 1

    engine = service.keyring._engine  # noqa: SLF001 - its statements are counted
    assert engine is not None
    sa.event.listen(engine.sync_engine, "before_cursor_execute", count)
    await read(Ours, cold=True)()
    print(f"  {ROWS} rows of {PERSONS} persons asked the keyring {asked} times\n")


async def events(service: Service, rounds: int) -> None:
    """Compare an event: written as JSON, and sealed; and a line of the log."""
    event = Placed("order-1", "r1", MAIL)
    document = await seal(event, "r1", service.keyring)

    async def sealing() -> None:
        for _ in range(2000):
            await seal(event, "r1", service.keyring)

    async def opening() -> None:
        for _ in range(2000):
            await unseal(document, Placed, "r1", service.keyring)

    content = msgspec.json.encode(event)
    print(f"{'an event, us':34}{'plain':>10}{'sealed':>10}")
    print(
        f"  {'written':32}{best(rounds, 3000, lambda: msgspec.json.encode(event)):10.2f}"
        f"{await best_async(rounds, 2000, sealing):10.2f}"
    )
    print(
        f"  {'read':32}{best(rounds, 3000, lambda: msgspec.json.decode(content, type=Placed)):10.2f}"
        f"{await best_async(rounds, 2000, opening):10.2f}\n"
    )
    suspicious = LINE | {"event": f"mail to {MAIL} is late"}
    print(f"{'a line of the log, us':34}{'innocent':>10}{'with a find':>12}")
    print(
        f"  {'searched':32}{best(rounds, 20000, lambda: redact(None, '', dict(LINE))):10.2f}"
        f"{best(rounds, 20000, lambda: redact(None, '', dict(suspicious))):12.2f}"
    )


async def measure(rounds: int) -> None:
    """Place a service in an empty folder, and measure."""
    with TemporaryDirectory() as folder:
        here = Path(folder)
        (here / "master").write_text(new_master_key())
        binding = Binding(
            service="speed",
            stores={"main": Store(kind="sqlite", database=str(here / "main.db"))},
            personal=Personal(master_key_secret="master", keys="main"),  # noqa: S106 - a file's name
        )
        service = Service("speed")
        async with service.running(Placement(binding=binding, values=Values(here), secrets=Secrets(here))):
            async with service.sql().connection() as connection:
                await connection.run_sync(Base.metadata.create_all)
            values(rounds)
            await rows(service, rounds)
            await events(service, rounds)


def main() -> None:
    """Measure everything, several rounds over, and print the best of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="how many rounds (5)")
    asyncio.run(measure(parser.parse_args().rounds))


if __name__ == "__main__":
    main()
