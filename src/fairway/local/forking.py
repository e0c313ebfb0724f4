"""Starts services as forks of a process that has loaded what they need; others as programs of their own."""

import asyncio
import sys
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Final

import msgspec

from fairway.local.preloading import FORKS, Begun
from fairway.local.processes import Child, ProcessSpec, end_group, spawn
from fairway.local.state import Register
from fairway_sdk.contract.binding import Binding

SQL: Final = (
    "sqlalchemy.ext.asyncio",
    "sqlalchemy.orm",
    "alembic.command",
    "fairway_sdk.stores.command",
    "fairway_sdk.stores.migrations.apply",
    "fairway_sdk.stores.sql",
)
BY_KIND: Final = {
    "postgresql": (*SQL, "sqlalchemy.dialects.postgresql.asyncpg", "asyncpg"),
    "mysql": (*SQL, "sqlalchemy.dialects.mysql.asyncmy", "asyncmy"),
    "redis": ("redis.asyncio", "fairway_sdk.stores.redis"),
    "dynamodb": ("boto3", "boto3.dynamodb.conditions", "fairway_sdk.stores.dynamodb"),
    "nats": ("nats.aio.client", "nats.js.api", "fairway_sdk.events.brokers.nats"),
    "kafka": ("confluent_kafka", "fairway_sdk.events.brokers.kafka"),
    "rabbitmq": ("aiormq", "fairway_sdk.events.brokers.rabbitmq"),
}
CALLS: Final = ("fairway_sdk.calls.declared",)
REST: Final = ("fairway_sdk.calls.rest_client",)
GRPC: Final = ("fairway_sdk.grpc.client", "fairway_sdk.grpc.server", "grpc_reflection.v1alpha.reflection")
EVENTS: Final = ("fairway_sdk.events.consumer", "fairway_sdk.events.worker", "fairway_sdk.events.relay")
PERSONAL: Final = ("fairway_sdk.personal.key_table", "fairway_sdk.personal.keyring", "fairway_sdk.personal.rows")
FLAGS: Final = ("fairway_sdk.flags.provider",)
WORKFLOWS: Final = ("fairway_sdk.sagas.driver",)

PROGRAMS: Final = {  # of Python that are not services: where their `main` is, and what must be loaded before a fork
    "fairway.local.identity": ("fairway.local.identity.__main__", "fairway.local.identity.server"),
    "fairway.local.console": ("fairway.local.console.__main__", "fairway.local.telemetry"),
}


def sharing(spec: ProcessSpec) -> ProcessSpec:
    """Have a program of ours forked, too, where it can be: it then shares the memory of what it loads with services."""
    if spec.command[:2] != (sys.executable, "-m") or spec.command[2] not in PROGRAMS:
        return spec
    module, after = PROGRAMS[spec.command[2]]
    return msgspec.structs.replace(spec, fork=(module, *spec.command[3:]), fork_after=after)


def modules(bindings: Iterable[Binding]) -> list[str]:
    """Name what the services of these bindings load beside what all load."""
    return list(dict.fromkeys(name for binding in bindings for name in _needed(binding)))


def _needed(binding: Binding) -> Iterator[str]:
    kinds: list[str] = [store.kind for store in binding.stores.values()]
    if binding.broker:
        kinds.append(binding.broker.kind)
        yield from EVENTS
    for kind in kinds:
        yield from BY_KIND.get(kind, ())
    protocols = {call.protocol for call in binding.calls.values()}
    yield from (*(CALLS if protocols else ()), *(REST if "rest" in protocols else ()))
    yield from (*(GRPC if "grpc" in protocols else ()), *(PERSONAL if binding.personal else ()))
    yield from (*(FLAGS if binding.flags else ()), *(WORKFLOWS if binding.workflows else ()))


class _Told(msgspec.Struct):
    pid: int
    id: int | None = None
    code: int | None = None


class Forked:
    """A process that was forked for us: the server tells us of its end."""

    def __init__(self, pid: int) -> None:
        """Take its number."""
        self.pid = pid
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def wait(self) -> int:
        """Wait for its end, and give its exit code."""
        return await asyncio.shield(self.ended)


class ForkServer:
    """The server, started when it is first needed, and anew when it has died."""

    def __init__(self, register: Register, log: Path, further: Iterable[str], begun: Begun | None = None) -> None:
        """Take where its output goes, the modules it loads beside those that all services need, and one that runs."""
        self._register = register
        self._log = log
        self._further = tuple(further)
        self._begun = begun
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._server: Begun | None = None
        self._asked: dict[int, asyncio.Future[Forked]] = {}
        self._children: dict[int, Forked] = {}
        self._ids = count()
        self._turn = asyncio.Lock()

    async def start(self, spec: ProcessSpec) -> Child:
        """Start a process: by a fork where it may be."""
        if not spec.fork or not FORKS:
            return await spawn(spec)
        async with self._turn:
            if self._writer is None:
                await self.open()
        writer = self._writer
        assert writer is not None, "it was just opened"
        number = next(self._ids)
        found = self._asked[number] = asyncio.get_running_loop().create_future()
        asked = {"id": number, "words": spec.fork, "after": spec.fork_after, "cwd": str(spec.cwd), "env": spec.env}
        writer.write(msgspec.json.encode(asked | {"log": str(spec.log)}) + b"\n")
        child: Child = await found
        return child

    async def open(self) -> None:
        """Start the server: it loads its modules while others start."""
        server, self._begun = self._begun or Begun(), None
        self._server = server
        self._register.add(server.pid)
        reader, self._writer = await asyncio.open_unix_connection(sock=server.line)
        self._writer.write(msgspec.json.encode({"load": self._further, "log": str(self._log)}) + b"\n")
        self._reading = asyncio.create_task(self._read(reader, self._server))

    async def close(self) -> None:
        """Let the server go; whom it forked has ended by now."""
        if self._writer is not None:
            self._writer.close()
        if self._reading is not None:
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self, reader: asyncio.StreamReader, server: Begun) -> None:
        while line := await reader.readline():
            told = msgspec.json.decode(line, type=_Told)
            if told.id is not None:
                child = self._children[told.pid] = Forked(told.pid)
                asked = self._asked.pop(told.id)
                if not asked.done():  # else nobody wants it any more
                    asked.set_result(child)
            elif told.code is not None:
                self._children.pop(told.pid).ended.set_result(told.code)
        self._writer = None
        waiting = asyncio.ensure_future(server.wait())  # a leader that nobody waits for stays in its group for ever
        await end_group(server.pid)
        await waiting
        self._register.remove(server.pid)
        for asked in self._asked.values():
            asked.set_exception(OSError("the process that starts services ended"))
        for child in self._children.values():  # nobody would tell us of their end
            await end_group(child.pid)
            child.ended.set_result(-9)
        self._asked, self._children = {}, {}
