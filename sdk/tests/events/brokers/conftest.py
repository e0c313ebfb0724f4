"""All brokers, each with a server of its own, which a test may kill: it must start it again."""

from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from fairway_sdk.testing.servers import Kafka, Nats, RabbitMQ, Valkey

from .carrying import Site

TAKEOVER = 1.5  # seconds: so soon is a silent member given up

Server = Valkey | Nats | RabbitMQ | Kafka


@pytest.fixture
def channel() -> str:
    """Give a channel that no other test uses."""
    return f"orders-{uuid4().hex[:8]}"


@pytest.fixture(params=["valkey", "nats", "rabbitmq", "kafka"])
def server(request: pytest.FixtureRequest) -> Server:
    """Give a running server of each kind."""
    found: Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def site(server: Server, tmp_path: Path) -> Site:
    """Give a site on each of the servers."""
    return Site(tmp_path, msgspec.structs.replace(server.broker(), takeover=TAKEOVER))
