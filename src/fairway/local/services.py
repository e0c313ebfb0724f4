"""The services of a system as processes: what each is told about its place here, its migration, its replicas."""

import hashlib
import os
import re
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import msgspec

from fairway.core.facts import Run, seconds
from fairway.local.credentials import Credentials
from fairway.local.processes import Ask, ProcessSpec, answers, listens
from fairway.local.run_folder import RunFolder, private_folder, replace
from fairway.local.servers import Backing
from fairway.local.stores import Backed
from fairway.targets.notes import binding_text
from fairway_sdk.contract import (
    BINDING_FILE,
    CONFIGURATION_VARIABLE,
    LIVE_PATH,
    READY_PATH,
    SECRETS_VARIABLE,
)
from fairway_sdk.contract.binding import Binding, Broker, Call, Issuer, Listen, Store

MIGRATED: Final = frozenset({"postgresql", "mysql", "sqlite", "dynamodb"})
NOWHERE: Final = "127.0.0.1:9"  # the port of discard: nobody listens there
MISPLACED: Final = 2  # the exit code of a service whose placement is at fault
STARTS_WITHIN: Final = 60.0  # seconds, where no longer is declared: many start at once
DRAIN: Final = 5.0  # seconds: nobody waits here as callers in a cluster do
KILLED_AFTER: Final = DRAIN + 5.0


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """One service to be run: what was decided for it, and where its code is."""

    name: str
    bindings: tuple[Binding, ...]  # of each replica
    code: Path
    run: Run | None = None
    starts_within: str | None = None
    ends: bool = False  # it runs to completion

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
        if self.ends:
            return f"{self.name}: is left out: it runs to completion, and nothing here starts it on time."
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
    ports: Mapping[str, int]  # of replicas that listen on loopback, by their names
    issuers: Mapping[str, Issuer]  # by the issuer that is declared
    traces: str
    mesh: str  # the process that carries the traffic; empty: sockets are wired to one another
    gateway: str  # its identity


class Replica(msgspec.Struct, frozen=True, kw_only=True):
    """One replica and where it listens."""

    program: Program
    number: int
    listen: Listen

    @property
    def name(self) -> str:
        """Name it among all."""
        return f"{self.program.name}-{self.number}"

    @property
    def binding(self) -> Binding:
        """Give what was decided for it."""
        return self.program.bindings[self.number]


def replicas(program: Program, run: RunFolder, ports: Mapping[str, int]) -> Iterator[Replica]:
    """Place every replica of a service: on Unix sockets, or on a loopback port where it knows no sockets."""
    for number in range(len(program.bindings)):
        name = f"{program.name}-{number}"
        sides = {side: f"unix:{run.socket(f'{name}.{side}')}" for side in ("rest", "grpc", "admin")}
        if not program.uses_sdk:
            sides = {"rest": f"127.0.0.1:{ports[name]}", "grpc": f"127.0.0.1:{ports[name]}", "admin": ""}
        yield Replica(program=program, number=number, listen=Listen(**sides))


def specs(replica: Replica, around: Neighbours) -> Iterator[ProcessSpec]:
    """Say how a replica runs, and before the first one how its stores are migrated."""
    program, run = replica.program, around.run
    credentials = Credentials(run)
    bound = bind(replica, around)
    folder = place(run, replica.name, bound)
    _hand_out(bound, credentials, run)
    job = f"{program.name}.migrate"
    migrates = program.uses_sdk and any(store.kind in MIGRATED for store in bound.stores.values())
    if migrates and replica.number == 0:
        yield _migration(job, replica, around)
    waits = (job,) if migrates else ()
    processes = [around.backed.stores[name].process for name in bound.stores]
    if bound.broker and around.backed.broker:
        processes.append(around.backed.broker.process)
    beside = (*filter(None, dict.fromkeys(processes)), *((around.mesh,) if around.mesh else ()))
    secrets = credentials.folder(program.name)
    environment = {**_environment(), CONFIGURATION_VARIABLE: str(folder), SECRETS_VARIABLE: str(secrets)}
    words = ("run", f"{program.module}.service:service")
    command, ready = python(program, words), answers(bound.listen.admin, READY_PATH)
    live: Ask | None = answers(bound.listen.admin, LIVE_PATH)
    if program.run is not None:
        environment |= told(bound, secrets)
        command, ready, live = (
            start(program.run, bound.listen.rest, run.data(replica.name)),
            _foreign(program.run, bound),
            None,
        )
    yield ProcessSpec(
        name=replica.name,
        service=program.name,
        command=command,
        cwd=program.code / (program.run.folder or "") if program.run else program.code,
        env=environment,
        log=run.log(replica.name),
        address=bound.listen.rest if not program.uses_sdk else bound.listen.admin,
        depends_on=waits if program.uses_sdk else (*waits, *beside),
        outlived_by=beside,
        ready=ready,
        live=live,
        hopeless=(MISPLACED,) if program.uses_sdk else (),
        starts_within=max(STARTS_WITHIN, seconds(program.starts_within or "1s")),
        stop_within=KILLED_AFTER,
        watch=program.code,
        fork=words if _is_ours(program) else (),
    )


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
        calls={callee: _call(name, callee, call, around) for callee, call in decided.calls.items()},
        stores={
            key: _store(decided.service, store, around.backed.stores[key], _reached(name, key, store, around))
            for key, store in decided.stores.items()
        },
        broker=_broker(decided, name, around),
        volumes={volume: str(run.data(f"{name}.{volume}")) for volume in decided.volumes},
        identity=identity,
        telemetry=msgspec.structs.replace(decided.telemetry, traces=around.traces, share=1.0),
        flags_file=str(run.config("flags.json")) if decided.flags_file else "",
    )


def _call(replica: str, callee: str, call: Call, around: Neighbours) -> Call:
    if callee not in around.protocols:  # outside
        return msgspec.structs.replace(call, address=around.outside.get(callee, NOWHERE), tls=False)
    direct = f"unix:{around.run.socket(f'{callee}-0.{around.protocols[callee]}')}"
    if f"{callee}-0" in around.ports:
        direct = f"127.0.0.1:{around.ports[f'{callee}-0']}"
    return msgspec.structs.replace(
        call, address=called(around.run, replica, callee) if around.mesh else direct, tls=False
    )


def called(run: RunFolder, replica: str, callee: str) -> str:
    """Say where the proxy of a replica takes its calls to a callee."""
    return f"unix:{run.socket(f'{replica}.to.{callee}')}"


def reached(run: RunFolder, replica: str, store: str, kind: str) -> str:
    """Say where the proxy of a replica takes its connections to a store, or the broker."""
    if kind == "postgresql":  # whose drivers choose the name
        return f"unix:{run.socket_folder(f'{replica}.store.{store}') / '.s.PGSQL.5432'}"
    return f"unix:{run.socket(f'{replica}.store.{store}')}"


def _reached(replica: str, name: str, store: Store, around: Neighbours) -> str:
    backing = around.backed.stores[name]
    return reached(around.run, replica, name, store.kind) if around.mesh and backing.meshed else backing.store.address


def _store(user: str, decided: Store, backing: Backing, address: str) -> Store:
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


def _broker(decided: Binding, replica: str, around: Neighbours) -> Broker | None:
    found = around.backed.broker
    if decided.broker is None or found is None:
        return None
    address = reached(around.run, replica, "broker", "") if around.mesh and found.meshed else found.broker.address
    user = decided.service if found.own_users else found.broker.user
    return msgspec.structs.replace(
        found.broker, address=address, user=user, partitions=decided.broker.partitions, takeover=decided.broker.takeover
    )


def place(run: RunFolder, name: str, bound: Binding) -> Path:
    """Write a binding into a folder of its own, and give the folder."""
    folder = private_folder(run.config(name))
    replace(folder / BINDING_FILE, binding_text(bound).encode())
    return folder


def _migration(job: str, replica: Replica, around: Neighbours) -> ProcessSpec:
    """Bring the stores of a service to what its code needs, with rights that the service itself has not."""
    program, run = replica.program, around.run
    stores = {
        name: _store(
            f"{program.name}-migration", store, around.backed.stores[name], around.backed.stores[name].store.address
        )
        for name, store in replica.binding.stores.items()
        if store.kind in MIGRATED
    }
    bound = msgspec.structs.replace(
        bind(replica, around), replica=job, stores=stores, secrets=(), broker=None, personal=None
    )
    folder = place(run, job, bound)
    variables = {
        CONFIGURATION_VARIABLE: str(folder),
        SECRETS_VARIABLE: str(Credentials(run).folder(f"{program.name}-migration")),
    }
    words = ("migrate", f"{program.module}.service:service", "--wait", "30")
    note, now = run.config(f"{job}.done"), _schema(program, stores, run)
    needed = tuple(filter(None, dict.fromkeys(around.backed.stores[name].process for name in stores)))
    forgetful = tuple(backing.process for name in stores if (backing := around.backed.stores[name]).forgets)

    async def remember() -> None:
        replace(note, _schema(program, stores, run).encode())

    return ProcessSpec(
        name=job,
        part="job",
        service=program.name,
        command=python(program, words),
        cwd=program.code,
        env={**_environment(), **variables},
        log=run.log(job),
        depends_on=needed,
        once=True,
        again_with=forgetful,
        unneeded=lambda: not forgetful and note.exists() and note.read_text() == now,
        settle=remember,
        fork=words if _is_ours(program) else (),
        starts_within=600.0,
    )


def _schema(program: Program, stores: Mapping[str, Store], run: RunFolder) -> str:
    """Tell one state of a service's schema from another: its code, and which databases it is in."""
    digest = hashlib.sha256(repr(sorted((name, store.address) for name, store in stores.items())).encode())
    sdk = find_spec("fairway_sdk")
    folder = Path(sdk.origin).parent if sdk and sdk.origin else Path()
    cluster = run.state / "data" / "postgresql" / "cluster" / "PG_VERSION"
    files = [*program.code.rglob("*.py"), *folder.glob("stores/migrations/versions/*.py"), cluster]
    for file in sorted(files):
        if file.exists():
            digest.update(f"{file} {file.stat().st_mtime_ns}\n".encode())
    return digest.hexdigest()


def start(run: Run, address: str, data: Path) -> tuple[str, ...]:
    """Give the words of a declared command; `python` is the one that runs Fairway."""
    known = {"address": address, "port": address.rpartition(":")[2], "data": str(data)}
    words = [re.sub(r"\{(address|port|data)\}", lambda found: known[found[1]], word) for word in run.command]
    return (sys.executable, *words[1:]) if words[0] in {"python", "python3"} else tuple(words)


def told(bound: Binding, secrets: Path) -> dict[str, str]:
    """Tell a program that knows no binding what it needs, by its environment."""
    host, _, port = bound.listen.rest.rpartition(":")
    found = {"HOST": host, "PORT": port}
    for name, store in bound.stores.items():
        found[f"{_capitals(name)}_URL"] = url = _url(store, secrets)
        found.setdefault("REDIS_URL" if store.kind == "redis" else "DATABASE_URL", url)
    for callee, call in bound.calls.items():
        found[f"{_capitals(callee)}_ADDRESS"] = call.address
    if bound.broker:
        found["BROKER_ADDRESS"] = bound.broker.address
    if bound.telemetry.traces:
        found["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = bound.telemetry.traces
        found["OTEL_SERVICE_NAME"] = bound.service
    return found


def _url(store: Store, secrets: Path) -> str:
    """Write a store's address as libraries of most languages read it."""
    word = (secrets / store.password_secret).read_text() if store.password_secret else ""
    login = f"{store.user}:{word}@" if word else (f"{store.user}@" if store.user else "")
    path = store.address.removeprefix("unix:")
    if store.kind == "dynamodb":
        return store.address
    if path == store.address:
        return f"{store.kind}://{login}{path}/{store.database}"
    if store.kind == "redis":
        return f"unix://{login}{path}"
    folder = str(Path(path).parent) if store.kind == "postgresql" else path
    key = "host" if store.kind == "postgresql" else "unix_socket"
    return f"{store.kind}://{login}/{store.database}?{key}={folder}"


def _hand_out(bound: Binding, credentials: Credentials, run: RunFolder) -> None:
    del run
    for name in bound.secrets:
        credentials.hand_out(bound.service, name)
    if bound.personal is not None:
        credentials.master_key(bound.personal.master_key_secret)
        credentials.hand_out(bound.service, bound.personal.master_key_secret)


def python(program: Program, words: tuple[str, ...]) -> tuple[str, ...]:
    """Give the words that run a command of the SDK with a service's own interpreter."""
    own = program.code / ".venv" / "bin" / "python"
    return (str(own) if own.exists() else sys.executable, "-m", "fairway_sdk", *words)


def _is_ours(program: Program) -> bool:
    return program.uses_sdk and not (program.code / ".venv").exists()


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FAIRWAY_")}
    return kept | {"PYTHONUNBUFFERED": "1"}


def _foreign(run: Run, bound: Binding) -> Ask:
    return answers(bound.listen.rest, run.ready) if run.ready else listens(bound.listen.rest)


def _capitals(name: str) -> str:
    return name.upper().replace("-", "_")
