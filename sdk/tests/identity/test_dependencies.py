"""What a route says of its callers is what it gets."""

from collections.abc import MutableMapping
from typing import Annotated, Any

import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.requests import Request

from fairway_sdk import ANONYMOUS, Caller, CurrentCaller, Person, RefusedError, Tenant, needs, require
from fairway_sdk.identity.caller import caller as at_hand

ADA = Caller(person="ada", tenant="north", scopes=frozenset({"orders:read"}))


async def status(app: FastAPI, path: str, caller: Caller) -> int:
    """Ask a path in a caller's name, as the SDK's own application does, and tell the status."""
    told: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            told.append(message["status"])

    scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b""}
    token = at_hand.set(caller)
    try:
        await app(scope, receive, send)
    finally:
        at_hand.reset(token)
    return told[0]


@pytest.fixture
def application() -> FastAPI:
    """Make routes that ask for callers in every way."""
    made = FastAPI()

    @made.exception_handler(RefusedError)
    async def refuse(_request: Request, error: RefusedError) -> JSONResponse:
        return JSONResponse({"detail": error.reason}, error.status)

    @made.get("/anybody")
    async def anybody(caller: CurrentCaller) -> bool:
        return caller.known

    @made.get("/person")
    def person(caller: Person) -> str:
        return caller.person

    @made.get("/tenant")
    async def tenant(tenant: Tenant) -> str:
        return tenant

    @made.get("/read", dependencies=[needs("orders:read")])
    async def read() -> str:
        return at_hand.get().person

    @made.get("/write")
    async def write(caller: Annotated[Caller, needs("orders:read", "orders:write")]) -> str:
        return caller.person

    return made


@pytest.mark.parametrize(
    ("path", "anonymous", "known"),
    [("/anybody", 200, 200), ("/person", 401, 200), ("/tenant", 403, 200), ("/read", 401, 200), ("/write", 401, 403)],
)
async def test_a_route_lets_in_whom_it_asks_for(path: str, anonymous: int, known: int, application: FastAPI) -> None:
    """401 for nobody in particular, 403 for somebody who lacks something."""
    assert await status(application, path, ANONYMOUS) == anonymous
    assert await status(application, path, ADA) == known


def test_the_openapi_document_says_which_routes_want_a_token(application: FastAPI) -> None:
    """So that generated clients send one."""
    document = application.openapi()
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert document["paths"]["/person"]["get"]["security"] == [{"token": []}]
    assert document["paths"]["/read"]["get"]["security"] == [{"token": []}]
    assert "security" not in document["paths"]["/anybody"]["get"]


def test_a_grpc_method_asks_with_a_function() -> None:
    """It raises the same errors, and names the scope that lacks."""
    assert require(ADA, "orders:read") is ADA
    with pytest.raises(RefusedError, match="orders:write") as told:
        require(ADA, "orders:read", "orders:write")
    assert told.value.status == 403
    with pytest.raises(RefusedError) as told:
        require(ANONYMOUS)
    assert told.value.status == 401
