"""What carries events on this machine: the declared broker where it is installed, else streams of Valkey."""

from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import unquote, urlsplit

import msgspec

from fairway.core.errors import FairwayError
from fairway.local.processes import ProcessSpec
from fairway.local.run_folder import replace
from fairway.local.servers import ServerSpecs, process, valkey_process
from fairway.local.state import kept_secret
from fairway_sdk.contract.binding import Binding, Broker, BrokerKind
from fairway_sdk.testing.servers import MissingServerError, Nats, RabbitMQ

NAME: Final = "broker"
USER: Final = "fairway"  # of RabbitMQ
SECRET: Final = "broker-password"  # noqa: S105 - the name of a file
SCHEMES: Final[dict[str, BrokerKind]] = {
    "nats": "nats",
    "kafka": "kafka",
    "amqp": "rabbitmq",
    "amqps": "rabbitmq",
    "redis": "redis",
    "rediss": "redis",
}
PORTS: Final[dict[BrokerKind, int]] = {"nats": 4222, "kafka": 9092, "rabbitmq": 5672, "redis": 6379}
WRITTEN: Final[dict[BrokerKind, str]] = {"nats": "NATS", "kafka": "Kafka", "rabbitmq": "RabbitMQ"}


IN_A_CONTAINER: Final = "Run one in a container: docker run --rm -p 9092:9092 apache/kafka:4.1.0."


class BrokerHere(msgspec.Struct, frozen=True, kw_only=True):
    """The broker: how a service is bound to it, what runs, and what people should know."""

    broker: Broker
    process: str = ""
    meshed: bool = False
    own_users: bool = False
    specs: tuple[ProcessSpec, ...] = ()
    notes: tuple[str, ...] = ()


def broker(servers: ServerSpecs, declared: BrokerKind, services: Mapping[str, Binding], url: str) -> BrokerHere:
    """Choose the broker: the one at the URL, the declared one, or Valkey in its place, said aloud."""
    if url:
        return _elsewhere(servers, url, services)
    try:
        if declared == "nats":
            return _nats(servers, services)
        if declared == "rabbitmq":
            return _rabbitmq(servers, services)
        why = f"{WRITTEN.get(declared, declared)} does not run on this machine by itself."
        if declared == "kafka":
            why += f" {IN_A_CONTAINER}"
    except MissingServerError as error:
        why = str(error)
    scheme = next(scheme for scheme, kind in SCHEMES.items() if kind == declared)
    note = f"Events go over streams of Valkey: {why} Or name a broker that runs: --broker {scheme}://user:password@host"
    spec = _part(
        valkey_process(servers, NAME, dict.fromkeys(services, ("{fairway.*", "fairway*")), "always", "-@admin")
    )
    found = Broker(kind="redis", address=spec.address, password_secret=SECRET)
    notes = () if declared == "redis" else (note,)
    return BrokerHere(broker=found, process=NAME, meshed=True, own_users=True, specs=(spec,), notes=notes)


def _nats(servers: ServerSpecs, services: Iterable[str]) -> BrokerHere:
    server = Nats(servers.run.data("nats"))
    server.address = f"127.0.0.1:{servers.port_of('nats')}"
    users = [
        {"user": service, "password": kept_secret(servers.credentials.password(service, SECRET))}
        for service in services
    ]
    settings = servers.run.config("nats.conf")  # NATS reads JSON
    replace(settings, msgspec.json.encode({"authorization": {"users": users}}))
    spec = _part(process(servers, NAME, server, more=("--config", str(settings)), address=server.address))
    found = Broker(kind="nats", address=server.address, password_secret=SECRET)
    return BrokerHere(broker=found, process=NAME, meshed=True, own_users=True, specs=(spec,), notes=(_port("NATS"),))


def _port(name: str) -> str:
    return f"{name} knows no Unix sockets: it listens on loopback, and lets in who knows a password."


class LocalRabbitMQ(RabbitMQ):
    """A RabbitMQ that finds again what it had, and lets in who knows its password."""

    def __init__(self, servers: ServerSpecs) -> None:
        """Take where it may be: a node's data is found by the node's name, and its port mapper is its own."""
        super().__init__(servers.run.data("rabbitmq"))
        self.address = f"127.0.0.1:{servers.port_of('rabbitmq')}"
        self.password = kept_secret(servers.run.secret("rabbitmq"))
        self._node = "fairway@localhost"
        self._nodes_port, self._mapper_port = servers.port_of("rabbitmq.nodes"), servers.port_of("rabbitmq.mapper")

    def prepare(self) -> None:
        """Name its one user as well, which it makes when it starts for the first time."""
        super().prepare()
        with (self.folder / "rabbitmq.conf").open("a") as file:
            file.write(f"default_user = {USER}\ndefault_pass = {self.password}\n")


def _rabbitmq(servers: ServerSpecs, services: Iterable[str]) -> BrokerHere:
    server = LocalRabbitMQ(servers)
    for service in services:
        servers.credentials.tell(service, SECRET, server.password)
    spec = _part(process(servers, NAME, server, address=server.address))
    found = Broker(kind="rabbitmq", address=server.address, user=USER, password_secret=SECRET)
    note = "RabbitMQ has one user for all services: here it keeps nobody from another's channels."
    return BrokerHere(broker=found, process=NAME, meshed=True, specs=(spec,), notes=(note, _port("RabbitMQ")))


def _elsewhere(servers: ServerSpecs, url: str, services: Iterable[str]) -> BrokerHere:
    parts = urlsplit(url)
    kind = SCHEMES.get(parts.scheme)
    if kind is None or not parts.hostname:
        raise FairwayError(
            f"--broker {url}: is no broker's URL. Begin it with one of {', '.join(SCHEMES)}, and a host."
        )
    for service in services:
        if parts.password:
            servers.credentials.tell(service, SECRET, unquote(parts.password))
    found = Broker(
        kind=kind,
        address=f"{parts.hostname}:{parts.port or PORTS[kind]}",
        user=unquote(parts.username or ""),
        password_secret=SECRET if parts.password else "",
        tls=parts.scheme in {"amqps", "rediss"},
    )
    return BrokerHere(broker=found)


def _part(spec: ProcessSpec) -> ProcessSpec:
    return msgspec.structs.replace(spec, part="broker")
