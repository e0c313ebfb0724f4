"""The pantry: what is in stock. A plain ASGI program that any server runs; PostgreSQL is where DATABASE_URL says."""

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg  # type: ignore[import-untyped] # has no types
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

TAKE = "update ingredient set pieces = pieces - $2 where name = $1"
FILL = """
insert into ingredient values ($1, $2) on conflict (name) do update set pieces = greatest(ingredient.pieces, $2)
"""
FILLERS = {"restock"}  # the services that may fill the shelves

# Where spans go, and as whose, stands in OTEL_* variables.
traces = TracerProvider()
traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))


def caller(request: Request) -> str:
    """Name the service that calls: the proxy in front says it, and lets nobody else say it."""
    found = re.search(r"URI=spiffe://[^;]*/sa/([^;/]+)", request.headers.get("x-forwarded-client-cert", ""))
    return found[1] if found else ""


@asynccontextmanager
async def connected(app: Starlette) -> AsyncIterator[None]:
    """Hold connections for as long as the program runs."""
    async with asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=1, max_size=4) as app.state.database:
        yield


async def live(_: Request) -> Response:
    """Answer, which is all that is wanted."""
    return JSONResponse({})


async def ready(request: Request) -> Response:
    """Tell whether the database answers."""
    try:
        await request.app.state.database.execute("select 1", timeout=1)
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return JSONResponse({"reasons": {"database": "does not answer"}}, 503)
    return JSONResponse({})


async def ingredients(request: Request) -> Response:
    """Tell how much is left of everything."""
    rows = await request.app.state.database.fetch("select name, pieces from ingredient order by name")
    return JSONResponse({row["name"]: row["pieces"] for row in rows})


async def take(request: Request) -> Response:
    """Take all of what is named, or nothing where something is short."""
    wanted = await request.json()
    async with request.app.state.database.acquire() as connection:
        try:
            async with connection.transaction():
                for name, pieces in sorted(wanted.items()):  # always in this order: nobody waits for one another
                    await connection.execute(TAKE, name, pieces)
        except asyncpg.CheckViolationError:
            return JSONResponse({"title": "something is used up"}, 409)
    return JSONResponse(wanted)


async def fill(request: Request) -> Response:
    """Fill the shelves up to what is named."""
    if caller(request) not in FILLERS:
        return JSONResponse({"title": f"{caller(request) or 'a stranger'} may not fill the shelves"}, 403)
    wanted = await request.json()
    await request.app.state.database.executemany(FILL, list(wanted.items()))
    return JSONResponse(wanted)


app = Starlette(
    routes=[
        Route("/livez", live),
        Route("/readyz", ready),
        Route("/ingredients", ingredients),
        Route("/ingredients", fill, methods=["PUT"]),
        Route("/taken", take, methods=["POST"]),
    ],
    middleware=[Middleware(OpenTelemetryMiddleware, tracer_provider=traces, excluded_urls="livez,readyz")],
    lifespan=connected,
)
