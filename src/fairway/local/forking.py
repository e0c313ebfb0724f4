"""Starts services as forks of a process that has loaded what they need; others as programs of their own."""

import asyncio
import os
import socket
import sys
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import Final

import msgspec

from fairway.local.processes import Child, ProcessSpec, Spawned, end_group, open_log, spawn
from fairway.local.state import Register
from fairway_sdk.contract.binding import Binding

SQL: Final = ("sqlalchemy.ext.asyncio", "sqlalchemy.orm", "alembic.runtime.environment", "alembic.script")
BY_KIND: Final = {
    "postgresql": (*SQL, "sqlalchemy.dialects.postgresql.asyncpg", "asyncpg"),
    "mysql": (*SQL, "sqlalchemy.dialects.mysql.asyncmy", "asyncmy"),
    "redis": ("redis.asyncio",),
    "dynamodb": ("boto3", "boto3.dynamodb.conditions"),
    "nats": ("nats.aio.client", "nats.js.api"),
    "kafka": ("confluent_kafka",),
    "rabbitmq": ("aio_pika",),
}


def modules(bindings: Iterable[Binding]) -> list[str]:
    """Name what the services of these bindings load beside what all load."""
    kinds = [store.kind for binding in bindings for store in binding.stores.values()]
    kinds += [binding.broker.kind for binding in bindings if binding.broker]  # type: ignore[misc] # kinds of both
    return list(dict.fromkeys(name for kind in kinds for name in BY_KIND.get(kind, ())))


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

    def __init__(self, register: Register, log: Path, further: Iterable[str]) -> None:
        """Take where its output goes, and the modules it loads beside those that all services need."""
        self._register = register
        self._log = log
        self._further = tuple(further)
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._server: Spawned | None = None
        self._asked: dict[int, asyncio.Future[Forked]] = {}
        self._children: dict[int, Forked] = {}
        self._ids = count()
        self._turn = asyncio.Lock()

    async def start(self, spec: ProcessSpec) -> Child:
        """Start a process: by a fork where it may be."""
        if not spec.fork or sys.platform != "linux":  # elsewhere the system's own libraries do not survive a fork
            return await spawn(spec)
        async with self._turn:
            if self._writer is None:
                await self.open()
        writer = self._writer
        assert writer is not None, "it was just opened"
        number = next(self._ids)
        found = self._asked[number] = asyncio.get_running_loop().create_future()
        asked = {"id": number, "words": spec.fork, "cwd": str(spec.cwd), "env": spec.env, "log": str(spec.log)}
        writer.write(msgspec.json.encode(asked) + b"\n")
        child: Child = await found
        return child

    async def open(self) -> None:
        """Start the server: it loads its modules while others start."""
        ours, its = socket.socketpair()
        log = open_log(self._log)
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-u", "-m", "fairway.local.fork_server", str(its.fileno()), *self._further),
                cwd="/",
                env=os.environ,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[its.fileno()],
                start_new_session=True,
            )
        finally:
            os.close(log)
            its.close()
        self._server = Spawned(process)
        self._register.add(process.pid)
        reader, self._writer = await asyncio.open_unix_connection(sock=ours)
        self._reading = asyncio.create_task(self._read(reader, self._server))

    async def close(self) -> None:
        """Let the server go; whom it forked has ended by now."""
        if self._writer is not None:
            self._writer.close()
        if self._reading is not None:
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self, reader: asyncio.StreamReader, server: Spawned) -> None:
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
        await end_group(server.pid)
        await server.wait()
        self._register.remove(server.pid)
        for asked in self._asked.values():
            asked.set_exception(OSError("the process that starts services ended"))
        for child in self._children.values():  # nobody would tell us of their end
            await end_group(child.pid)
            child.ended.set_result(-9)
        self._asked, self._children = {}, {}
