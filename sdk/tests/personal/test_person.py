"""Export, erase and hold a person across everything that a service keeps; retention; restored keyrings."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import pytest
import sqlalchemy as sa
from sqlalchemy import DateTime, ForeignKey, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from fairway_sdk import Event, Service
from fairway_sdk.__main__ import main
from fairway_sdk.configuration.placement import Placement
from fairway_sdk.configuration.secrets import Secrets
from fairway_sdk.configuration.values import Values
from fairway_sdk.contract.binding import Binding, Broker, Identity, Issuer, Personal, Published, Sessions, Store
from fairway_sdk.events.outbox import put
from fairway_sdk.identity.caller import ANONYMOUS, Caller
from fairway_sdk.personal.boxes import ErasedError, HeldError, new_master_key
from fairway_sdk.personal.columns import ERASED, personal, personal_equals
from fairway_sdk.personal.key_table import person_key
from fairway_sdk.personal.person import Erasure, erase, erase_again, erasures, export
from fairway_sdk.personal.retention import purge
from fairway_sdk.personal.rows import opened
from fairway_sdk.personal.sealing import PERSONAL
from fairway_sdk.sessions.store import Sessions as SessionStore
from fairway_sdk.testing.servers import Valkey

Migrate = Callable[..., Awaitable[None]]
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Base(DeclarativeBase):
    """The tables of a service."""


class Reader(Base):
    """Stays, unreadable, when its person is erased."""

    __tablename__ = "reader"
    __person__ = "reader"
    __since__ = "joined"
    __keep__ = "2y"

    reader: Mapped[str] = mapped_column(String(64), primary_key=True)
    email: Mapped[str] = personal(searchable=True)
    nickname: Mapped[str | None] = personal(keep="30d", searchable=True)
    joined: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Visit(Base):
    """Goes when its person is erased."""

    __tablename__ = "visited"
    __person__ = "reader"
    __on_erase__ = "delete"

    id: Mapped[int] = mapped_column(primary_key=True)
    reader: Mapped[str] = mapped_column(ForeignKey("reader.reader"))
    page: Mapped[str] = mapped_column(String(64))


class Welcomed(Event, frozen=True):
    """An event with a personal field."""

    channel = "welcomed"
    person = "reader"

    reader: str
    email: Annotated[str, PERSONAL]


@pytest.fixture
async def placed(database: Store, valkey: Valkey, tmp_path: Path, migrate: Migrate) -> Placement:
    """Give a placement with a store, sessions, and a channel whose broker is not there."""
    await migrate(database, Base.metadata)
    (tmp_path / "master").write_text(new_master_key())
    binding = Binding(
        service="readers",
        system=tmp_path.name,
        stores={"main": database, "cache": valkey.store()},
        personal=Personal(master_key_secret="master", keys="main", outside_stores=100.0),  # noqa: S106 - a file's name
        sessions=Sessions(store="cache"),
        identity=Identity(issuers=(Issuer(issuer="https://login.example", audience="shop", keys="/nowhere"),)),
        publishes={"welcomed": Published(personal=True)},
        broker=Broker(kind="memory"),
    )
    return Placement(binding=binding, values=Values(tmp_path), secrets=Secrets(tmp_path))


@pytest.fixture
async def service(placed: Placement) -> AsyncIterator[Service]:
    """Give a service whose stores are open and nothing else: nothing is sent while a test looks."""
    found = Service("readers")
    found.place(placed)
    async with opened(found):
        found.life.started = True
        yield found


async def add_ada(service: Service, joined: datetime = LONG_AGO) -> None:
    """Write everything there can be of a person: rows, events and a session."""
    async with service.transaction() as transaction:
        transaction.add(Reader(reader="ada", email="ada@example.com", nickname="Ada", joined=joined))
        transaction.add(Reader(reader="bob", email="bob@example.com", nickname="Bob", joined=joined))
        await transaction.flush()
        transaction.add_all([Visit(reader="ada", page="/one"), Visit(reader="ada", page="/two")])
        transaction.add(Visit(reader="bob", page="/one"))
        await put(transaction, [Welcomed(reader="ada", email="ada@example.com")])
    sessions = SessionStore(service)
    await sessions.start()
    session = await sessions.load(None, ANONYMOUS)
    session.login(Caller(person="ada", issuer="https://login.example"))
    await session.save()


async def test_an_export_has_everything_in_plain(service: Service) -> None:
    """Rows of the service, events that wait, sessions; and nothing of anybody else."""
    await add_ada(service)
    found = json.loads(json.dumps(await export(service, "ada")))
    assert found["rows"]["main"]["reader"] == [
        {"reader": "ada", "email": "ada@example.com", "nickname": "Ada", "joined": "2020-01-01T00:00:00Z"}
    ]
    assert {row["page"] for row in found["rows"]["main"]["visited"]} == {"/one", "/two"}
    assert "ada@example.com" in json.dumps(found["events"])
    assert found["sessions"] == 1
    assert "bob" not in json.dumps(found)


async def test_an_erased_person_is_gone_in_every_form(service: Service) -> None:
    """Their rows go or cannot be read or found, their events and sessions go, others stay; again does no harm."""
    await add_ada(service)
    done = await erase(service, "ada")
    assert not done.before
    assert done.deleted == {"main.visited": 2}
    assert done.unlinked == {"main.reader": 1}
    assert (done.events, done.sessions, done.everywhere_within) == (1, 1, 30.0)
    again = await erase(service, "ada")
    assert again.before
    assert (again.deleted, again.unlinked, again.events, again.sessions) == ({}, {}, 0, 0)
    async with service.transaction() as transaction:
        query = sa.select(Reader).order_by(Reader.reader)
        assert [one.email for one in await transaction.scalars(query)] == [ERASED, "bob@example.com"]
        lost = sa.select(Reader).where(personal_equals(Reader.email, "ada@example.com"))
        assert await transaction.scalar(lost) is None
        assert await transaction.scalar(sa.select(sa.func.count()).select_from(Visit)) == 1
    found = await export(service, "ada")
    assert found["rows"]["main"]["reader"][0]["email"] == ERASED
    assert (found["events"], found["sessions"]) == ([], 0)


async def test_a_hold_stops_erasure_and_retention(service: Service) -> None:
    """Everything of a held person stays; what is old of others goes."""
    await add_ada(service)
    await service.keyring.hold("ada", "case 7")
    with pytest.raises(HeldError, match="case 7"):
        await erase(service, "ada")
    async with service.transaction() as transaction:
        await transaction.execute(sa.delete(Visit))
    before = await purge(service, dry_run=True)
    purged = {one.table: one for one in await purge(service)}
    assert [(one.table, one.gone, one.held) for one in before] == [
        ("main.reader", 1, 1),
        ("main.reader.nickname", 1, 1),
        ("dead letters", 0, 0),
    ]
    assert (purged["main.reader"].gone, purged["main.reader"].held) == (1, 1)
    async with service.transaction() as transaction:
        assert (await transaction.scalars(sa.select(Reader.reader))).all() == ["ada"]
    await service.keyring.hold("ada", None)
    assert {one.table: one.gone for one in await purge(service)}["main.reader"] == 1


async def test_a_value_is_emptied_before_its_row_goes(service: Service) -> None:
    """The column's own time of keeping is shorter; its blind index goes with it."""
    await add_ada(service, datetime.now(UTC) - timedelta(days=40))
    assert {one.table: one.gone for one in await purge(service)}["main.reader.nickname"] == 2
    async with service.transaction() as transaction:
        ada = await transaction.get_one(Reader, "ada")
        assert (ada.nickname, ada.email) == (None, "ada@example.com")
        assert await transaction.scalar(sa.select(Reader).where(personal_equals(Reader.nickname, "Ada"))) is None
    assert {one.table: one.gone for one in await purge(service)}["main.reader.nickname"] == 0


async def test_retention_goes_by_small_steps(service: Service) -> None:
    """More rows than one step takes, among them many of a held person, go in the end."""
    rows = [{"reader": f"r{at}", "email": b"", "joined": LONG_AGO} for at in range(1300)]
    async with service.sql().connection() as connection:
        await connection.execute(
            sa.text("insert into reader (reader, email, joined) values (:reader, :email, :joined)"), rows
        )
    await service.keyring.hold("r700", "case 8")
    purged = {one.table: one for one in await purge(service)}
    assert (purged["main.reader"].gone, purged["main.reader"].held) == (1299, 1)


async def test_rows_that_others_point_to_are_told(service: Service) -> None:
    """Retention says which table cannot go, and goes on with the rest."""
    await add_ada(service)
    purged = {one.table: one for one in await purge(service)}
    assert "other rows point to old ones" in purged["main.reader"].fault
    assert purged["main.reader.nickname"].gone == 2


async def test_old_dead_letters_go_unless_their_person_is_held(service: Service) -> None:
    """After the time that queues may remember."""
    await add_ada(service)
    async with service.transaction() as transaction:
        await put(transaction, [Welcomed(reader="bob", email="bob@example.com")])
    async with service.sql().connection() as connection:
        await connection.execute(sa.text("update fairway_outbox set state = 'parked', due_at = 5"))
    await service.keyring.hold("ada", "case 9")
    purged = {one.table: one for one in await purge(service)}["dead letters"]
    assert (purged.gone, purged.held) == (1, 1)


async def test_a_restored_keyring_forgets_again(service: Service) -> None:
    """An older copy of the keyring brings keys back; the notes in other places, or a list, take them away again."""
    await add_ada(service)
    async with service.sql().connection() as connection:
        copy = (await connection.execute(sa.select(person_key))).mappings().all()
    alias = service.keyring.alias("ada")
    await erase(service, "ada")
    listed = await erasures(service)
    assert [one.alias for one in listed] == [alias]

    async def restore() -> None:
        async with service.sql().connection() as connection:
            await connection.execute(sa.delete(person_key))
            await connection.execute(sa.insert(person_key), [dict(row) for row in copy])
        service.keyring._remembered.clear()  # noqa: SLF001 - as in a process that starts after the restore

    await restore()
    await service.keyring.key("ada", create=False)  # this is the danger
    assert await erase_again(service) == 1
    with pytest.raises(ErasedError):
        await service.keyring.key("ada")
    assert await erase_again(service) == 0
    await restore()
    assert await erase_again(service, [Erasure(alias, 1.0)]) == 1
    with pytest.raises(ErasedError):
        await service.keyring.key("ada")


async def test_the_commands_do_what_they_say(
    placed: Placement,
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """Export, hold, refuse, release, erase, list, apply, rewrap and let go, as an operator types them."""
    await add_ada(service)
    module: Any = ModuleType("readers_of_a_test")
    module.service = Service("readers")
    module.service.place(placed)
    monkeypatch.setitem(sys.modules, "readers_of_a_test", module)
    where = "readers_of_a_test:service"

    async def run(*words: str) -> tuple[int, str]:
        code = await asyncio.to_thread(main, [*words[:1], where, *words[1:]])
        told = capsys.readouterr()
        return code, told.out + told.err

    code, told = await run("person", "export", "ada")
    assert code == 0
    assert json.loads(told)["rows"]["main"]["reader"][0]["email"] == "ada@example.com"
    assert (await run("person", "hold", "ada", "--reason", "case 7"))[0] == 0
    code, told = await run("person", "erase", "ada")
    assert code == 1
    assert "under legal hold: case 7" in told
    assert (await run("person", "release", "ada"))[0] == 0
    code, told = await run("person", "erase", "ada")
    assert code == 0
    assert "within 30 s" in told
    assert "main.visited: 2 rows deleted" in told
    code, told = await run("person", "erased")
    (tmp_path / "list").write_text(told)
    assert code == 0
    assert (await run("person", "erase", "--from", str(tmp_path / "list")))[0] == 0
    code, told = await run("person", "erase", "--from", str(tmp_path / "nowhere"))
    assert (code, "cannot be read" in told) == (2, True)
    assert (await run("person", "erase", "--again"))[0] == 0
    code, told = await run("rewrap")
    assert code == 0
    assert "0 keys were wrapped by another" in told
    code, told = await run("retention", "--dry-run", "--format", "json")
    assert json.loads(told)
