"""DynamoDB's stand-in from the package moto: in memory, on a loopback port, and forgotten when it ends."""

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

from fairway_sdk.contract.binding import Store
from fairway_sdk.testing.servers.process import MissingServerError, ServerProcess, connects, free_port


class DynamoDB(ServerProcess):
    """A server that answers as DynamoDB would, mostly: it has no throttling, no real transactions, and no expiry."""

    def __init__(self, folder: Path) -> None:
        """Choose its port."""
        super().__init__(folder)
        self.address = f"127.0.0.1:{free_port()}"

    def command(self) -> Sequence[str | Path]:
        """Run it on its port only."""
        if any(importlib.util.find_spec(name) is None for name in ("moto", "flask", "flask_cors")):
            raise MissingServerError(
                "DynamoDB: its stand-in is not installed. Install moto[dynamodb], flask, flask-cors."
            )
        host, _, port = self.address.rpartition(":")
        return [sys.executable, "-m", "moto.server", "-H", host, "-p", port]

    def answers(self) -> bool:
        """Tell whether its port is open."""
        return connects(self.address)

    def store(self, prefix: str = "") -> Store:
        """Give the binding of a store in it, whose tables begin with a prefix; the secrets hold a key named so."""
        return Store(
            kind="dynamodb",
            address=f"http://{self.address}",
            database=prefix,
            region="eu-central-1",
            user="test",
            password_secret="dynamodb-key",  # noqa: S106 - the name of a file
        )
