"""Runs the collector's HTTP server within the process that also serves the page."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from typing import Any, Final

import uvicorn

from fairway.core.errors import FairwayError

AT_ONCE: Final = 256  # connections; Envoy and each replica keep one or two
ENDS_WITHIN: Final = 1  # seconds
BEGINS_WITHIN: Final = 0.01  # seconds between two looks


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
        """Leave signals alone."""
        return contextlib.nullcontext()


@contextlib.asynccontextmanager
async def serving(application: Any, address: str) -> AsyncIterator[None]:  # noqa: ANN401 - ASGI's many shapes
    """Serve at `host:port` while the context is open; a `FairwayError` where that cannot be."""
    host, _, port = address.rpartition(":")
    try:
        listener = socket.create_server((host, int(port)))
    except OSError as error:
        raise FairwayError(f"{address}: cannot be listened at: {error.strerror}. Free it, and try again.") from error
    # h11 bounds the head of a request, which the faster one does not.
    server = Server(
        uvicorn.Config(
            application,
            http="h11",
            loop="asyncio",
            ws="none",
            lifespan="off",
            access_log=False,
            log_level="warning",
            server_header=False,
            proxy_headers=False,
            date_header=False,
            limit_concurrency=AT_ONCE,
            timeout_keep_alive=60,
            timeout_graceful_shutdown=ENDS_WITHIN,
        )
    )
    task = asyncio.create_task(server.serve([listener]))
    try:
        while not (server.started or task.done()):  # noqa: ASYNC110 - uvicorn tells nobody
            await asyncio.sleep(BEGINS_WITHIN)
        yield
    finally:
        server.end()
        await asyncio.gather(task, return_exceptions=True)
        listener.close()
