"""Services and the sockets they call."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Served = Callable[[Handler], AbstractAsyncContextManager[str]]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder whose path is short enough for sockets."""
    with TemporaryDirectory(prefix="fw-") as name:
        yield Path(name)


@pytest.fixture
def served(folder: Path) -> Served:
    """Give a function that answers every request on a Unix socket with a handler, and yields the address."""

    @asynccontextmanager
    async def serving(handler: Handler) -> AsyncIterator[str]:
        application = web.Application(client_max_size=1 << 26)
        application.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.UnixSite(runner, f"{folder}/http").start()
        try:
            yield f"unix:{folder}/http"
        finally:
            await runner.cleanup()

    return serving
