"""One child process: what is to run, how it is asked how it is, how it is started and ended."""

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final, Literal, Protocol

import msgspec

Ask = Callable[[], Awaitable[str | None]]
"""Gives the reason why a process is not well, or none."""

Part = Literal["store", "broker", "outside", "job", "service", "proxy", "identity", "telemetry"]

LARGEST_LOG: Final = 16 << 20  # bytes; then it begins anew, and the old one is kept beside it
LARGEST_ANSWER: Final = 1 << 16  # bytes of a probe's answer
GROUP_LOOKED_AT_EVERY: Final = 0.02  # seconds


class ProcessSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What is to run, and all that whoever looks after it must know. Durations are seconds."""

    name: str
    command: tuple[str, ...]
    cwd: Path
    log: Path
    env: Mapping[str, str] = {}  # all of it: nothing is inherited
    part: Part = "service"
    service: str = ""  # whose replica or job it is
    address: str = ""  # for people
    depends_on: tuple[str, ...] = ()  # that must be ready before its first start
    outlived_by: tuple[str, ...] = ()  # that must end after it, though it need not wait for them
    prepare: Callable[[], Awaitable[None]] | None = None  # before each start
    settle: Callable[[], Awaitable[None]] | None = None  # once it answers, or has done, before anybody may rely on it
    ready: Ask | None = None
    live: Ask | None = None
    live_every: float = 2.0
    live_failures: int = 3  # in a row: then it hangs
    once: bool = False  # it ends by itself; what depends on it waits for its end
    unneeded: Callable[[], bool] | None = None  # asked before what runs once does so by itself
    completes: bool = False  # a failure of what runs once is told, and not tried again by itself
    schedule: str = ""  # a cron line: when what completes runs, in place of at the start
    again_with: tuple[str, ...] = ()  # what runs once runs again when one of these was restarted
    hopeless: tuple[int, ...] = ()  # exit codes that a restart does not mend
    stop_signal: int = signal.SIGTERM
    stop_within: float = 10.0
    starts_within: float = 60.0
    watch: Path | None = None  # the folder of its code
    overlaps: bool = False  # when started anew the old run answers until the new one is ready
    handover: float = 0.0  # and for so long afterwards, until nobody sends to it any more
    fork: tuple[str, ...] = ()  # a module and the words for its `main`, where it may be forked instead of started
    fork_after: str = ""  # the module that it needs to be loaded; empty: all that services need


class Child(Protocol):
    """A process that runs, and leads a group of its own."""

    pid: int

    async def wait(self) -> int:
        """Wait for its end, and give its exit code; below zero where a signal ended it."""


class Spawned:
    """A child of ours."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        """Take the process."""
        self._process = process
        self.pid = process.pid

    async def wait(self) -> int:
        """Wait for its end, and give its exit code."""
        return await self._process.wait()


async def spawn(spec: ProcessSpec) -> Spawned:
    """Start it in a session of its own, with its output at the end of its log; `OSError` where that cannot be."""
    log = open_log(spec.log)
    try:
        return Spawned(
            await asyncio.create_subprocess_exec(
                *spec.command,
                cwd=spec.cwd,
                env=dict(spec.env),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        )
    finally:
        os.close(log)


def open_log(file: Path) -> int:
    """Open a log for writing at its end, for its owner alone."""
    return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


async def stop(child: Child, spec: ProcessSpec) -> int:
    """Ask it to end, wait, insist, and leave nothing of its group behind; give its exit code."""
    send(child.pid, spec.stop_signal, group=False)
    waiting = asyncio.ensure_future(child.wait())
    try:
        async with asyncio.timeout(spec.stop_within):
            await asyncio.shield(waiting)
    except TimeoutError:
        send(child.pid, signal.SIGKILL)
    code = await waiting
    await end_group(child.pid)
    return code


async def end_group(leader: int) -> None:
    """Kill what a process that has ended left of its group, and wait until it is gone."""
    while send(leader, signal.SIGKILL):  # noqa: ASYNC110 - the kernel tells nobody
        await asyncio.sleep(GROUP_LOOKED_AT_EVERY)


def send(pid: int, number: int, *, group: bool = True) -> bool:
    """Send a signal, and tell whether anybody was there."""
    try:
        (os.killpg if group else os.kill)(pid, number)
    except (ProcessLookupError, PermissionError):  # macOS says the latter of a group of zombies
        return False
    return True


def shorten(log: Path, largest: int = LARGEST_LOG) -> None:
    """Begin a log anew that has grown too long, and keep the old one beside it.

    The writer has the file open and goes on at its end, which is then its beginning.
    """
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > largest:
            shutil.copyfile(log, log.with_suffix(".log.1"))
            os.truncate(log, 0)


def last_line(log: Path) -> str:
    """Give the last line of a log that says something."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4096))
            lines = file.read().decode(errors="replace").split("\n")
    except FileNotFoundError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def answers(address: str, path: str, timeout: float = 2.0) -> Ask:
    """Ask over HTTP, at `unix:/path` or `host:port`: well is any status below 400."""

    async def ask() -> str | None:
        try:
            async with asyncio.timeout(timeout):
                status, body = await _get(address, path)
        except TimeoutError:
            return f"gave no answer within {timeout:g} s"
        except (OSError, ValueError) as error:
            return f"does not answer: {getattr(error, 'strerror', None) or error}"
        return None if status < 400 else _reason(status, body)  # noqa: PLR2004 - HTTP's errors begin there

    return ask


def listens(address: str, timeout: float = 2.0) -> Ask:
    """Ask whether somebody listens at `unix:/path` or `host:port`."""

    async def ask() -> str | None:
        try:
            async with asyncio.timeout(timeout):
                _, writer = await _connect(address)
        except (OSError, TimeoutError):
            return f"does not listen at {address}"
        writer.close()
        return None

    return ask


async def _connect(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if address.startswith("unix:"):
        return await asyncio.open_unix_connection(address.removeprefix("unix:"))
    host, _, port = address.rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def _get(address: str, path: str) -> tuple[int, bytes]:
    reader, writer = await _connect(address)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".encode())
        head, _, body = (await _whole(reader)).partition(b"\r\n\r\n")
        status = head.split(b" ", 2)[1:2]
        if not status:
            raise ValueError("no HTTP")
        return int(status[0]), body
    finally:
        writer.close()


async def _whole(reader: asyncio.StreamReader) -> bytes:
    found = b""
    while len(found) < LARGEST_ANSWER and (more := await reader.read(LARGEST_ANSWER)):
        found += more
    return found


class _Unready(msgspec.Struct):
    reasons: dict[str, str] = {}


def _reason(status: int, body: bytes) -> str:
    """Say what a service of the SDK says of its parts."""
    with contextlib.suppress(msgspec.DecodeError):
        if reasons := msgspec.json.decode(body, type=_Unready).reasons:
            return "; ".join(f"{part}: {reason}" for part, reason in reasons.items())
    return f"answers {status}"
