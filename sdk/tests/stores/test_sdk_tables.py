"""The revisions of the SDK's tables make what its code expects, on every store."""

import pkgutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.asyncio import AsyncConnection

import fairway_sdk
from fairway_sdk import Service
from fairway_sdk.contract.binding import Store
from fairway_sdk.stores.command import migrate_stores
from fairway_sdk.stores.engine import open_engine
from fairway_sdk.stores.migrations.trees import SDK_VERSION
from fairway_sdk.stores.schema import all_tables

from .conftest import Place

HOLDS = {mysql.TINYBLOB: 2**8, mysql.BLOB: 2**16, mysql.MEDIUMBLOB: 2**24, mysql.LONGBLOB: 2**32}  # bytes, and one


def differs(context: MigrationContext, _there: object, _wanted: object, there: Any, wanted: Any) -> bool | None:  # noqa: ANN401
    """Tell whether a type is another; MySQL answers a length of bytes with the smallest type that has room."""
    if context.dialect.name != "sqlite" and isinstance(wanted, sa.LargeBinary) and type(there) in HOLDS:
        return bool(type(there) is not next(kind for kind, room in HOLDS.items() if (wanted.length or 1) < room))
    return None  # as Alembic thinks


def differences(connection: sa.Connection) -> list[Any]:
    """Give what Alembic would change; only PostgreSQL tells defaults as they were written."""
    options = {
        "version_table": SDK_VERSION,
        "compare_type": differs,
        "compare_server_default": connection.dialect.name == "postgresql",
    }
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), all_tables()))


@asynccontextmanager
async def connected(service: Service) -> AsyncIterator[AsyncConnection]:
    """Give a connection to a service's store."""
    engine = open_engine(service.binding.stores["orders-db"], service.placement.secrets)
    try:
        async with engine.begin() as connection:
            yield connection
    finally:
        await engine.dispose()


async def test_the_revisions_make_the_tables_that_the_code_expects(store: Store, orders: Place) -> None:
    """Otherwise scripts/sdk_revision.py begins the revision that is missing."""
    service = orders(store)
    await migrate_stores(service)
    async with connected(service) as connection:
        assert await connection.run_sync(differences) == []


async def test_the_comparison_sees_a_column_that_is_missing(store: Store, orders: Place) -> None:
    """So the test above can fail."""
    service = orders(store)
    await migrate_stores(service)
    async with connected(service) as connection:
        await connection.execute(sa.text("alter table fairway_saga drop column tenant"))
        ((what, *_rest),) = await connection.run_sync(differences)
    assert what == "add_column"


def test_no_table_of_the_sdk_is_forgotten() -> None:
    """Every module that adds one is named beside the collection."""
    known = set(all_tables().tables)
    for module in pkgutil.walk_packages(fairway_sdk.__path__, "fairway_sdk."):
        if "__main__" not in module.name:
            import_module(module.name)
    assert set(all_tables().tables) == known
    assert all(name.startswith("fairway_") for name in known)


@pytest.mark.parametrize("done", [1, 3, 99])
async def test_a_job_that_was_killed_among_the_tables_of_mysql_is_run_again(
    done: int, mysql_store: Store, orders: Place
) -> None:
    """MySQL commits each statement by itself, so some tables are there and the version is not."""
    service = orders(mysql_store)
    async with connected(service) as connection:
        for table in list(all_tables().sorted_tables)[:done]:
            await connection.run_sync(table.create)
        if done == 99:
            await connection.execute(sa.text("drop index fairway_saga_due on fairway_saga"))
    await migrate_stores(service)
    async with connected(service) as connection:
        assert await connection.run_sync(differences) == []


def test_revisions_need_nothing_that_changes_later() -> None:
    """A revision that reads the tables of today makes other tables tomorrow."""
    for file in (Path(fairway_sdk.__path__[0]) / "stores" / "migrations" / "versions").glob("*.py"):
        imports = [line for line in file.read_text().splitlines() if "fairway_sdk" in line]
        assert all(line.startswith("from fairway_sdk.stores.migrations.steps import ") for line in imports), file
