"""Serves all issuers of a system and the socket for commands, in one process, until it is told to end."""

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.middleware import Middleware

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
from fairway.local.serving import serving, until_told

TENDED_EVERY: Final = 1.0  # seconds between two looks at the keys
ENDS_WITHIN: Final = 2  # seconds for the answers that are on their way


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. A `FairwayError` where it cannot begin."""
    providers = _providers(settings)
    issuers = Starlette(
        routes=[route for provider in providers.values() for route in routes(provider)],
        middleware=[Middleware(OwnHostOnly)],
    )
    async with AsyncExitStack() as stack:
        # A server that ends by itself takes the other with it.
        servers = [
            await stack.enter_async_context(serving(application, address, timeout_graceful_shutdown=ENDS_WITHIN))
            for application, address in (
                (issuers, settings.listen),
                (admin(providers, providers[settings.good.name]), f"unix:{settings.admin}"),
            )
        ]
        tending = asyncio.create_task(_tend(providers))
        await until_told(*servers, tending)
        tending.cancel()
        await asyncio.gather(tending, return_exceptions=True)


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


async def _tend(providers: dict[str, Provider]) -> None:
    while True:
        await asyncio.sleep(TENDED_EVERY)
        for provider in providers.values():
            try:
                await asyncio.to_thread(provider.ring.tend)
            except OSError as error:  # a full disk: the keys at hand serve on
                sys.stderr.write(f"{provider.issuer.name}: keys not written: {error}\n")
