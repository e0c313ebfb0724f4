"""The servers behind stores beside PostgreSQL: Valkey, MariaDB, and the stand-in for DynamoDB."""

import asyncio
import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from fairway.core.errors import FairwayError
from fairway.local.credentials import Credentials
from fairway.local.processes import ProcessSpec, listens
from fairway.local.run_folder import RunFolder, replace
from fairway.local.state import kept_secret
from fairway_sdk.contract.binding import Store
from fairway_sdk.testing.servers import DynamoDB, MariaDB, ServerProcess, Valkey

KEY_ID = "dynamodb-id"
MAY_NOT = "-@admin -@dangerous +info"  # of a service in a cache: it reads and writes, and rules nobody


class Backing(msgspec.Struct, frozen=True, kw_only=True):
    """What a declared store or broker is here: how it is reached, and what must run before it."""

    store: Store
    process: str = ""  # that it waits for; empty: it runs somewhere else
    meshed: bool = False  # reached by way of the proxies
    own_users: bool = False  # each service has a user of its own name, and one for migrations
    key_secret: str = ""  # a service's secret that its requests name, where its clients know no sockets
    forgets: bool = False  # all it holds, when it ends


class ServerSpecs(msgspec.Struct, frozen=True, kw_only=True):
    """What every server is made from."""

    run: RunFolder
    credentials: Credentials
    port_of: Callable[[str], int]  # a loopback port that stays a name's own
    mesh: bool = True  # proxies stand before the servers


Found = tuple[Backing, ProcessSpec, str]  # and a note for people


class LocalValkey(Valkey):
    """A Valkey whose socket is elsewhere than its data."""

    def __init__(self, folder: Path, socket: Path) -> None:
        """Take where its data and its socket are."""
        super().__init__(folder)
        self._socket = socket

    @property
    def address(self) -> str:
        """The Unix socket it listens on."""
        return f"unix:{self._socket}"


class LocalMariaDB(MariaDB):
    """A MariaDB whose socket is elsewhere than its data."""

    def __init__(self, folder: Path, socket: Path) -> None:
        """Take where its data and its socket are."""
        super().__init__(folder)
        self._socket = socket

    @property
    def address(self) -> str:
        """The Unix socket it listens on."""
        return f"unix:{self._socket}"

    def prepare(self) -> None:
        """Make its files; where that fails, none: half of them would pass for all."""
        try:
            super().prepare()
        except RuntimeError as error:
            shutil.rmtree(self.folder / "data", ignore_errors=True)
            said = [line for line in str(error).splitlines() if "ERROR" in line] or str(error).splitlines()
            raise FairwayError(said[0]) from error


def valkey(servers: ServerSpecs, name: str, users: Iterable[str], system: str) -> Found:
    """Run a Valkey for one store: each service has a user that sees only keys which begin with its name."""
    spec = valkey_process(servers, name, {user: keys_of(user, system) for user in users}, "everysec")
    store = Store(kind="redis", address=spec.address, password_secret=f"{name}-password")
    return Backing(store=store, process=spec.name, meshed=True, own_users=True), spec, ""


def keys_of(service: str, system: str) -> tuple[str, ...]:
    """Name the keys that are a service's own: those it writes, and those the SDK writes for it."""
    return (
        f"{service}:*",
        f"fairway:{system}:{service}:*",
        f"fairway:fallback:{service}:*",
        f"{{fairway:{service}}}:*",
    )


def valkey_process(
    servers: ServerSpecs, name: str, users: Mapping[str, tuple[str, ...]], safe: str, rights: str = MAY_NOT
) -> ProcessSpec:
    """Say how a Valkey runs whose users see these keys; *safe* is its `appendfsync`."""
    run = servers.run
    server = LocalValkey(run.data(name), run.socket(f"store.{name}"))
    lines = ["user default off"]
    for user, keys in users.items():
        password = kept_secret(servers.credentials.password(user, f"{name}-password"))
        digest = hashlib.sha256(password.encode()).hexdigest()
        lines.append(f"user {user} on #{digest} {' '.join(f'~{key}' for key in keys)} &* +@all {rights}")
    replace(run.config(f"{name}.acl"), "\n".join(lines).encode() + b"\n")
    more = ("--aclfile", str(run.config(f"{name}.acl")), "--appendfsync", safe)
    return process(servers, name, server, more=more, address=server.address)


class LocalDynamoDB(DynamoDB):
    """A stand-in for DynamoDB on a Unix socket, for proxies."""

    def __init__(self, folder: Path, socket: Path) -> None:
        """Take where its folder and its socket are."""
        super().__init__(folder)
        self._socket = socket
        self.address = f"unix:{socket}"

    def command(self) -> Sequence[str | Path]:
        """Run it on its socket only."""
        super().command()
        return [sys.executable, "-m", "fairway.local.dynamodb", self._socket]


def dynamodb(servers: ServerSpecs, users: Mapping[str, Store]) -> Found:
    """Run DynamoDB's stand-in, one for all its stores.

    Clients of DynamoDB know no Unix sockets. So each service reaches its proxy at a port of loopback, and the proxy
    takes only requests that name the service's key: the stand-in itself looks at no signature.
    """
    socket = servers.run.socket("store.dynamodb")
    server: DynamoDB = LocalDynamoDB(servers.run.data("dynamodb"), socket)
    if not servers.mesh:
        server = DynamoDB(servers.run.data("dynamodb"))
        server.address = f"127.0.0.1:{servers.port_of('dynamodb')}"
    for service in users:
        named = kept_secret(servers.credentials.password(service, KEY_ID))
        servers.credentials.tell(f"{service}-migration", KEY_ID, named)
        for who in (service, f"{service}-migration"):
            servers.credentials.password(who, "dynamodb-key")

    prefix = next(iter(users.values())).database
    spec = process(servers, "dynamodb", server, address=server.address)
    note = "DynamoDB is moto's stand-in: it keeps all in memory, and forgets it at 'down'."
    store = msgspec.structs.replace(server.store(prefix), user="", user_secret=KEY_ID)
    if servers.mesh:
        store = msgspec.structs.replace(store, address=server.address)
    meshed = Backing(store=store, process=spec.name, meshed=servers.mesh, key_secret=KEY_ID, forgets=True)
    return meshed, spec, note


def mariadb(servers: ServerSpecs, name: str, users: Iterable[str]) -> Found:
    """Run MariaDB, one for all its stores, with two users a service: for rows, and for the schema."""
    server = LocalMariaDB(servers.run.data(f"mariadb-{name}"), servers.run.socket(f"store.mariadb-{name}"))
    secret = "mariadb-password"  # noqa: S105 - the name of a file
    passwords = {
        user: kept_secret(servers.credentials.password(user, secret))
        for service in users
        for user in (service, f"{service}-migration")
    }
    statements = [f"create database if not exists `{name}` character set utf8mb4"]
    for user, password in passwords.items():
        rights = "all privileges" if user.endswith("-migration") else "select, insert, update, delete"
        statements += [
            f"create or replace user `{user}`@localhost identified by '{password}'",
            f"grant {rights} on `{name}`.* to `{user}`@localhost",
        ]

    async def settle() -> None:
        await asyncio.to_thread(server.query, "; ".join(statements))

    spec = process(servers, f"mariadb-{name}", server, address=server.address, settle=settle)
    store = Store(kind="mysql", address=server.address, database=name, password_secret=secret)
    return Backing(store=store, process=spec.name, meshed=True, own_users=True), spec, ""


def process(  # noqa: PLR0913 - a server may want more than its class knows
    servers: ServerSpecs,
    name: str,
    server: ServerProcess,
    *,
    address: str,
    more: tuple[str, ...] = (),
    settle: Callable[[], object] | None = None,
) -> ProcessSpec:
    """Say how a server runs; `MissingServerError` where its program is not on this machine."""
    server.folder.mkdir(parents=True, exist_ok=True)
    return ProcessSpec(
        name=name,
        command=(*map(str, server.command()), *more),
        cwd=server.folder,
        log=servers.run.log(name),
        env={**os.environ, **server.environment()},
        part="store",
        address=address,
        prepare=lambda: asyncio.to_thread(server.prepare),
        settle=settle,  # type: ignore[arg-type] # a coroutine function
        ready=listens(address),
    )
