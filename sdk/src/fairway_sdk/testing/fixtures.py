"""Fixtures for pytest: in a conftest.py, `pytest_plugins = ["fairway_sdk.testing.fixtures"]`.

Servers live for one run of the tests; each test gets a database of its own. What is not installed skips, with a reason.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar
from uuid import uuid4

import pytest

from fairway_sdk.contract.binding import Store
from fairway_sdk.testing.servers import DynamoDB, Kafka, MariaDB, MissingServerError, Nats, PostgreSQL, RabbitMQ, Valkey
from fairway_sdk.testing.servers.process import ServerProcess

S = TypeVar("S", bound=ServerProcess)


def serving(kind: type[S]) -> Iterator[S]:
    """Run a server for as long as a fixture lives; skip where its program is missing."""
    with TemporaryDirectory(prefix="fw-") as folder:  # short: a Unix socket's path may have 107 bytes
        try:
            server = kind(Path(folder)).start()
        except MissingServerError as error:
            pytest.skip(str(error))
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """Give a running PostgreSQL."""
    yield from serving(PostgreSQL)


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    """Give a running Valkey."""
    yield from serving(Valkey)


@pytest.fixture(scope="session")
def nats() -> Iterator[Nats]:
    """Give a running NATS."""
    yield from serving(Nats)


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitMQ]:
    """Give a running RabbitMQ."""
    yield from serving(RabbitMQ)


@pytest.fixture(scope="session")
def kafka() -> Iterator[Kafka]:
    """Give a running stand-in for Kafka."""
    yield from serving(Kafka)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """Give a running MariaDB."""
    yield from serving(MariaDB)


@pytest.fixture(scope="session")
def dynamodb() -> Iterator[DynamoDB]:
    """Give a running stand-in of DynamoDB."""
    yield from serving(DynamoDB)


@pytest.fixture
def database(postgresql: PostgreSQL) -> Iterator[Store]:
    """Give an empty PostgreSQL database of the test's own."""
    store = postgresql.create(f"t{uuid4().hex[:12]}")
    yield store
    postgresql.drop(store.database)
