"""Serves our own ASGI applications, on loopback or on a Unix socket, for as long as somebody wants them."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

import uvicorn

from fairway.core.errors import FairwayError

ENDS_WITHIN: Final = 1  # seconds for the answers that are on their way
BEGINS_WITHIN: Final = 0.01  # seconds between two looks
UNIX: Final = "unix:"


class Server(uvicorn.Server):
    """Sleeps until it is told to end: uvicorn's own looks ten times a second whether it is."""

    def __init__(self, config: uvicorn.Config) -> None:
        """Take how it serves."""
        super().__init__(config)
        self._ending = asyncio.Event()

    def end(self) -> None:
        """Take no more, and come to an end."""
        self.should_exit = True
        self._ending.set()

    async def main_loop(self) -> None:
        """Wait for the end."""
        self.server_state.default_headers = self.config.encoded_headers
        await self._ending.wait()

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]  # the process has its own way
        """Leave signals alone: several servers may share one process."""
        return contextlib.nullcontext()


@contextlib.asynccontextmanager
async def serving(application: Any, address: str, **further: Any) -> AsyncIterator[asyncio.Task[None]]:  # noqa: ANN401 - ASGI's many shapes, and uvicorn's settings
    """Serve at `HOST:PORT` or `unix:/path` until the body ends, or the task; `FairwayError` where that cannot be.

    There is no access log: in addresses there may be codes and keys.
    """
    listener = listening(address)
    server = Server(
        uvicorn.Config(
            application,
            loop="asyncio",
            ws="none",
            lifespan="off",
            access_log=False,
            log_level="warning",
            server_header=False,
            proxy_headers=False,
            date_header=False,
            **{"timeout_graceful_shutdown": ENDS_WITHIN, **further},
        )
    )
    task = asyncio.create_task(server.serve([listener]))
    try:
        while not (server.started or task.done()):  # noqa: ASYNC110 - uvicorn tells nobody
            await asyncio.sleep(BEGINS_WITHIN)
        yield task
    finally:
        server.end()
        await asyncio.gather(task, return_exceptions=True)
        listener.close()
        _remove(address)


async def until_told(*tasks: "asyncio.Task[None]") -> None:
    """Wait for SIGTERM or SIGINT, or for the end of one of these."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    ending = asyncio.create_task(ended.wait())
    await asyncio.wait({ending, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    ending.cancel()


def listening(address: str) -> socket.socket:
    """Listen at `HOST:PORT` or `unix:/path`; the socket of a path is its owner's alone."""
    try:
        if not address.startswith(UNIX):
            host, _, port = address.rpartition(":")
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            return socket.create_server((host.strip("[]"), int(port)), family=family)
        path = Path(address.removeprefix(UNIX))
        if path.is_socket():
            path.unlink()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        listener.listen()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FairwayError(f"{address}: cannot be listened at: {reason}. Free it, or choose another.") from error
    return listener


def _remove(address: str) -> None:
    if address.startswith(UNIX):
        Path(address.removeprefix(UNIX)).unlink(missing_ok=True)
