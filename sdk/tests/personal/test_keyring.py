"""The keyring: one key a person in all services, destroyed once for all of them, re-wrapped without a pause."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from fairway_sdk import Service
from fairway_sdk.contract.binding import Store
from fairway_sdk.errors import SetupError, UnavailableError
from fairway_sdk.personal import key_table
from fairway_sdk.personal.boxes import (
    BrokenSealError,
    DataKey,
    ErasedError,
    HeldError,
    MasterKeys,
    UnknownPersonError,
    new_key,
    new_master_key,
)
from fairway_sdk.personal.key_table import person_key
from fairway_sdk.testing.servers import PostgreSQL

MakeService = Callable[..., Service]
Migrate = Callable[..., Awaitable[None]]

PLACE = b"customer.email"


async def test_two_services_share_the_key_of_a_person(make_service: MakeService, store: Store) -> None:
    """What one service seals, another one opens, and a person has one alias in both."""
    async with make_service(store).running() as orders, make_service(store, "mail").running() as mail:
        box = (await orders.keyring.key("ada")).seal(b"ada@example.com", PLACE)
        assert (await mail.keyring.key("ada", create=False)).open(box, PLACE) == b"ada@example.com"
        assert orders.keyring.alias("ada") == mail.keyring.alias("ada") != mail.keyring.alias("bob")


async def test_a_store_of_keys_alone_has_no_more_connections_than_are_bound(
    make_service: MakeService, postgresql: PostgreSQL, migrate: Migrate
) -> None:
    """Store and keyring share them, so that the bound is kept, and both are ready; the keyring ends none of them."""
    store = postgresql.create(f"t{uuid4().hex[:12]}")
    await migrate(store)
    bound = replace(store, shared=True, connections=2)
    async with make_service(bound).running() as service:
        await asyncio.gather(*(service.keyring.key(f"person {number}") for number in range(8)))
        assert await service.life.unready() == {}
        async with service.sql("main").connection() as connection:
            count = "select count(*) from pg_stat_activity where datname = current_database()"
            assert (await connection.execute(sa.text(count))).scalar_one() <= 2
        await service.keyring.stop()
        assert await service.sql("main").unready() is None
    postgresql.drop(store.database)


async def test_of_many_who_make_the_same_key_at_once_one_wins(make_service: MakeService, store: Store) -> None:
    """All writers end with the same key, and none fails, in whatever order they name the persons."""
    async with make_service(store).running() as one, make_service(store, "mail").running() as other:
        names = [f"person-{number}" for number in range(40)]
        answers = await asyncio.gather(
            *(
                keyring.keys(order, create=True)
                for keyring in (one.keyring, other.keyring)
                for order in (names, names[::-1])
            )
        )
        for name in names:
            box = answers[0][name].seal(b"x", PLACE)  # type: ignore[union-attr]  # none is erased
            assert all(answer[name].open(box, PLACE) == b"x" for answer in answers)  # type: ignore[union-attr]


async def test_an_erased_person_stays_erased(make_service: MakeService, store: Store) -> None:
    """No key comes back for them, not even for an event that comes late, nor for one who never had a key."""
    async with make_service(store).running() as service:
        keyring = service.keyring
        await keyring.key("ada")
        assert await keyring.erase("ada")
        assert not await keyring.erase("ada")
        assert await keyring.erase("never seen")
        for person in ("ada", "never seen"):
            with pytest.raises(ErasedError, match="key is destroyed"):
                await keyring.key(person)
        assert await keyring.keys(["ada", "bob"]) == {"ada": None}
    async with make_service(store).running() as again:
        with pytest.raises(ErasedError):
            await again.keyring.key("ada")


async def test_another_replica_forgets_within_the_stated_time(make_service: MakeService, sqlite: Store) -> None:
    """It may go on with a remembered key for thirty seconds, and no longer."""
    async with make_service(sqlite).running() as one, make_service(sqlite).running() as other:
        await other.keyring.key("ada")
        await one.keyring.erase("ada")
        with pytest.raises(ErasedError):
            await one.keyring.key("ada")
        other.clock.ahead = 29
        await other.keyring.key("ada")
        other.clock.ahead = 31
        with pytest.raises(ErasedError):
            await other.keyring.key("ada")


async def test_no_more_keys_are_remembered_than_stated(make_service: MakeService, sqlite: Store) -> None:
    """The process's memory is bounded, and a forgotten key is asked for again."""
    async with make_service(sqlite, remembered_keys=10).running() as service:
        found = await service.keyring.keys([f"person-{number}" for number in range(50)], create=True)
        assert len(found) == 50
        assert len(service.keyring._remembered) == 10  # noqa: SLF001 - its size is the promise
        assert len(await service.keyring.keys([f"person-{number}" for number in range(50)])) == 50


async def test_a_hold_keeps_a_person_from_erasure(make_service: MakeService, store: Store) -> None:
    """Erasure is refused with the reason until the hold is released; who is erased cannot be held."""
    async with make_service(store).running() as service:
        keyring = service.keyring
        await keyring.hold("ada", "case 7")
        with pytest.raises(HeldError, match="case 7"):
            await keyring.erase("ada")
        assert await keyring.holds(["ada", "bob"]) == {"ada": "case 7"}
        await keyring.key("ada", create=False)
        await keyring.hold("ada", None)
        assert await keyring.holds(["ada"]) == {}
        assert await keyring.erase("ada")
        with pytest.raises(ErasedError, match="nothing left to hold"):
            await keyring.hold("ada", "case 8")


async def test_master_keys_rotate_without_losing_a_key(make_service: MakeService, store: Store, tmp_path: Path) -> None:
    """After the rewrapping the old master key is not needed; erased persons stay erased; aliases stay the same."""
    old, new = (tmp_path / "master").read_text(), new_master_key()
    async with make_service(store).running() as service:
        found = await service.keyring.keys([f"person-{number}" for number in range(700)], create=True)
        box = found["person-3"].seal(b"x", PLACE)  # type: ignore[union-attr]  # it is not erased
        await service.keyring.erase("person-4")
        alias = service.keyring.alias("person-3")
    (tmp_path / "master").write_text(f"{new}\n{old}\n")
    async with make_service(store).running() as service:
        assert await service.keyring.rewrap() == 700  # 699 keys and the root
        assert await service.keyring.rewrap() == 0
    (tmp_path / "master").write_text(new)
    async with make_service(store).running() as service:
        assert (await service.keyring.key("person-3", create=False)).open(box, PLACE) == b"x"
        assert service.keyring.alias("person-3") == alias
        with pytest.raises(ErasedError):
            await service.keyring.key("person-4")


@pytest.mark.parametrize("content", [None, "", "hunter2"], ids=["gone", "empty", "no key"])
async def test_a_rotation_that_goes_wrong_stops_nobody(
    make_service: MakeService, sqlite: Store, tmp_path: Path, content: str | None
) -> None:
    """What runs goes on with the last good master keys; what starts is refused."""
    async with make_service(sqlite).running() as service:
        await service.keyring.key("ada")
        if content is None:
            (tmp_path / "master").unlink()
        else:
            (tmp_path / "master").write_text(content)
        await asyncio.sleep(0.3)
        box = (await service.keyring.key("bob")).seal(b"x", PLACE)
        assert (await service.keyring.key("bob")).open(box, PLACE) == b"x"
    with pytest.raises(SetupError, match="master"):
        await make_service(sqlite).start()


async def test_the_wrong_master_key_is_told_and_named(make_service: MakeService, sqlite: Store, tmp_path: Path) -> None:
    """The service is not ready, with both fingerprints in the reason; no alias and no key is given out."""
    async with make_service(sqlite).running():
        pass
    (tmp_path / "master").write_text(new_master_key())
    async with make_service(sqlite).running() as service:
        reason = (await service.life.unready())["keyring"]
        assert "was wrapped by the master key" in reason
        assert "Add the missing key" in reason
        with pytest.raises(UnavailableError, match="was wrapped by"):
            service.keyring.alias("ada")
        with pytest.raises(SetupError):
            await service.keyring.key("ada")


async def test_a_store_that_does_not_answer_delays_no_start(make_service: MakeService, tmp_path: Path) -> None:
    """The service starts, is not ready, and becomes so when the store comes back."""
    (tmp_path / "held").mkdir()
    store = Store(kind="sqlite", database=str(tmp_path / "late" / "main.db"))
    async with make_service(store).running() as service:
        assert "does not answer" in (await service.keyring.unready() or "")
        (tmp_path / "late").mkdir()
        async with asyncio.timeout(10):
            while await service.keyring.unready() is not None:  # noqa: ASYNC110 - the file system tells nobody
                await asyncio.sleep(0.05)
        assert service.keyring.alias("ada")


async def test_a_store_without_the_table_is_told(make_service: MakeService, database: Store) -> None:
    """The reason says to run the migrations."""
    async with make_service(database).running() as service:
        with pytest.raises(SetupError, match=r"fairway_person_key cannot be used.*migrations"):
            await service.keyring.key("ada")
        assert "migrations" in (await service.keyring.unready() or "")


async def test_faults_of_the_placement_are_told_before_the_start(make_service: MakeService, tmp_path: Path) -> None:
    """A secret that holds no key and a keyring in a cache are refused with what to do."""
    redis = make_service(Store(kind="redis", address="unix:/nowhere"))
    with pytest.raises(SetupError, match="'main', which is a redis store"):
        await redis.keyring.start()
    (tmp_path / "master").write_text("short\n")
    service = make_service(Store(kind="sqlite", database=str(tmp_path / "x.db")))
    with pytest.raises(SetupError, match=r"master:1: is no key\. Write 32 random bytes"):
        await service.start()


def test_each_line_of_the_secret_is_judged() -> None:
    """Lines that are no key are named by number, never shown; an empty secret is told, too."""
    with pytest.raises(SetupError) as told:
        MasterKeys(f"{new_master_key()}\nhunter2\n\nQUJD\n", "master")
    assert "master:2" in str(told.value)
    assert "master:4" in str(told.value)
    assert "hunter2" not in str(told.value)
    with pytest.raises(SetupError, match="holds no key"):
        MasterKeys("\n", "master")


async def test_an_unknown_person_is_told_apart_from_an_erased_one(make_service: MakeService, sqlite: Store) -> None:
    """Data of a person without a key hints at two keyrings, which is a mistake and no erasure."""
    async with make_service(sqlite).running() as service:
        with pytest.raises(UnknownPersonError, match="Bind the same store"):
            await service.keyring.key("nobody", create=False)


async def test_a_wrapped_key_does_not_open_in_another_row(
    make_service: MakeService, database: Store, migrate: Migrate
) -> None:
    """Somebody who writes one person's wrapped key into another's row gets nothing by it."""
    await migrate(database)
    async with make_service(database).running() as service:
        keyring = service.keyring
        await keyring.keys(["ada", "bob"], create=True)
        async with service.sql().connection() as connection:
            stolen = sa.select(person_key.c.wrapped).where(person_key.c.alias == keyring.alias("ada"))
            wrapped = await connection.scalar(stolen)
            changed = sa.update(person_key).where(person_key.c.alias == keyring.alias("bob")).values(wrapped=wrapped)
            await connection.execute(changed)
        service.clock.ahead = 60
        with pytest.raises(BrokenSealError):
            await keyring.key("bob")


async def test_a_person_who_is_erased_during_a_rewrapping_stays_erased(make_service: MakeService, store: Store) -> None:
    """What was read before the erasure is not written after it."""
    async with make_service(store).running() as service:
        keyring = service.keyring
        await keyring.key("ada")
        async with keyring._connection() as connection:  # noqa: SLF001 - its first statement, and below its second
            row = next(one for one in await key_table.wrapped_otherwise(connection, "", "") if one.alias != "*")
        await keyring.erase("ada")
        async with keyring._connection() as connection:  # noqa: SLF001 - likewise
            new = {"whose": row.alias, "old": row.master, "new": row.wrapped, "by": row.master}
            await key_table.rewrap(connection, [new])
            (left,) = await key_table.read(connection, [row.alias])
        assert left.wrapped is None


def test_two_persons_with_one_key_still_cannot_read_each_other() -> None:
    """The person is part of the seal."""
    key = new_key()
    with pytest.raises(BrokenSealError):
        DataKey("b", key).open(DataKey("a", key).seal(b"x", PLACE), PLACE)
