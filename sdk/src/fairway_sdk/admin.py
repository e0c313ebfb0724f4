"""The admin port: is the process alive, has it started, may it get work, and what are its metrics."""

import asyncio
from typing import TYPE_CHECKING, Any

import orjson
from prometheus_client import REGISTRY, Gauge
from prometheus_client.exposition import choose_encoder
from starlette.types import Receive, Scope, Send

from fairway_sdk import contract
from fairway_sdk.contract.metrics import PROCESS_READY
from fairway_sdk.rest.http import HttpServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairway_sdk.service import Service

JSON = b"application/json"
READY = Gauge(PROCESS_READY, "1 while the service may get work, else 0.")

Answer = tuple[int, bytes, bytes]  # status, media type, body


class Admin:
    """A plain ASGI application for probes and scrapers; it knows one service and no caller."""

    def __init__(self, service: "Service") -> None:
        self._service = service
        self._scraping = asyncio.Lock()
        self._paths: dict[str, Callable[[Scope], Any]] = {
            contract.LIVE_PATH: self._live,
            contract.STARTED_PATH: self._started,
            contract.READY_PATH: self._ready,
            contract.METRICS_PATH: self._metrics,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's shape
        """Answer a probe or a scrape."""
        if scope["type"] != "http":
            return
        find = self._paths.get(scope["path"])
        if find is None:
            status, kind, body = 404, JSON, orjson.dumps({"paths": sorted(self._paths)})
        elif scope["method"] not in {"GET", "HEAD"}:
            status, kind, body = 405, JSON, b"{}"
        else:
            status, kind, body = await find(scope)
        headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body)), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _live(self, _scope: Scope) -> Answer:
        # That the event loop came to this line is the whole answer. A store that is down is no reason to restart.
        return 200, JSON, b'{"alive":true}'

    async def _started(self, _scope: Scope) -> Answer:
        life = self._service.life
        started = life.started or life.draining
        return 200 if started else 503, JSON, orjson.dumps({"started": started})

    async def _ready(self, _scope: Scope) -> Answer:
        reasons = await self._service.life.unready()
        READY.set(not reasons)
        if not reasons:
            return 200, JSON, b'{"ready":true}'
        return 503, JSON, orjson.dumps({"ready": False, "reasons": reasons})

    async def _metrics(self, scope: Scope) -> Answer:
        READY.set(not await self._service.life.unready())
        encode, kind = choose_encoder(dict(scope["headers"]).get(b"accept", b"").decode("latin-1"))
        async with self._scraping:  # a scrape of many series takes long, and a second at once takes it from requests
            return 200, kind.encode(), await asyncio.to_thread(encode, REGISTRY)


class AdminServer:
    """The admin port of a process: up before anything else starts, and until everything has stopped."""

    def __init__(self, service: "Service") -> None:
        self._server = HttpServer(Admin(service), service.binding.listen.admin, "probes and metrics")

    @property
    def address(self) -> str:
        """Where it listens."""
        return self._server.address

    async def start(self) -> None:
        """Listen; a `SetupError` where that cannot be."""
        await self._server.start()

    async def stop(self) -> None:
        """Close at once: whoever asks now finds out by being refused."""
        await self._server.stop(0)
