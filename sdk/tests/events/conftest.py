"""What the tests of events share: services on a hub of the test's own, with a store of each kind."""

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from fairway_sdk import Service
from fairway_sdk.contract.binding import Broker, Listen, Store
from fairway_sdk.events.brokers.memory import Hub, hub
from fairway_sdk.testing.placing import create_tables, placed

if TYPE_CHECKING:
    from fairway_sdk.testing.servers import MariaDB, PostgreSQL


@pytest.fixture
def the_hub() -> Iterator[Hub]:
    """Give a hub of the test's own."""
    found = hub(uuid4().hex)
    yield found
    found.clear()


@pytest.fixture
def place(tmp_path: Path, the_hub: Hub) -> Callable[..., Awaitable[Service]]:
    """Give what binds a service to a store and to the test's hub, or another broker, and makes its tables."""

    async def bind(service: Service, store: Store, **binding: Any) -> Service:  # noqa: ANN401 - fields of a binding
        folder = tmp_path / uuid4().hex[:6]
        listen = Listen(rest=f"unix:{folder}/rest", grpc=f"unix:{folder}/grpc", admin=f"unix:{folder}/admin")
        broker = Broker(kind="memory", address=the_hub.name)
        placed(service, folder, **{"listen": listen, "stores": {"main": store}, "broker": broker, **binding})
        await create_tables(service)
        return service

    return bind


@pytest.fixture
def sqlite(tmp_path: Path) -> Store:
    """Give an empty SQLite database."""
    return Store(kind="sqlite", database=str(tmp_path / "main.db"))


@pytest.fixture(params=["postgresql", "mysql", "sqlite"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Give an empty database of each SQL kind in turn."""
    name = f"t{uuid4().hex[:12]}"
    match request.param:
        case "postgresql":
            server: PostgreSQL = request.getfixturevalue("postgresql")
            yield server.create(name)
            server.drop(name)
        case "mysql":
            maria: MariaDB = request.getfixturevalue("mariadb")
            yield maria.create(name)
            maria.query(f"drop database {name}")
        case _:
            yield Store(kind="sqlite", database=str(tmp_path / "main.db"))
