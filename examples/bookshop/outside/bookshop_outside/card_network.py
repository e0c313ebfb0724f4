"""A card network: charges and refunds by order, each once for its idempotency key.

A card's token says how the network behaves: `refused` is refused, `slow` takes three seconds, any other is charged. An
order that was refunded is charged no more, so that a charge that comes late takes nothing.
"""

import asyncio

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bookshop_outside.ledger import Effect, Ledger

SLOW = 3.0  # seconds


def application(ledger: Ledger) -> Starlette:
    """Make the network over its ledger."""

    def taken(order: str) -> int:
        return sum(effect["cents"] for effect in ledger.of(order))

    async def charge(request: Request) -> JSONResponse:
        asked = await request.json()
        if asked["token"] == "slow":  # noqa: S105 - a token of the play, not a secret
            await asyncio.sleep(SLOW)
        if asked["token"] == "refused":  # noqa: S105 - likewise
            return JSONResponse({"refused": "the bank says no"}, 402)
        key = request.headers["idempotency-key"]
        if not ledger.knows(key) and any(effect["kind"] == "refund" for effect in ledger.of(asked["order"])):
            return JSONResponse({"refused": "the order was called off"}, 402)
        return JSONResponse(ledger.once(key, Effect(kind="charge", order=asked["order"], cents=asked["cents"])))

    async def refund(request: Request) -> JSONResponse:
        order = (await request.json())["order"]
        effect = Effect(kind="refund", order=order, cents=-taken(order))
        return JSONResponse(ledger.once(request.headers["idempotency-key"], effect))

    async def effects(_request: Request) -> JSONResponse:
        return JSONResponse(ledger.all())

    return Starlette(
        routes=[
            Route("/charges", charge, methods=["POST"]),
            Route("/refunds", refund, methods=["POST"]),
            Route("/effects", effects),
        ]
    )
