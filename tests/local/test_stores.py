"""The stores of a local system: who may do what in them, what survives, and what is said where one cannot be had."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg  # type: ignore[import-untyped] # has no types
import pytest
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError

from fairway.core.errors import FairwayError
from fairway.local.run_folder import RunFolder
from fairway.local.state import Ports, Register, is_free
from fairway.local.stores import Backed, MissingServersError, back
from fairway.local.supervisor import Supervisor
from fairway_sdk.contract.binding import Binding, Broker, Store
from fairway_sdk.testing.servers import MissingServerError


def bound(service: str, **stores: Store) -> Binding:
    """Say what a service uses."""
    return Binding(service=service, system="shop", stores=stores)


SQL = Store(kind="postgresql", address="db-rw.shop:5432", database="db", tls=True)


@asynccontextmanager
async def running(
    folder: Path, bindings: Mapping[str, Binding], until: Callable[[RunFolder], bool] = lambda _run: True
) -> AsyncIterator[Backed]:
    """Run the stores of these services, until something has happened in their folder."""
    run = RunFolder(folder)
    backed = back(run, bindings, Ports(run), {})
    with Register(run) as register:
        register.clean()
        supervisor = Supervisor(register)
        supervisor.start(backed.specs)
        try:
            async with asyncio.timeout(30):
                await supervisor.settled()
                assert {view.state for view in supervisor.views()} == {"ready"}, supervisor.views()
                yield backed
                while not until(run):  # noqa: ASYNC110 - a backup tells nobody
                    await asyncio.sleep(0.1)
        finally:
            for server in backed.closing:
                await server.close()
            await supervisor.stop()
    for path in sorted(run.sockets.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    run.sockets.rmdir()


async def connect(run: RunFolder, backed: Backed, user: str, service: str = "") -> "asyncpg.Connection":
    """Sign in as a user, with the password that a service's secrets hold."""
    store = backed.stores["db"].store
    secret = run.secret("services") / (service or user) / store.password_secret
    host = str(Path(store.address.removeprefix("unix:")).parent)
    return await asyncpg.connect(host=host, user=user, password=secret.read_text(), database=store.database)


async def test_a_service_writes_rows_and_only_its_migration_changes_the_schema(tmp_path: Path) -> None:
    """Two services share the database: either's migration may change what the other's made."""
    services = {name: bound(name, db=SQL) for name in ("orders", "audit")}
    run = RunFolder(tmp_path)
    async with running(tmp_path, services) as backed:
        migration = await connect(run, backed, "orders-migration")
        await migration.execute("create table book (isbn bigserial primary key, title text)")
        other = await connect(run, backed, "audit-migration")
        await other.execute("alter table book add column price int")
        orders = await connect(run, backed, "orders")
        await orders.execute("insert into book (title) values ('Emma')")
        for forbidden in (
            "create table mine (id int)",
            "drop table book",
            "alter table book drop column title",
            "create role thief",
            'set role "db-owner"',
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await orders.execute(forbidden)
        with pytest.raises(asyncpg.InvalidPasswordError):
            await connect(run, backed, "orders-migration", "orders")
        for connection in (migration, other, orders):
            await connection.close()
    async with running(tmp_path, services) as backed:
        orders = await connect(run, backed, "orders")
        assert await orders.fetchval("select title from book") == "Emma"
        await orders.close()


async def test_a_base_backup_is_made_and_the_log_is_archived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for it, and a restore finds what it needs."""
    monkeypatch.setattr("fairway.local.postgresql.SETTLES_FOR", 0)
    run = RunFolder(tmp_path)

    def backed_up(run: RunFolder) -> bool:
        return any(entry.name.isdigit() for entry in run.data("postgresql-backups").iterdir())

    async with running(tmp_path, {"orders": bound("orders", db=SQL)}, until=backed_up):
        pass
    [backup] = run.data("postgresql-backups").iterdir()
    first = (backup / "backup_label").read_text().partition("(file ")[2].partition(")")[0]
    assert first in {file.name for file in run.data("postgresql-archive").iterdir()}


async def test_secrets_are_their_owners_alone(tmp_path: Path) -> None:
    """Made once, kept, and readable by nobody else."""
    run = RunFolder(tmp_path)
    services = {"orders": bound("orders", db=SQL)}
    back(run, services, Ports(run), {})
    files = [path for path in run.secret("services").rglob("*") if path.is_file()]
    before = {path: path.read_text() for path in files}
    assert {oct(path.stat().st_mode & 0o777) for path in files} == {"0o600"}
    assert len(before) == 2
    back(run, services, Ports(run), {})
    assert {path: path.read_text() for path in files} == before


async def test_in_a_cache_a_service_sees_its_own_keys_only(tmp_path: Path) -> None:
    """Also those that the SDK writes for it; and it rules nobody."""
    cache = Store(kind="redis", address="cache.shop:6379", database="cache")
    services = {name: bound(name, cache=cache) for name in ("web", "api")}
    run = RunFolder(tmp_path)
    async with running(tmp_path, services) as backed:
        store = backed.stores["cache"].store
        password = (run.secret("services") / "web" / store.password_secret).read_text()
        client = Redis(unix_socket_path=store.address.removeprefix("unix:"), username="web", password=password)
        await client.set("web:a", "1")
        await client.set("fairway:shop:web:session:1", "1")
        for command in (("get", "api:a"), ("get", "fairway:shop:api:session:1"), ("config", "get", "*"), ("flushall",)):
            with pytest.raises(NoPermissionError):
                await client.execute_command(*command)  # type: ignore[no-untyped-call] # theirs
        await client.aclose()


def test_what_cannot_be_had_is_told_at_once_with_the_way_to_get_it(tmp_path: Path) -> None:
    """A URL will do; then nothing is started for it, and its password becomes a secret."""
    views = Store(kind="cassandra", address="views-service.shop:9042", database="views", region="eu")
    services = {"activity": bound("activity", views=views)}
    run = RunFolder(tmp_path)
    with pytest.raises(
        MissingServersError, match=r"^stores\.views: Cassandra does not run .* --store views=cassandra://"
    ):
        back(run, services, Ports(run), {})
    with pytest.raises(FairwayError, match=r"--store vews: no store has this name\. Known: views"):
        back(run, services, Ports(run), {"vews": "cassandra://a"})
    with pytest.raises(FairwayError, match="is no cassandra"):
        back(run, services, Ports(run), {"views": "mysql://a"})
    backed = back(run, services, Ports(run), {"views": "cassandra://ann:s%20t@host/space"})
    found = backed.stores["views"].store
    assert (found.address, found.database, found.user, backed.specs) == ("host:9042", "space", "ann", [])
    assert (run.secret("services") / "activity" / found.password_secret).read_text() == "s t"


def test_a_broker_that_is_not_here_is_replaced_aloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By streams of Valkey; or it is somewhere else."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("fairway.local.brokers.Nats.command", _absent)
    services = {"orders": Binding(service="orders", broker=Broker(kind="nats", address="nats.shop:4222"))}
    run = RunFolder(tmp_path)
    backed = back(run, services, Ports(run), {})
    assert backed.broker is not None
    assert backed.broker.broker.kind == "redis"
    [note] = backed.notes
    assert note.startswith("Events go over streams of Valkey: nats-server: is not on this machine. Install it.")
    assert note.endswith("Or name a broker that runs: --broker nats://user:password@host")
    backed = back(run, services, Ports(run), {}, "kafka://host:9093")
    assert backed.broker is not None
    assert (backed.broker.broker.kind, backed.broker.broker.address, backed.notes) == ("kafka", "host:9093", [])


def _absent(_self: object) -> list[str]:
    raise MissingServerError("nats-server: is not on this machine. Install it.")


def test_a_name_keeps_its_port_from_run_to_run(tmp_path: Path) -> None:
    """Unless somebody else has it by then."""
    run = RunFolder(tmp_path)
    port = Ports(run)("gate")
    assert Ports(run)("gate") == port
    with socket.create_server(("127.0.0.1", port)):
        assert not is_free(port)
        assert Ports(run)("gate") != port
