"""MariaDB, which speaks MySQL's protocol and most of its SQL, where it is installed."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from fairway_sdk.contract.binding import Store
from fairway_sdk.testing.servers.process import ServerProcess, connects, program

HINT = "On Debian and Ubuntu: apt install mariadb-server; on macOS: brew install mariadb."


class MariaDB(ServerProcess):
    """A server in a folder, on a Unix socket; `create` makes databases in it."""

    @property
    def address(self) -> str:
        """The Unix socket it listens on."""
        return f"unix:{self.folder / 'mariadb.sock'}"

    def prepare(self) -> None:
        """Make its files, once."""
        program("mariadbd", HINT, "/usr/sbin")
        (self.folder / "mariadb.sock").unlink(missing_ok=True)
        if not (self.folder / "data" / "mysql").exists():
            maker = program("mariadb-install-db", HINT, "/usr/sbin")
            options = [f"--datadir={self.folder / 'data'}", "--auth-root-authentication-method=normal"]
            done = subprocess.run(  # noqa: S603 - our command
                [str(maker), "--no-defaults", "--skip-test-db", *options, *self._as_root()],
                check=False,
                capture_output=True,
                text=True,
            )
            if done.returncode:
                raise RuntimeError(f"mariadb-install-db: {done.stdout}{done.stderr}")

    def command(self) -> Sequence[str | Path]:
        """Run it in the foreground on its socket only."""
        socket = self.address.removeprefix("unix:")
        server = program("mariadbd", HINT, "/usr/sbin")
        folder = f"--datadir={self.folder / 'data'}"
        return [server, "--no-defaults", folder, f"--socket={socket}", "--skip-networking", *self._as_root()]

    def answers(self) -> bool:
        """Tell whether its socket is open."""
        return connects(self.address)

    def create(self, database: str) -> Store:
        """Make an empty database, and give the binding of a store in it."""
        self.query(f"create database {database} character set utf8mb4")
        return Store(kind="mysql", address=self.address, database=database, user="root")

    def query(self, statement: str) -> str:
        """Run a statement with the server's own client."""
        client = program("mariadb", HINT)
        socket = self.address.removeprefix("unix:")
        command = [str(client), "--no-defaults", f"--socket={socket}", "-uroot", "-N", "-B", "-e", statement]
        done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - our command
        if done.returncode:
            raise RuntimeError(f"mariadb: {done.stderr}")
        return done.stdout.strip()

    @staticmethod
    def _as_root() -> list[str]:
        return ["--user=root"] if os.geteuid() == 0 else []
