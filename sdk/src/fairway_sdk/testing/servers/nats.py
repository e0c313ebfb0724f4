"""NATS with JetStream, where nats-server is installed."""

from collections.abc import Sequence
from pathlib import Path

from fairway_sdk.contract.binding import Broker
from fairway_sdk.testing.servers.process import ServerProcess, connects, free_port, program

HINT = "On Debian and Ubuntu: apt install nats-server; on macOS: brew install nats-server."


class Nats(ServerProcess):
    """A server in a folder, on a loopback port that stays its own over restarts."""

    def __init__(self, folder: Path) -> None:
        """Choose its port."""
        super().__init__(folder)
        self.address = f"127.0.0.1:{free_port()}"
        self.options: list[str] = []  # further ones, for the next start

    def command(self) -> Sequence[str | Path]:
        """Run it with JetStream on disk."""
        host, _, port = self.address.rpartition(":")
        server = program("nats-server", HINT, "/usr/sbin")
        streams = ["--jetstream", "--store_dir", str(self.folder / "streams")]
        return [server, "--addr", host, "--port", port, *streams, *self.options]

    def answers(self) -> bool:
        """Tell whether its port is open."""
        return connects(self.address)

    def broker(self) -> Broker:
        """Give the binding of a broker in it."""
        return Broker(kind="nats", address=self.address)
