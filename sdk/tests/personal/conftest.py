"""Services with a keyring for the tests of personal data."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import MetaData

from fairway_sdk import Service
from fairway_sdk.configuration.placement import Placement
from fairway_sdk.configuration.secrets import Secrets
from fairway_sdk.configuration.values import Values
from fairway_sdk.contract.binding import Binding, Personal, Store
from fairway_sdk.personal.boxes import new_master_key
from fairway_sdk.stores.engine import open_engine
from fairway_sdk.stores.schema import all_tables

MakeService = Callable[..., Service]


async def create_all(store: Store, folder: Path, *further: MetaData) -> None:
    """Make the SDK's tables, and further collections of tables, in a store."""
    engine = open_engine(store, Secrets(folder), "test")
    async with engine.begin() as connection:
        for collection in (all_tables(), *further):
            await connection.run_sync(collection.create_all)
    await engine.dispose()


@pytest.fixture
def migrate(tmp_path: Path) -> Callable[..., Awaitable[None]]:
    """Give what makes the SDK's tables, and those of further collections, in a store."""
    return lambda store, *further: create_all(store, tmp_path, *further)


@pytest.fixture
def make_service(tmp_path: Path) -> MakeService:
    """Give what places a service on a store, with a master key that all services of the test share."""
    (tmp_path / "master").write_text(new_master_key())

    def make(store: Store, name: str = "orders", **further: object) -> Service:
        service = Service(name)
        personal = Personal(master_key_secret="master", keys="main", **further)  # type: ignore[arg-type]  # noqa: S106 - a file's name
        binding = Binding(service=name, stores={"main": store}, personal=personal)
        service.place(Placement(binding=binding, values=Values(tmp_path), secrets=Secrets(tmp_path)))
        return service

    return make


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """Give an empty store of each kind, with the SDK's tables."""
    if request.param == "sqlite":
        found = Store(kind="sqlite", database=str(tmp_path / "main.db"))
    else:
        found = request.getfixturevalue(request.param).create(f"t{uuid4().hex[:12]}")
    await create_all(found, tmp_path)
    yield found
    if request.param == "postgresql":
        request.getfixturevalue("postgresql").drop(found.database)


@pytest.fixture
async def sqlite(tmp_path: Path) -> Store:
    """Give an SQLite store with the SDK's tables."""
    found = Store(kind="sqlite", database=str(tmp_path / "main.db"))
    await create_all(found, tmp_path)
    return found
