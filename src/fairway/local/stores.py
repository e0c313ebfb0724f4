"""What stands in for each declared store and broker on this machine: real servers wherever they can be had."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final
from urllib.parse import unquote, urlsplit

import msgspec

from fairway.core.errors import Exit, FairwayError
from fairway.local import brokers
from fairway.local.credentials import Credentials
from fairway.local.postgresql import Access, PostgreSQL
from fairway.local.processes import ProcessSpec
from fairway.local.run_folder import RunFolder
from fairway.local.servers import Backing, Found, ServerSpecs, dynamodb, mariadb, valkey
from fairway_sdk.contract.binding import Binding, Store, StoreKind
from fairway_sdk.testing.servers.process import MissingServerError

KINDS: Final[dict[str, StoreKind]] = {
    "postgresql": "postgresql",
    "postgres": "postgresql",
    "mysql": "mysql",
    "mariadb": "mysql",
    "redis": "redis",
    "rediss": "redis",
    "valkey": "redis",
    "cassandra": "cassandra",
    "http": "dynamodb",
    "https": "dynamodb",
}
PORTS: Final[dict[StoreKind, int]] = {"postgresql": 5432, "mysql": 3306, "redis": 6379, "cassandra": 9042}


IN_A_CONTAINER: Final = "Run one in a container: docker run --rm -p 9042:9042 cassandra:5."


PORTED: Final = frozenset({"dynamodb", "nats", "rabbitmq"})


class MissingServersError(FairwayError):
    """Servers that the system needs are not on this machine."""

    exit = Exit.TOOL_MISSING


class Backed(msgspec.Struct, kw_only=True):
    """All stores and the broker as they are here."""

    stores: dict[str, Backing] = {}
    broker: brokers.BrokerHere | None = None
    specs: list[ProcessSpec] = []
    notes: list[str] = []
    closing: list[PostgreSQL] = []

    @property
    def ported(self) -> frozenset[str]:
        """Name the stores and the broker whose clients know no Unix sockets."""
        found = {name for name, one in self.stores.items() if one.meshed and one.store.kind in PORTED}
        if self.broker is not None and self.broker.meshed and self.broker.broker.kind in PORTED:
            found.add("broker")
        return frozenset(found)


def back(  # noqa: PLR0913 - what was declared, what was given, and where it runs
    run: RunFolder,
    bindings: Mapping[str, Binding],
    port_of: Callable[[str], int],
    given: Mapping[str, str],
    broker: str = "",
    *,
    mesh: bool = True,
) -> Backed:
    """Choose what stands behind each store and the broker; *given* are URLs by store, *broker* is one, too.

    All that is missing is told at once.
    """
    declared = _declared(bindings)
    if unknown := sorted(set(given) - set(declared)):
        raise FairwayError(f"--store {unknown[0]}: no store has this name. Known: {', '.join(declared)}.")
    servers = ServerSpecs(run=run, credentials=Credentials(run), port_of=port_of, mesh=mesh)
    backed, missing = Backed(), list[str]()
    databases: dict[str, dict[str, Store]] = {}
    for name, users in declared.items():
        kind = next(iter(users.values())).kind
        if kind == "postgresql" and name not in given:
            databases[name] = users
            continue
        try:
            if name in given:
                backed.stores[name] = _elsewhere(servers, name, kind, given[name], users)
            else:
                _add(backed, name, _server(servers, name, users, _system(bindings)))
        except MissingServerError as error:
            missing.append(f"stores.{name}: {error} Or name one that runs: --store {name}={kind}://user:password@host")
    try:
        _postgresql(backed, servers, databases)
    except MissingServerError as error:
        missing.append(f"stores.{', '.join(databases)}: {error} Or name one that runs: --store NAME=postgresql://...")
    if missing:
        raise MissingServersError("\n".join(missing))
    wanting = {service: binding for service, binding in bindings.items() if binding.broker}
    for kind_ in {one.broker.kind for one in wanting.values() if one.broker}:
        backed.broker = brokers.broker(servers, kind_, wanting, broker)
        backed.specs += backed.broker.specs
        backed.notes += backed.broker.notes
    return backed


def _declared(bindings: Mapping[str, Binding]) -> dict[str, dict[str, Store]]:
    """Give each store with the services that use it."""
    found: dict[str, dict[str, Store]] = {}
    for service, binding in bindings.items():
        for name, store in binding.stores.items():
            found.setdefault(name, {})[service] = store
    return found


def _server(servers: ServerSpecs, name: str, users: Mapping[str, Store], system: str) -> Found:
    match kind := next(iter(users.values())).kind:
        case "redis":
            return valkey(servers, name, users, system)
        case "mysql":
            return mariadb(servers, name, users)
        case "dynamodb":
            return dynamodb(servers, users)
        case _:
            raise MissingServerError(f"{kind.capitalize()} does not run on this machine by itself. {IN_A_CONTAINER}")


def _add(backed: Backed, name: str, found: Found) -> None:
    backing, spec, note = found
    backed.stores[name] = backing
    if all(spec.name != other.name for other in backed.specs):
        backed.specs.append(spec)
    if note and note not in backed.notes:
        backed.notes.append(note)


def _postgresql(backed: Backed, servers: ServerSpecs, databases: Mapping[str, Mapping[str, Store]]) -> None:
    if not databases:
        return
    secret = "postgresql-password"  # noqa: S105 - the name of a file
    accesses = {
        name: [
            Access(
                service,
                servers.credentials.password(service, secret),
                servers.credentials.password(f"{service}-migration", secret),
            )
            for service in users
        ]
        for name, users in databases.items()
    }
    connections = sum(store.connections + 1 for users in databases.values() for store in users.values())
    server = PostgreSQL(servers.run, accesses, 3 * connections)  # replicas, and old ones that drain beside new ones
    spec = server.spec()
    backed.specs.append(spec)
    backed.closing.append(server)
    for name in databases:
        store = Store(kind="postgresql", address=spec.address, database=name, password_secret=secret)
        backed.stores[name] = Backing(store=store, process=spec.name, meshed=True, own_users=True)


def _elsewhere(servers: ServerSpecs, name: str, kind: StoreKind, url: str, services: Iterable[str]) -> Backing:
    """Take a store that runs somewhere; its password becomes a secret of the services that use it."""
    parts = urlsplit(url)
    found = KINDS.get(parts.scheme)
    if found != kind:
        raise FairwayError(
            f"--store {name}={url}: is no {kind}. Begin the URL with {kind}://, or http:// for DynamoDB."
        )
    secret = f"{name}-password" if parts.password else ""
    for service in services:
        if parts.password:
            servers.credentials.tell(service, secret, unquote(parts.password))
            servers.credentials.tell(f"{service}-migration", secret, unquote(parts.password))
    address = f"{parts.hostname}:{parts.port or PORTS.get(kind, 0)}"
    if kind == "dynamodb":
        address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    store = Store(
        kind=kind,
        address=address,
        database=parts.path.strip("/"),
        user=unquote(parts.username or ""),
        password_secret=secret,
        tls=parts.scheme == "rediss" or "sslmode=require" in parts.query or "sslmode=verify" in parts.query,
    )
    return Backing(store=store)


def _system(bindings: Mapping[str, Binding]) -> str:
    return next(iter(bindings.values())).system
