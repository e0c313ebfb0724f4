"""Credentials that rotate while the service runs, and connections that are encrypted to a known server."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
import sqlalchemy as sa

from fairway_sdk import Service, UnavailableError
from fairway_sdk.configuration.files import LOOKED_AT_EVERY
from fairway_sdk.contract.binding import Store
from fairway_sdk.testing.fixtures import serving
from fairway_sdk.testing.placing import create_tables, write_secret
from fairway_sdk.testing.servers import MariaDB, MissingServerError, PostgreSQL
from fairway_sdk.testing.servers.process import free_port

from .certificates import Certificates, issue
from .conftest import Place

FIRST, SECOND = "correct horse", "battery ' staple"
GIVEN = {"user_secret": "db-user", "password_secret": "db-password"}


@asynccontextmanager
async def open_store(service: Service) -> AsyncIterator[Service]:
    """Run the stores of a service."""
    (part,) = service.stores.open()
    await part.start()
    yield service
    await part.stop()


async def user(service: Service, connections: int = 1) -> str:
    """Ask over so many connections at once who we are."""
    if connections > 1:
        async with service.sql().connection():
            return await user(service, connections - 1)
    async with service.sql().connection() as connection:
        found: str = (await connection.execute(sa.text("select current_user"))).scalar_one()
        return found.split("@", maxsplit=1)[0]


@pytest.fixture
def postgresql_with_passwords() -> Iterator[PostgreSQL]:
    """Give a PostgreSQL that asks everybody but its operator for a password."""
    for server in serving(PostgreSQL):
        server.ask_for_passwords()
        yield server


async def test_a_rotated_password_of_postgresql_is_used_without_a_restart(
    postgresql_with_passwords: PostgreSQL, orders: Place, tmp_path: Path
) -> None:
    """SCRAM throughout; the connections that are open go on, and new ones use the new password."""
    server = postgresql_with_passwords
    server.query("postgres", f"create role keeper login superuser password '{FIRST}'")
    store = msgspec.structs.replace(server.create("orders"), user="", **GIVEN)
    secrets = {"db-user": "keeper", "db-password": FIRST + "\n"}
    async with open_store(orders(store, secrets=secrets)) as service:
        await create_tables(service)
        assert await user(service) == "keeper"
        assert await service.sql().unready() is None
        server.query("postgres", "alter role keeper password '{}'".format(SECOND.replace("'", "''")))
        assert await user(service) == "keeper"
        with pytest.raises(UnavailableError, match="does not let us in: password authentication failed"):
            await user(service, 2)
        await rotate(tmp_path, password=SECOND)
        assert await user(service, 3) == "keeper"


async def test_a_rotated_user_and_password_of_mariadb_are_used_without_a_restart(
    mariadb: MariaDB, orders: Place, tmp_path: Path
) -> None:
    """As where a vault gives out another user each time."""
    store = mariadb.create(f"t{uuid4().hex[:12]}")
    for name, password in (("first", FIRST), ("second", SECOND)):
        mariadb.query(f'create or replace user {name}@localhost identified by "{password}"')
        mariadb.query(f"grant all on {store.database}.* to {name}@localhost")
    store = msgspec.structs.replace(store, user="", **GIVEN)
    async with open_store(orders(store, secrets={"db-user": "first", "db-password": FIRST})) as service:
        assert await user(service) == "first"
        await rotate(tmp_path, user="second", password=SECOND)
        mariadb.query("drop user first@localhost")
        await service.sql().engine.dispose()
        assert await user(service, 2) == "second"


async def rotate(folder: Path, **secrets: str) -> None:
    """Write the secrets anew, and wait until they are looked at again."""
    for name, value in secrets.items():
        write_secret(folder / "secrets", f"db-{name}", value)
    await asyncio.sleep(LOOKED_AT_EVERY + 0.05)


class PostgreSQLWithTls(PostgreSQL):
    """PostgreSQL as the machine has it, since the wheel's knows no TLS; it takes nothing unencrypted."""

    def __init__(self, folder: Path) -> None:
        """Find its programs and issue its certificate."""
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
        if not found:
            raise MissingServerError(
                "PostgreSQL with TLS: is not on this machine. On Debian and Ubuntu: apt install postgresql."
            )
        super().__init__(folder, found[-1].parent)
        self.port = free_port()
        self.issued = issue(folder / "tls")
        self.settings = (
            "ssl=on",
            f"ssl_cert_file={self.issued.certificate}",
            f"ssl_key_file={self.issued.key}",
            "listen_addresses=127.0.0.1",
            f"port={self.port}",
        )

    def environment(self) -> dict[str, str]:
        """Name its socket after its port, for its own programs."""
        return super().environment() | {"PGPORT": str(self.port)}

    def prepare(self) -> None:
        """Let nobody in without TLS."""
        super().prepare()
        (self.folder / "data" / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 trust\n")

    def tls_store(self) -> Store:
        """Give the binding of a store over TLS."""
        return Store(kind="postgresql", address=f"localhost:{self.port}", database="postgres", user="postgres")


class MariaDBWithTls(MariaDB):
    """MariaDB on a loopback port that takes nothing unencrypted there."""

    def __init__(self, folder: Path) -> None:
        """Issue its certificate."""
        super().__init__(folder)
        self.port = free_port()
        self.issued: Certificates = issue(folder / "tls")

    def command(self) -> Sequence[str | Path]:
        """Run it on a port too."""
        tls = [f"--ssl-cert={self.issued.certificate}", f"--ssl-key={self.issued.key}"]
        words = [word for word in super().command() if word != "--skip-networking"]
        return [*words, f"--port={self.port}", "--bind-address=127.0.0.1", "--require-secure-transport=on", *tls]

    def tls_store(self) -> Store:
        """Give the binding of a store over TLS."""
        self.query("create user keeper@localhost identified by ''")
        self.query("create user keeper@'127.0.0.1' identified by ''")
        return Store(kind="mysql", address=f"localhost:{self.port}", database="information_schema", user="keeper")


@pytest.mark.parametrize("kind", [PostgreSQLWithTls, MariaDBWithTls])
async def test_tls_is_used_and_only_the_known_authority_is_believed(
    kind: type[PostgreSQLWithTls | MariaDBWithTls], orders: Place, tmp_path: Path
) -> None:
    """Another authority, another host name, and no encryption at all are refused, and the probe says why."""
    questions = {
        "postgresql": "select ssl from pg_stat_ssl where pid = pg_backend_pid()",
        "mysql": "select variable_value <> '' from session_status where variable_name = 'Ssl_cipher'",
    }
    for server in serving(kind):
        store = msgspec.structs.replace(
            server.tls_store(), tls=True, tls_authority=str(server.issued.authority), connect_timeout=3.0
        )
        async with open_store(orders(store)) as service, service.sql().connection() as connection:
            assert (await connection.execute(sa.text(questions[store.kind]))).scalar_one()
        stranger = issue(tmp_path / "stranger").authority
        for wrong in ({"tls_authority": str(stranger)}, {"tls_authority": ""}, {"tls": False}):
            async with open_store(orders(msgspec.structs.replace(store, **wrong))) as service:
                reason = await service.sql().unready()
                assert reason is not None
                assert reason.startswith("store 'orders-db': does not let us in: ")
                assert ("certificate" in reason.lower()) == ("tls" not in wrong), reason
