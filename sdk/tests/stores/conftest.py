"""Stores of every SQL kind, and services on them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from fairway_sdk import Service
from fairway_sdk.contract.binding import Store
from fairway_sdk.testing.placing import placed

Place = Callable[..., Service]


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Give an empty store of each kind."""
    if request.param == "sqlite":
        yield Store(kind="sqlite", database=str(tmp_path / "orders.db"))
        return
    yield request.getfixturevalue("database" if request.param == "postgresql" else "mysql_store")


@pytest.fixture(params=["postgresql", "mariadb"])
def served(request: pytest.FixtureRequest) -> Store:
    """Give an empty store in a server of each kind."""
    found: Store = request.getfixturevalue("database" if request.param == "postgresql" else "mysql_store")
    return found


@pytest.fixture
def mysql_store(request: pytest.FixtureRequest) -> Store:
    """Give an empty database of MariaDB."""
    found: Store = request.getfixturevalue("mariadb").create(f"t{uuid4().hex[:12]}")
    return found


@pytest.fixture
def orders(tmp_path: Path) -> Place:
    """Give what places a service `orders` on one store, in a folder where it may keep migrations."""

    def place(store: Store, name: str = "orders-db", **further: Any) -> Service:  # noqa: ANN401 - fields of a binding, and secrets
        return placed(Service("orders", tmp_path), tmp_path, stores={name: store}, **further)

    return place
