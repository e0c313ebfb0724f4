"""The services of a system as they are placed here: their replicas, and what each is told of its place."""

import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from fairway.core.facts import Run
from fairway.local.run_folder import RunFolder, private_folder, replace
from fairway.local.servers import Backing
from fairway.local.stores import Backed
from fairway.targets.notes import binding_text
from fairway_sdk.contract import BINDING_FILE, READY_PATH
from fairway_sdk.contract.binding import Binding, Broker, Call, Issuer, Listen, Store

NOWHERE: Final = "127.0.0.1:9"  # the port of discard: nobody listens there
DRAIN: Final = 5.0  # seconds: nobody waits here as callers in a cluster do


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """One service to be run: what was decided for it, and where its code is."""

    name: str
    bindings: tuple[Binding, ...]  # of each replica
    code: Path
    run: Run | None = None
    starts_within: str | None = None
    ends: bool = False  # it runs to completion
    schedule: str = ""  # a cron line: when it runs; without one it does so once, at the start
    serves: bool = True  # requests reach it
    version: str = ""  # canary: runs beside the service of the same name, from another folder

    @property
    def title(self) -> str:
        """Name it among all programs: two versions of a service are two."""
        return f"{self.name}.{self.version}" if self.version else self.name

    @property
    def module(self) -> str:
        """Name the module that holds the service."""
        return self.name.replace("-", "_")

    @property
    def uses_sdk(self) -> bool:
        """Tell whether the SDK runs it."""
        return self.run is None

    @property
    def missing(self) -> str | None:
        """Say why it cannot run; none where it can."""
        if self.ends and self.run is None:
            return (
                f"{self.name}: is left out: it runs to completion, and no service of the SDK does."
                f" Say how it starts: services.{self.name}.run.command."
            )
        if not self.code.is_dir():
            return (
                f"{self.name}: is left out: there is no folder {self.code}. Put its code there, or name it as 'code'."
            )
        if self.uses_sdk and not (self.code / self.module / "service.py").is_file():
            return (
                f"{self.name}: is left out: {self.code} holds no {self.module}/service.py."
                " Write it, or say how it starts: 'run: { command: [...] }'."
            )
        return None


class Neighbours(msgspec.Struct, frozen=True, kw_only=True):
    """What is around the services."""

    run: RunFolder
    backed: Backed
    outside: Mapping[str, str]  # systems outside: where they are reached
    protocols: Mapping[str, str]  # of the services: rest or grpc
    first: Mapping[str, "Replica"]  # of each service that runs here
    issuers: Mapping[str, Issuer]  # by the issuer that is declared
    traces: str
    mesh: tuple[str, ...]  # the processes that carry the traffic; none: sockets are wired to one another
    gateway: str  # its identity


class Replica(msgspec.Struct, frozen=True, kw_only=True):
    """One replica, where it listens, and where its own proxy takes what it sends."""

    program: Program
    number: int
    listen: Listen
    calls: dict[str, str] = {}  # addresses by callee
    stores: dict[str, str] = {}  # addresses by store, and of the broker

    @property
    def name(self) -> str:
        """Name it among all."""
        return f"{self.program.title}-{self.number}"

    @property
    def binding(self) -> Binding:
        """Give what was decided for it."""
        return self.program.bindings[self.number]

    @property
    def asked_at(self) -> str:
        """Give the address that tells whether it is ready; empty where nobody needs to know."""
        return self.listen.admin or (self.listen.rest if self.program.serves else "")

    @property
    def ready_path(self) -> str:
        """Give the path that is asked there; empty where listening will do."""
        return READY_PATH if self.program.run is None else self.program.run.ready or ""


def replicas(
    program: Program, run: RunFolder, port_of: Callable[[str], int], ported: Collection[str] = ()
) -> Iterator[Replica]:
    """Place every replica of a service: on Unix sockets, or on loopback ports where it knows no sockets.

    It reaches stores that are *ported* at loopback ports in any case, since their clients know no sockets.
    """
    for number, binding in enumerate(program.bindings[:1] if program.ends else program.bindings):
        name = f"{program.title}-{number}"
        kinds: dict[str, str] = {store: one.kind for store, one in binding.stores.items()}
        if binding.broker is not None:
            kinds["broker"] = binding.broker.kind
        inside = [callee for callee, call in binding.calls.items() if call.internal]
        if program.uses_sdk:
            listen = Listen(**{side: f"unix:{run.socket(f'{name}.{side}')}" for side in ("rest", "grpc", "admin")})
            calls = {callee: f"unix:{run.socket(f'{name}.to.{callee}')}" for callee in inside}
            stores = {
                store: _loopback(port_of, at) if store in ported else _socket(run, at, kind)
                for store, kind in kinds.items()
                if (at := f"{name}.store.{store}")
            }
        else:
            at = _loopback(port_of, name) if program.serves else ""
            listen = Listen(rest=at, grpc=at, admin="")
            calls = {callee: _loopback(port_of, f"{name}.to.{callee}") for callee in inside}
            stores = {store: _loopback(port_of, f"{name}.store.{store}") for store in kinds}
        yield Replica(program=program, number=number, listen=listen, calls=calls, stores=stores)


def _loopback(port_of: Callable[[str], int], name: str) -> str:
    return f"127.0.0.1:{port_of(name)}"


def _socket(run: RunFolder, name: str, kind: str) -> str:
    if kind == "postgresql":  # whose drivers choose the name
        return f"unix:{run.socket_folder(name) / '.s.PGSQL.5432'}"
    return f"unix:{run.socket(name)}"


def bind(replica: Replica, around: Neighbours) -> Binding:
    """Tell a replica its place on this machine: as decided, with the addresses of here."""
    decided = replica.binding
    name, run = replica.name, around.run
    here = [
        msgspec.structs.replace(around.issuers[issuer.issuer], audience=issuer.audience, tenants=issuer.tenants)
        for issuer in decided.identity.issuers
        if issuer.issuer in around.issuers
    ]
    identity = msgspec.structs.replace(
        decided.identity,
        issuers=tuple(dict.fromkeys(here)) or decided.identity.issuers,
        proxied=bool(around.mesh),
        gateway=around.gateway if decided.identity.gateway else "",
    )
    return msgspec.structs.replace(
        decided,
        environment="local",
        domain="localhost",
        replica=name,
        listen=replica.listen,
        drain=min(decided.drain, DRAIN),
        calls={callee: _call(replica, callee, call, around) for callee, call in decided.calls.items()},
        stores={
            key: store_of(decided.service, one, around.backed.stores[key], reached(replica, key, around))
            for key, one in decided.stores.items()
        },
        broker=_broker(replica, around),
        volumes={volume: str(run.data(f"{name}.{volume}")) for volume in decided.volumes},
        identity=identity,
        telemetry=msgspec.structs.replace(decided.telemetry, traces=around.traces, share=1.0),
        flags_file=str(run.config("flags.json")) if decided.flags_file else "",
    )


def _call(replica: Replica, callee: str, call: Call, around: Neighbours) -> Call:
    if not call.internal:
        return msgspec.structs.replace(call, address=around.outside.get(callee, NOWHERE), tls=False)
    if around.mesh:
        return msgspec.structs.replace(call, address=replica.calls[callee], tls=False)
    first = around.first.get(callee)
    side = "grpc" if around.protocols[callee] == "grpc" else "rest"
    return msgspec.structs.replace(call, address=getattr(first.listen, side) if first else NOWHERE, tls=False)


def reached(replica: Replica, name: str, around: Neighbours) -> str:
    """Say where a replica finds a store: at its own proxy, where one stands between."""
    backing = around.backed.stores[name]
    if not (around.mesh and backing.meshed):
        return backing.store.address
    return f"http://{replica.stores[name]}" if backing.store.kind == "dynamodb" else replica.stores[name]


def store_of(user: str, decided: Store, backing: Backing, address: str) -> Store:
    """Tell a user of a store where it is here, with the limits that were decided for it."""
    return msgspec.structs.replace(
        backing.store,
        address=address,
        user=user if backing.own_users else backing.store.user,
        region=backing.store.region or decided.region,
        database=decided.database if decided.kind == "dynamodb" else backing.store.database,
        connections=decided.connections,
        shared=decided.shared,
        connect_timeout=decided.connect_timeout,
        answer_timeout=decided.answer_timeout,
    )


def _broker(replica: Replica, around: Neighbours) -> Broker | None:
    decided, found = replica.binding, around.backed.broker
    if decided.broker is None or found is None:
        return None
    address = replica.stores["broker"] if around.mesh and found.meshed else found.broker.address
    user = decided.service if found.own_users else found.broker.user
    return msgspec.structs.replace(
        found.broker, address=address, user=user, partitions=decided.broker.partitions, takeover=decided.broker.takeover
    )


def place(run: RunFolder, name: str, bound: Binding) -> Path:
    """Write a binding into a folder of its own, and give the folder."""
    folder = private_folder(run.config(name))
    replace(folder / BINDING_FILE, binding_text(bound).encode())
    return folder


def python(program: Program, words: tuple[str, ...]) -> tuple[str, ...]:
    """Give the words that run a command of the SDK with a service's own interpreter."""
    own = program.code / ".venv" / "bin" / "python"
    return (str(own) if own.exists() else sys.executable, "-m", "fairway_sdk", *words)


def is_ours(program: Program) -> bool:
    """Tell whether Fairway's own interpreter runs it."""
    return program.uses_sdk and not (program.code / ".venv").exists()
