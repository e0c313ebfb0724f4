"""A carrier: parcels by order, each once for its idempotency key. It delivers anywhere but `nowhere`.

A parcel that was called back is booked no more, so that a booking that comes late sends nothing.
"""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bookshop_outside.ledger import Effect, Ledger


def application(ledger: Ledger) -> Starlette:
    """Make the carrier over its ledger."""

    async def book(request: Request) -> JSONResponse:
        asked = await request.json()
        if "nowhere" in asked["address"].casefold():
            return JSONResponse({"refused": "nobody delivers there"}, 422)
        key = request.headers["idempotency-key"]
        if not ledger.knows(key) and ledger.of(asked["order"]):
            return JSONResponse({"refused": "the parcel was called back"}, 422)
        effect = Effect(kind="parcel", order=asked["order"], tracking=f"T{len(ledger.all()) + 1:06d}")
        return JSONResponse(ledger.once(key, effect))

    async def recall(request: Request) -> JSONResponse:
        asked = await request.json()
        return JSONResponse(
            ledger.once(request.headers["idempotency-key"], Effect(kind="recall", order=asked["order"]))
        )

    async def effects(_request: Request) -> JSONResponse:
        return JSONResponse(ledger.all())

    return Starlette(
        routes=[
            Route("/parcels", book, methods=["POST"]),
            Route("/recalls", recall, methods=["POST"]),
            Route("/effects", effects),
        ]
    )
