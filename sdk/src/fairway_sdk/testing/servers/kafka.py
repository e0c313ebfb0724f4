"""A stand-in for Kafka: the cluster that librdkafka brings for its own tests, in a process of its own.

It speaks Kafka's protocol on loopback ports and keeps everything in memory. What it has: producing with numbered
batches, fetching, committing, and groups of one member after another. What it has not: making topics on request (one
is there once it is asked for, with four partitions), logging in, groups of several members with a client that is
quicker than its own, and a memory beyond its process: `cut` ends connections and refuses new ones, and keeps the data.
"""

import signal
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from fairway_sdk.contract.binding import Broker
from fairway_sdk.testing.servers.process import MissingServerError, ServerProcess, connects


class Kafka(ServerProcess):
    """A cluster of one broker; its port is its own for as long as it runs."""

    @property
    def address(self) -> str:
        """Its host and port; empty before it has them."""
        file = self.folder / "address"
        return file.read_text() if file.exists() else ""

    def prepare(self) -> None:
        """Forget an earlier run's port."""
        if find_spec("confluent_kafka") is None:
            raise MissingServerError("Kafka: its stand-in is not installed. Install the package confluent-kafka.")
        (self.folder / "address").unlink(missing_ok=True)

    def command(self) -> Sequence[str | Path]:
        """Run it with the Python that runs the tests."""
        return [sys.executable, "-m", "fairway_sdk.testing.servers.kafka_stand_in", self.folder / "address"]

    def answers(self) -> bool:
        """Tell whether its port is open."""
        return bool(self.address) and connects(self.address)

    def cut(self) -> None:
        """End all connections, and refuse new ones."""
        self._tell(signal.SIGUSR1)
        while connects(self.address):
            time.sleep(0.01)

    def mend(self) -> None:
        """Take connections again."""
        self._tell(signal.SIGUSR2)
        while not connects(self.address):
            time.sleep(0.01)

    def broker(self) -> Broker:
        """Give the binding of a broker in it."""
        return Broker(kind="kafka", address=self.address)

    def _tell(self, number: signal.Signals) -> None:
        assert self.process is not None, "it runs"
        self.process.send_signal(number)
