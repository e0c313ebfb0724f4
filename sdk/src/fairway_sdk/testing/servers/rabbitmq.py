"""RabbitMQ, where it is installed: a node of its own, which a machine's own node does not notice.

A node insists on the Erlang port mapper, and would start one that stays behind as a daemon. So each has its own, on a
port of its own, which ends with it.
"""

import contextlib
import os
import signal
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from fairway_sdk.contract.binding import Broker
from fairway_sdk.testing.servers.process import ServerProcess, connects, free_port, program

HINT = "On Debian and Ubuntu: apt install rabbitmq-server; on macOS: brew install rabbitmq."
LOOPBACK = "-kernel inet_dist_use_interface {127,0,0,1}"


class RabbitMQ(ServerProcess):
    """A node in a folder, on a loopback port that stays its own over restarts."""

    def __init__(self, folder: Path) -> None:
        """Choose its port, its node's name, and the port nodes would talk on."""
        super().__init__(folder)
        self.address = f"127.0.0.1:{free_port()}"
        self._node = f"test-{uuid.uuid4().hex[:8]}@localhost"
        self._nodes_port, self._mapper_port = free_port(), free_port()

    def prepare(self) -> None:
        """Write its configuration: loopback only, no plugins."""
        (self.folder / "rabbitmq.conf").write_text(f"listeners.tcp.1 = {self.address}\n")
        (self.folder / "enabled_plugins").write_text("[].\n")

    def command(self) -> Sequence[str | Path]:
        """Run the node in the foreground; the real script, since Debian's wrapper insists on a user of its own."""
        server = program("rabbitmq-server", HINT, "/usr/lib/rabbitmq/bin", "/usr/sbin")
        return ["sh", "-c", '"$0" & exec "$1"', program("epmd", HINT), server]

    def environment(self) -> dict[str, str]:
        """Keep everything of the node in its folder."""
        folder = self.folder
        return os.environ | {
            "PATH": f"/usr/lib/rabbitmq/bin:{os.environ.get('PATH', os.defpath)}",
            "HOME": str(folder),
            "RABBITMQ_NODENAME": self._node,
            "RABBITMQ_USE_LONGNAME": "false",
            "RABBITMQ_DIST_PORT": str(self._nodes_port),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "logs"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_FEATURE_FLAGS_FILE": str(folder / "feature_flags"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": LOOPBACK,
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._mapper_port),
        }

    def stop(self) -> None:
        """Ask the node to end; then end its port mapper, which asks for nothing."""
        group = self.process.pid if self.process is not None else None
        super().stop()
        if group is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)

    def kill(self) -> None:
        """End all of it at once, and wait until the port is free: the node outlives the script that started it."""
        super().kill()
        while connects(self.address):
            time.sleep(0.01)

    def answers(self) -> bool:
        """Tell whether its port is open."""
        return connects(self.address)

    def broker(self) -> Broker:
        """Give the binding of a broker in it."""
        return Broker(kind="rabbitmq", address=self.address, user="guest")
