"""An HTTP server in the event loop: uvicorn's protocol on our sockets, without its signals, logs and ways to end."""

import asyncio
import time
from email.utils import formatdate
from typing import Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.server import ServerState

from fairway_sdk.lifecycle import Background
from fairway_sdk.rest.head import PatientProtocol
from fairway_sdk.rest.listening import UNIX, close, listen

# Longer than a proxy of the mesh keeps an idle connection, an hour by default: if the server is the first to hang up,
# it may do so while the next request is on its way.
KEPT_ALIVE: Final = 3900
LINGERS: Final = 0.5  # seconds that open connections are served on when ending, so that each is told with an answer
CANCELLED_WITHIN: Final = 1.0  # seconds for what is cut off to say so


class HttpServer:
    """One server for one application on one address."""

    def __init__(self, app: ASGIApp, address: str, purpose: str) -> None:
        self.address = address
        self._config = uvicorn.Config(
            app,
            loop="none",
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,  # whoever connects could write them, and nothing of ours asks where a caller lives
            server_header=False,
            timeout_keep_alive=KEPT_ALIVE,
            reset_contextvars=True,  # a request begins without the context of whoever started the server
        )
        self._purpose = purpose
        self._state = ServerState()
        self._dates = Background()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen; a `SetupError` where that cannot be."""
        if not self._config.loaded:
            self._config.load()
        self._state = ServerState()
        self._date()
        loop = asyncio.get_running_loop()
        self._listening = listen(self.address, self._purpose)
        if self.address.startswith(UNIX):
            self._server = await loop.create_unix_server(self._protocol, sock=self._listening)
        else:
            self._server = await loop.create_server(self._protocol, sock=self._listening)
            self.address = _with_port(self.address, self._listening.getsockname()[1])
        self._dates.start(self._keep_date(), f"dates for {self._purpose}")

    def _protocol(self) -> asyncio.Protocol:
        return PatientProtocol(
            config=self._config, server_state=self._state, app_state={}, _loop=asyncio.get_running_loop()
        )

    async def stop(self, drain: float) -> None:
        """Take no new connections, let requests finish for so many seconds, then cut them off.

        Connections that stay open between requests are served for a moment longer: the application's answers carry
        `connection: close` meanwhile, so that a busy client leaves by itself. Idle ones are closed then.
        """
        if self._server is None:
            return
        loop = asyncio.get_running_loop()
        end = loop.time() + drain
        await asyncio.sleep(0)  # take in who has already knocked
        lingers = loop.time() + min(LINGERS, drain)
        while self._state.connections and loop.time() < lingers:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        self._server.close()
        close(self._listening, self.address)
        self._server = None
        for connection in list(self._state.connections):
            connection.shutdown()  # closes it if it is idle, else after its answer
        while self._state.tasks and (left := end - loop.time()) > 0:
            await asyncio.wait(self._state.tasks, timeout=left)
        if self._state.tasks:
            for task in self._state.tasks:
                task.cancel("the service ends")
            await asyncio.wait(self._state.tasks, timeout=CANCELLED_WITHIN)
        for connection in list(self._state.connections):
            connection.transport.close()
        await self._dates.stop()

    def _date(self) -> None:
        self._state.default_headers = [(b"date", formatdate(time.time(), usegmt=True).encode())]

    async def _keep_date(self) -> None:
        while True:
            await asyncio.sleep(1)
            self._date()


def _with_port(address: str, port: int) -> str:
    return f"{address.rpartition(':')[0]}:{port}"
