"""The REST side of a service as a part of it."""

from typing import TYPE_CHECKING

from fairway_sdk.lifecycle import Level
from fairway_sdk.rest.asgi import asgi
from fairway_sdk.rest.http import HttpServer

if TYPE_CHECKING:
    from fairway_sdk.service import Service


class RestServer:
    """The server of a service's routes, where the binding has it listen."""

    name = "rest"
    level = Level.SERVERS

    def __init__(self, service: "Service") -> None:
        self._service = service
        self._server: HttpServer | None = None

    @property
    def address(self) -> str:
        """Where it listens; the port that was chosen, where the binding leaves it open with 0."""
        return self._server.address if self._server is not None else self._service.binding.listen.rest

    async def start(self) -> None:
        """Listen; a `SetupError` where that cannot be."""
        self._server = HttpServer(asgi(self._service), self._service.binding.listen.rest, "REST")
        await self._server.start()

    async def stop(self) -> None:
        """Finish what is in flight, as long as the binding gives it."""
        if self._server is not None:
            await self._server.stop(self._service.binding.drain)
            self._server = None

    async def unready(self) -> str | None:
        """Say nothing: who listens is ready."""
        return None
