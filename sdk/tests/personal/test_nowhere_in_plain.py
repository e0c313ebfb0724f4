"""Planted personal values are in no file of any server and in no log; and what a stolen copy is worth."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
import sqlalchemy as sa
import structlog
from sqlalchemy import String
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from fairway_sdk import Event, Service
from fairway_sdk.configuration.placement import Placement
from fairway_sdk.configuration.secrets import Secrets
from fairway_sdk.configuration.values import Values
from fairway_sdk.contract.binding import Binding, Consumed, Personal, Published, Retries, Sessions, Store
from fairway_sdk.errors import SetupError
from fairway_sdk.events import dead_letters
from fairway_sdk.identity.caller import ANONYMOUS, Caller
from fairway_sdk.personal.boxes import Aliases, DataKey, ErasedError, MasterKeys, new_master_key
from fairway_sdk.personal.columns import folded, personal
from fairway_sdk.personal.key_table import person_key
from fairway_sdk.personal.sealing import PERSONAL
from fairway_sdk.sessions.session import Session
from fairway_sdk.sessions.store import Sessions as SessionStore
from fairway_sdk.testing.servers import PostgreSQL, Valkey

Migrate = Callable[..., Awaitable[None]]
MAIL = "planted.needle@example.com"
STREET = "Needlework Lane 4711"
NEEDLES = tuple(word.encode() for word in (MAIL, MAIL.casefold(), STREET, "planted.needle", "Needlework"))


class Base(DeclarativeBase):
    """The tables of a service."""


class Patron(Base):
    """Holds what is planted."""

    __tablename__ = "patron"
    __person__ = "reader"

    reader: Mapped[str] = mapped_column(String(64), primary_key=True)
    email: Mapped[str] = personal(unique=True, normalise=folded)
    street: Mapped[str] = personal()


class Joined(Event, frozen=True):
    """Carries what is planted."""

    channel = "joined"
    person = "reader"

    reader: str
    email: Annotated[str, PERSONAL]
    streets: list[Annotated[str, PERSONAL]]


@pytest.fixture
async def placed(database: Store, valkey: Valkey, tmp_path: Path, migrate: Migrate) -> Placement:
    """Give a placement with a store, a broker, a channel that comes back, and sessions."""
    await migrate(database, Base.metadata)
    (tmp_path / "master").write_text(new_master_key())
    binding = Binding(
        service="patrons",
        system=tmp_path.name,
        stores={"main": database, "cache": valkey.store()},
        personal=Personal(master_key_secret="master", keys="main"),  # noqa: S106 - a file's name
        sessions=Sessions(store="cache"),
        broker=valkey.broker(),
        publishes={"joined": Published(personal=True)},
        consumes={"joined": Consumed(personal=True, retries=Retries(tries=1, first_pause=0.01))},
    )
    return Placement(binding=binding, values=Values(tmp_path), secrets=Secrets(tmp_path))


def files_with(folder: Path, needles: tuple[bytes, ...] = NEEDLES) -> list[str]:
    """Name the files below a folder in which a planted value is found as it is."""
    found = []
    for file in folder.rglob("*"):
        if file.is_file() and not file.is_socket():
            content = file.read_bytes()
            found += [f"{file}: {needle!r}" for needle in needles if needle in content]
    return found


async def test_planted_values_are_nowhere(
    placed: Placement, postgresql: PostgreSQL, valkey: Valkey, capfd: pytest.CaptureFixture[str]
) -> None:
    """Not in tables, indexes and write-ahead log, in broker, sessions and dead letters, nor in any line of the log."""
    service = Service("patrons")
    seen: list[Joined] = []

    @service.on(Joined)
    async def remember(event: Joined) -> None:
        seen.append(event)
        raise ValueError(f"no letter box for {event.email} at {event.streets}")

    async with service.running(placed):
        async with service.transaction() as transaction:
            transaction.add(Patron(reader="ada", email=MAIL, street=STREET))
            await transaction.emit(Joined("ada", MAIL, [STREET]))
        with pytest.raises(IntegrityError) as told:
            async with service.transaction() as transaction:
                transaction.add(Patron(reader="bob", email=MAIL.upper(), street=STREET))
        assert "NEEDLE" not in str(told.value)
        session = await service_session(service)
        session["street"] = STREET
        await session.save()
        log = structlog.get_logger("fairway")
        log.info(
            "written by mistake", email=MAIL, text=f"to {MAIL}", event_itself=seen or Joined("ada", MAIL, [STREET])
        )
        try:
            raise ValueError(f"cannot write to {MAIL}")  # noqa: TRY301 - it is there to be logged
        except ValueError:
            log.exception("failed")
        async with asyncio.timeout(20):
            while not await letters(service):  # noqa: ASYNC110 - the row is in another process
                await asyncio.sleep(0.05)
    assert seen[0].streets == [STREET]
    postgresql.query("postgres", "checkpoint")
    assert files_with(postgresql.folder) == []
    assert files_with(valkey.folder) == []
    logged = capfd.readouterr()
    assert "failed" in logged.out
    assert not [needle for needle in NEEDLES if needle.decode() in logged.out + logged.err]


async def test_the_search_itself_finds_what_is_not_sealed(postgresql: PostgreSQL, database: Store) -> None:
    """A value in a plain column is found in the server's files: the test above would see it."""
    postgresql.query(database.database, "create table plain (street text); insert into plain values ('Haystack 12')")
    postgresql.query("postgres", "checkpoint")
    found = files_with(postgresql.folder, (b"Haystack 12",))
    assert [file for file in found if "pg_wal" in file]
    assert [file for file in found if "/base/" in file]


async def letters(service: Service) -> list[Any]:
    """Give the dead letters of a service."""
    return await dead_letters.find(service)


async def service_session(service: Service) -> Session:
    """Begin a session of a person."""
    sessions = SessionStore(service)
    await sessions.start()
    session = await sessions.load(None, ANONYMOUS)
    session.login(Caller(person="ada"))
    return session


async def test_what_a_thief_can_do_with_copies(placed: Placement, tmp_path: Path) -> None:
    """With the master key and the store of now: nothing. With an older copy of the keyring, only until a rewrapping."""
    old_master = (tmp_path / "master").read_text()
    service = Service("patrons")

    async def stolen() -> tuple[dict[str, sa.Row[*tuple[Any, ...]]], bytes]:
        async with service.sql().connection() as connection:
            rows = {row.alias: row for row in await connection.execute(sa.select(person_key))}
            return rows, bytes(await connection.scalar(sa.text("select email from patron")))

    service.place(msgspec.structs.replace(placed, binding=msgspec.structs.replace(placed.binding, consumes={})))
    async with service.running():
        async with service.transaction() as transaction:
            transaction.add(Patron(reader="ada", email=MAIL, street=STREET))
        before, box = await stolen()
        (tmp_path / "master").write_text(f"{new_master_key()}\n{old_master}")
        await asyncio.sleep(0.3)  # the secret is looked at again
        await service.keyring.erase("ada")
        await service.keyring.rewrap()
        after, _ = await stolen()
    (tmp_path / "master").write_text(new_master := (tmp_path / "master").read_text().splitlines()[0])

    old, new = MasterKeys(old_master, "old"), MasterKeys(new_master, "new")
    alias = Aliases(new.unwrap("*", after["*"].wrapped, after["*"].master)).alias("ada")
    place = b"patron.email\0ada"
    # An older copy of the keyring with its master key opens an old value: that is what backups mean.
    key = old.unwrap(alias, before[alias].wrapped, before[alias].master)
    assert DataKey(alias, key).open(box[1:], place).decode() == MAIL
    # The keyring of now holds nothing of the person, whoever has the master keys.
    assert (after[alias].wrapped, after[alias].master) == (None, "")
    # Once the old master key is destroyed, the older copy holds nothing either, for anybody.
    for row in before.values():
        with pytest.raises(SetupError, match="wrapped by the master key"):
            new.unwrap(row.alias, row.wrapped, row.master)
    service = Service("patrons")
    service.place(msgspec.structs.replace(placed, binding=msgspec.structs.replace(placed.binding, consumes={})))
    async with service.running():
        with pytest.raises(ErasedError):
            await service.keyring.key("ada")
