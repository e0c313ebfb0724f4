"""Migrations bring a store to what the code needs, and a service that stands on an older schema says so."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from fairway_sdk import Service, SetupError
from fairway_sdk.contract.binding import Store
from fairway_sdk.errors import UnavailableError
from fairway_sdk.stores.command import migrate_stores
from fairway_sdk.stores.migrations.apply import MigrationError
from fairway_sdk.stores.migrations.trees import SDK_FOLDER, read_tree
from fairway_sdk.testing.placing import create_tables

from .conftest import Place

SDK = len(read_tree("the SDK", SDK_FOLDER, "fairway_version").revisions)

FIRST = '''"""Make books."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table("book", sa.Column("id", sa.Integer, primary_key=True), sa.Column("title", sa.String(100)))
'''

SECOND = '''"""Add gift."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("book", sa.Column("gift", sa.Boolean))
'''


def write(folder: Path, **files: str) -> None:
    """Write revisions of the service's own."""
    versions = folder / "migrations" / "versions"
    versions.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (versions / f"{name}.py").write_text(text)


async def reason(service: Service) -> str | None:
    """Start the only store of a service, and give what it says to the probe."""
    (part,) = service.stores.open()
    await part.start()
    try:
        return await part.unready()
    finally:
        await part.stop()


async def columns(service: Service, table: str) -> list[str]:
    """Name the columns of a table."""
    service.stores.open()
    async with service.sql().connection() as connection:
        found = await connection.run_sync(lambda sync: sa.inspect(sync).get_columns(table))
    await service.sql().stop()
    return [column["name"] for column in found]


async def test_migrating_applies_what_is_pending_and_then_nothing(store: Store, orders: Place, tmp_path: Path) -> None:
    """The SDK's tables and the service's own; the service is unready before and ready after."""
    write(tmp_path, first=FIRST, second=SECOND)
    service = orders(store)
    assert await reason(service) == (
        f"store orders-db: {SDK + 2} migrations are pending. Run `python -m fairway_sdk migrate MODULE:NAME`."
    )
    told: list[str] = []
    done = await migrate_stores(service, tell=told.append)
    assert [one["what"] for one in done][SDK:] == ["0001: Make books", "0002: Add gift"]
    assert told[-1] == "orders-db: orders: 0002: Add gift"
    assert await columns(service, "book") == ["id", "title", "gift"]
    assert await reason(service) is None
    assert await migrate_stores(service) == []


async def test_migrating_stops_at_the_revision_that_is_asked_for(store: Store, orders: Place, tmp_path: Path) -> None:
    """And goes on from there; an unknown one is told."""
    write(tmp_path, first=FIRST, second=SECOND)
    service = orders(store)
    await migrate_stores(service, to="0001")
    assert await columns(service, "book") == ["id", "title"]
    assert "1 migration is pending" in str(await reason(service))
    with pytest.raises(MigrationError, match=r"has no revision '0009'\. It has: 0001, 0002"):
        await migrate_stores(service, to="0009")
    await migrate_stores(service)
    assert await columns(service, "book") == ["id", "title", "gift"]


async def test_a_schema_that_is_newer_than_the_code_is_fine(store: Store, orders: Place, tmp_path: Path) -> None:
    """The old release runs on while the new one's schema is there already."""
    write(tmp_path, first=FIRST, second=SECOND)
    await migrate_stores(orders(store))
    (tmp_path / "migrations" / "versions" / "second.py").unlink()
    service = orders(store)
    assert await reason(service) is None
    assert await migrate_stores(service) == []


async def test_a_revision_that_fails_leaves_those_before_it_and_is_run_again(
    store: Store, orders: Place, tmp_path: Path
) -> None:
    """Where the store can, nothing of it remains."""
    broken = SECOND.replace("op.add_column", 'op.create_table("left", sa.Column("id", sa.Integer))\n    op.add_colum')
    broken = broken.replace("add_colum(", 'execute("no such statement"); op.add_column(')
    write(tmp_path, first=FIRST, second=broken)
    service = orders(store)
    with pytest.raises(MigrationError, match=r"second.py: revision '0002' failed: .*run this again\.") as told:
        await migrate_stores(service)
    half = "A part of it is in the store" in str(told.value)
    assert half == (store.kind == "mysql")
    if half:
        service.stores.open()
        async with service.sql().connection() as connection:
            await connection.execute(sa.text("drop table `left`"))
        await service.sql().stop()
    write(tmp_path, second=SECOND)
    assert [one["what"] for one in await migrate_stores(service)] == ["0002: Add gift"]


async def test_tables_that_a_test_made_need_no_migration(store: Store, orders: Place) -> None:
    """A service without revisions of its own is ready on them."""
    service = orders(store)
    await create_tables(service)
    assert await reason(service) is None


@pytest.mark.parametrize(
    ("second", "sentence"),
    [
        (SECOND.replace('"0002"', '"0001"'), "revision '0001' is also in first.py"),
        (SECOND.replace('down_revision = "0001"', 'down_revision = "0000"'), "follows revision '0000', which is not"),
        (
            SECOND.replace('down_revision = "0001"', "down_revision = None"),
            "must be one, and it is: first.py, second.py",
        ),
        (SECOND.replace('revision = "0002"', "revision = str(2)"), "second.py:6: revision is computed"),
        (SECOND + "\n)", "second.py:13: unmatched ')'"),
    ],
)
async def test_revisions_that_cannot_stand_are_told_with_their_files(
    second: str, sentence: str, orders: Place, tmp_path: Path
) -> None:
    """Before anything is applied."""
    write(tmp_path, first=FIRST, second=second)
    service = orders(Store(kind="sqlite", database=str(tmp_path / "orders.db")))
    with pytest.raises(SetupError) as told:
        await migrate_stores(service)
    assert sentence in str(told.value)


async def test_a_copy_that_takes_no_writes_waits_for_the_region_that_does(
    database: Store, orders: Place, tmp_path: Path
) -> None:
    """Its job changes nothing, ends well when the copy has followed, and says what it lacks when it has not."""
    write(tmp_path, first=FIRST)
    service = orders(database)
    await migrate_stores(service)
    service.stores.open()
    async with service.sql().connection() as connection:  # as all are on a server that follows another one
        await connection.execute(
            sa.text(f'alter database "{database.database}" set default_transaction_read_only = on')
        )
        await connection.commit()
    await service.sql().stop()
    copy = replace(database, follows=True)
    assert await migrate_stores(orders(copy), wait=20) == []
    write(tmp_path, second=SECOND)
    said: list[str] = []
    with pytest.raises(UnavailableError, match=r"still lacks '0002: Add gift'\. Migrate it where"):
        await migrate_stores(orders(copy), wait=1.5, tell=said.append)
    assert "takes no writes here, follows with '0002: Add gift'" in said[0]
