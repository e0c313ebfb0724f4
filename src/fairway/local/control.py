"""The way to a system that is up: a socket that its owner alone may open; a JSON line is asked, a JSON line answers."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, Literal

import msgspec

from fairway.core.errors import FairwayError
from fairway.local.run_folder import RunFolder
from fairway.local.supervisor import View

SOCKET: Final = "control"
ANSWERS_WITHIN: Final = 5.0  # seconds
LARGEST: Final = 1 << 24  # bytes of a line


class Request(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is wanted of a running system."""

    do: Literal["status", "restart", "stop", "traffic"]
    name: str = ""  # of a service, or of one process
    share: int = -1  # percent of its requests for the canary; below zero: as it is
    next: bool = False  # or the next step that was decided


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """A whole system as it is now."""

    system: str
    folder: str
    pid: int
    since: float  # seconds since 1970
    state: Literal["starting", "up", "stopping"]  # up: every process has come as far as it will for now
    gateway: str = ""  # URL; of the first region's
    gateways: dict[str, str] = {}  # URLs by region
    console: str = ""  # URL
    tries: list[str] = []  # lines to paste
    notes: list[str] = []  # what is not as it would be in a cluster
    processes: list[View] = []


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What came of it."""

    fault: str = ""
    status: Status | None = None
    names: list[str] = []  # of the processes it was done to
    share: int = 0  # percent of the requests that the canary takes
    steps: tuple[int, ...] = ()  # that were decided


class NotUpError(FairwayError):
    """The system does not run."""


@contextlib.asynccontextmanager
async def serving(run: RunFolder, answer: Callable[[Request], Awaitable[Answer]]) -> AsyncIterator[None]:
    """Answer for as long as the body runs."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                try:
                    said = await answer(msgspec.json.decode(line, type=Request))
                except msgspec.DecodeError as error:
                    said = Answer(fault=f"{error}.")
                writer.write(msgspec.json.encode(said) + b"\n")
                await writer.drain()
        writer.close()

    path = run.socket(SOCKET)
    path.unlink(missing_ok=True)
    server = await asyncio.start_unix_server(serve, path)
    path.chmod(0o600)
    try:
        yield
    finally:
        server.close()
        path.unlink(missing_ok=True)


def ask(run: RunFolder, request: Request, within: float = ANSWERS_WITHIN) -> Answer:
    """Ask the system that runs from this folder; `NotUpError` where none does."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(within)
        try:
            line.connect(str(run.socket(SOCKET)))
            line.sendall(msgspec.json.encode(request) + b"\n")
            said = line.makefile("rb").readline(LARGEST)
        except TimeoutError:
            raise FairwayError(
                f"{run.system_folder}: 'fairway up' gives no answer. End it with Ctrl-C, or by its process's number."
            ) from None
        except OSError:
            raise NotUpError(f"{run.system_folder}: is not up. Start it with 'fairway up'.") from None
    if not said:
        raise NotUpError(f"{run.system_folder}: is just ending. Start it again with 'fairway up'.")
    return msgspec.json.decode(said, type=Answer)


def status(run: RunFolder) -> Status:
    """Ask how all is."""
    found = ask(run, Request("status")).status
    assert found is not None, "it was asked for"
    return found
