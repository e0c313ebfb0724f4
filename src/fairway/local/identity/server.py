"""Serves all issuers of a system and the socket for commands, in one process, until it is told to end."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware

from fairway.core.errors import FairwayError
from fairway.local.identity.admin import admin
from fairway.local.identity.clients import Clients
from fairway.local.identity.endpoints import routes
from fairway.local.identity.joining import JoiningProvider
from fairway.local.identity.keys import KeyRing
from fairway.local.identity.provider import Provider
from fairway.local.identity.settings import JOINED, Settings
from fairway.local.identity.users import Users
from fairway.local.identity.wire import OwnHostOnly
from fairway.local.run_folder import private_folder

TENDED_EVERY: Final = 1.0  # seconds between two looks at the keys
ENDS_WITHIN: Final = 2  # seconds for the answers that are on their way


class _Server(uvicorn.Server):
    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]  # two servers share one process
        """Leave signals alone."""
        return contextlib.nullcontext()


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. A `FairwayError` where it cannot begin."""
    providers = _providers(settings)
    issuers = Starlette(
        routes=[route for provider in providers.values() for route in routes(provider)],
        middleware=[Middleware(OwnHostOnly)],
    )
    servers = {
        _server(issuers): _listener(settings.listen),
        _server(admin(providers, providers[settings.good.name])): _listener(f"unix:{settings.admin}"),
    }
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    tending = asyncio.create_task(_tend(providers))
    serving = [asyncio.create_task(server.serve([listener])) for server, listener in servers.items()]
    ending = asyncio.create_task(ended.wait())
    # A server that ends by itself takes the other with it.
    await asyncio.wait([*serving, ending, tending], return_when=asyncio.FIRST_COMPLETED)
    for server in servers:
        server.should_exit = True
    ending.cancel()
    tending.cancel()
    await asyncio.gather(*serving)
    await asyncio.gather(ending, tending, return_exceptions=True)
    _remove(settings.listen, f"unix:{settings.admin}")


def _remove(*addresses: str) -> None:
    for address in addresses:
        if address.startswith("unix:"):
            Path(address.removeprefix("unix:")).unlink(missing_ok=True)


def _providers(settings: Settings) -> dict[str, Provider]:
    folder = private_folder(Path(settings.folder))
    knowing = tuple(issuer.name for issuer in settings.issuers if not issuer.joins)
    users = Users(Path(settings.users) if settings.users else None, settings.tenants, knowing)
    users.all()  # a faulty file is told now
    clients = Clients(folder, settings.clients)
    found: dict[str, Provider] = {}
    for issuer in settings.issuers:
        ring = KeyRing(
            folder / f"{'joined.' if issuer.name == JOINED else issuer.name}.private.json",
            Path(issuer.published),
            published_before=settings.published_before,
            token_lasts=settings.token_lasts,
            rotated_every=settings.rotated_every,
        )
        kind = JoiningProvider if issuer.joins else Provider
        found[issuer.name] = kind(settings, issuer, ring, users, clients)
    return found


def _server(app: Starlette) -> _Server:
    # No access log: it would hold codes.
    return _Server(
        uvicorn.Config(
            app,
            loop="asyncio",
            lifespan="off",
            access_log=False,
            log_level="warning",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=ENDS_WITHIN,
        )
    )


def _listener(address: str) -> socket.socket:
    """Listen at `HOST:PORT` or `unix:/path`; the socket of a path is its owner's alone."""
    try:
        if not address.startswith("unix:"):
            host, _, port = address.rpartition(":")
            return socket.create_server(
                (host.strip("[]"), int(port)), family=socket.AF_INET6 if ":" in host else socket.AF_INET
            )
        path = Path(address.removeprefix("unix:"))
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


async def _tend(providers: dict[str, Provider]) -> None:
    while True:
        await asyncio.sleep(TENDED_EVERY)
        for provider in providers.values():
            try:
                await asyncio.to_thread(provider.ring.tend)
            except OSError as error:  # a full disk: the keys at hand serve on
                sys.stderr.write(f"{provider.issuer.name}: keys not written: {error}\n")
