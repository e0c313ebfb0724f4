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
            return _rabbitmq(servers)
        why = f"{WRITTEN.get(declared, declared)} does not run on this machine by itself."
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
    return BrokerHere(broker=found, process=NAME, own_users=True, specs=(spec,))


def _rabbitmq(servers: ServerSpecs) -> BrokerHere:
    server = RabbitMQ(servers.run.data("rabbitmq"))
    spec = _part(process(servers, NAME, server, address=server.address))
    note = "RabbitMQ has one user for all, and begins anew at each 'up': events that were under way are gone."
    return BrokerHere(broker=server.broker(), process=NAME, specs=(spec,), notes=(note,))


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
