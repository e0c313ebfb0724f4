"""Errors are problems: they say what went wrong and where to look, and repeat nothing that was sent."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, MutableMapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from aiohttp import ClientError, ClientSession
from fastapi import HTTPException
from fastapi.responses import StreamingResponse
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, field_validator
from pydantic_core import PydanticCustomError
from starlette.types import ASGIApp

from fairway_sdk import Service, UnavailableError
from fairway_sdk.configuration.placement import Placement
from fairway_sdk.configuration.secrets import Secrets
from fairway_sdk.configuration.values import Values
from fairway_sdk.contract.binding import Binding, Identity, Issuer
from fairway_sdk.errors import DeclinedError, RefusedError
from fairway_sdk.rest.asgi import asgi

Serve = Callable[..., AbstractAsyncContextManager[ClientSession]]
Log = Callable[[], list[dict[str, Any]]]


class Card(BaseModel):
    """One of two ways to pay."""

    kind: Literal["card"]
    number: Annotated[str, Field(pattern="^[0-9]{16}$")]


class Bill(BaseModel):
    """The other."""

    kind: Literal["bill"]
    due: int


class Order(BaseModel, extra="forbid"):
    """A body with everything in it whose errors might quote what was sent."""

    name: Annotated[str, Field(max_length=3)]
    payment: Annotated[Card | Bill, Field(discriminator="kind")]
    counts: dict[str, int]
    note: str = ""
    title: str = ""

    @field_validator("title")
    @classmethod
    def short(cls, title: str) -> str:
        """Refuse any title, with an error of its own kind that quotes it."""
        raise PydanticCustomError("too_wordy", "{title} is too long", {"title": title})

    @field_validator("note")
    @classmethod
    def plain(cls, note: str) -> str:
        """Refuse any note, with a message that quotes it."""
        raise ValueError(f"{note} is not plain")


def failing() -> Service:  # noqa: C901 - a list of routes
    """Make a service whose routes fail, each in its own way."""
    service = Service("failing")

    @service.post("/orders")
    async def order(order: Order, number: int) -> None: ...

    @service.get("/missing")
    async def missing() -> None:
        raise HTTPException(404, "There is no such book.", {"x-why": "sold"})

    @service.get("/structured")
    async def structured() -> None:
        raise HTTPException(409, {"book": 5, "status": "mine", "detail": "It is lent."})

    @service.get("/declined")
    async def declined() -> None:
        raise DeclinedError("FAILED_PRECONDITION", "The book is sold out.")

    @service.get("/refused")
    async def refused() -> None:
        raise RefusedError(403, "the scope is missing")

    @service.get("/down")
    async def down() -> None:
        raise UnavailableError("store books: no route to 10.0.0.5")

    @service.get("/late")
    async def late() -> None:
        raise TimeoutError

    @service.get("/broken")
    async def broken() -> None:
        raise ValueError("jane@example.org")

    @service.get("/half")
    async def half() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            yield b"one"
            raise ValueError("jane@example.org")

        return StreamingResponse(parts())

    return service


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        ("/nothing", 404, None),
        ("/missing", 404, "There is no such book."),
        ("/structured", 409, "It is lent."),
        ("/declined", 409, "The book is sold out."),
        ("/refused", 403, "the scope is missing"),
        ("/down", 503, "Something that is needed for this does not answer now. Try again later."),
        ("/late", 504, "The request took longer than it may."),
        ("/broken", 500, "The service failed. The trace says where."),
    ],
)
async def test_every_error_is_a_problem_with_its_trace(
    serve: Serve, log: Log, path: str, status: int, detail: str | None
) -> None:
    """The document has RFC 9457's members and the trace that the log line has."""
    async with serve(failing()) as client:
        log()
        answer = await client.get(path)
        document = json.loads(await answer.read())
        trace = log()[-1]["trace_id"]
    assert answer.status == document["status"] == status
    assert answer.content_type == "application/problem+json"
    assert document.get("detail") == detail
    assert document["title"]
    assert document["trace_id"] == trace
    if status == 503:
        assert int(answer.headers["retry-after"]) > 0


async def test_an_error_keeps_its_headers_and_members(serve: Serve) -> None:
    """What a handler adds is there; what the standard has, it cannot overwrite."""
    async with serve(failing()) as client:
        assert (await client.get("/missing")).headers["x-why"] == "sold"
        structured = json.loads(await (await client.get("/structured")).read())
        declined = json.loads(await (await client.get("/declined")).read())
    assert structured["book"] == 5
    assert structured["status"] == 409
    assert declined["code"] == "FAILED_PRECONDITION"


async def test_a_fault_of_ours_is_logged_once_and_without_its_message(serve: Serve, log: Log) -> None:
    """The log says what broke and where; what it said may be personal."""
    async with serve(failing()) as client:
        log()
        await client.get("/broken")
        lines = log()
    (line,) = [line for line in lines if line["level"] == "error"]
    assert line["error"] == "ValueError"
    assert line["route"] == "/broken"
    assert Path(__file__).name in line["traceback"]
    assert "in broken" in line["traceback"]
    assert "jane" not in str(lines)


async def test_an_answer_that_breaks_half_way_is_seen_to_be_broken(serve: Serve, log: Log) -> None:
    """A client must not take half an answer for a whole one."""
    async with serve(failing()) as client:
        with pytest.raises(ClientError):
            await (await client.get("/half")).read()
        assert [line["error"] for line in log() if "error" in line] == ["ValueError"]


async def test_a_bad_token_is_refused_before_the_handler(serve: Serve, tmp_path: Path, log: Log) -> None:
    """The answer asks for a good one, and repeats nothing of the bad one."""
    service = failing()

    @service.get("/reached")
    async def reached() -> None:
        raise AssertionError("the handler must not run")

    issuer = Issuer(issuer="https://issuer.example", audience="failing", keys=str(tmp_path / "keys.json"))
    async with serve(service, identity=Identity(issuers=(issuer,))) as client:
        log()
        answer = await client.get("/reached", headers={"authorization": "Bearer jane.jane.jane"})
        text = await answer.text()
        lines = log()
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.content_type == "application/problem+json"
    assert "jane" not in text + str(lines)
    assert lines[-1]["status"] == 401


async def test_the_interface_describes_its_errors(serve: Serve) -> None:
    """OpenAPI is served, and says that errors are problems."""
    async with serve(failing(), version="1.2.3") as client:
        document = json.loads(await (await client.get("/openapi.json")).read())
    assert document["info"] == {"title": "failing", "version": "1.2.3"}
    responses = document["paths"]["/orders"]["post"]["responses"]
    assert "422" not in responses
    (schema,) = [content["schema"] for content in responses["default"]["content"].values()]
    assert schema["$ref"].rpartition("/")[2] in document["components"]["schemas"]


secret = st.text("abcdefghijklmnopqrstuvwxyz@.", min_size=8, max_size=20).map(lambda text: f"zq{text}")
payments = st.one_of(
    st.builds(lambda text: {"kind": text}, secret),
    st.builds(lambda text: {"kind": "card", "number": text}, secret),
    st.builds(lambda text: {"kind": "bill", "due": text}, secret),
    secret,
)


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> ASGIApp:
    """Give the failing service as an application without a server."""
    folder = tmp_path_factory.mktemp("failing")
    service = failing()
    service.place(Placement(binding=Binding(service="failing"), values=Values(folder), secrets=Secrets(folder)))
    return asgi(service)


@settings(max_examples=60, deadline=None)
@given(name=secret, payment=payments, counts=st.dictionaries(secret, secret, max_size=2), note=secret, extra=secret)
def test_no_error_repeats_what_was_sent(
    application: ASGIApp, name: str, payment: object, counts: dict[str, str], note: str, extra: str
) -> None:
    """Neither values, nor keys, nor tags, nor what a validator of the author says."""
    body = {"name": name, "payment": payment, "counts": counts, "note": note, "title": note, extra: extra}
    status, answer = asyncio.run(post(application, f"/orders?number={name}", json.dumps(body)))
    assert status == 422
    assert "zq" not in answer
    places = {error["place"] for error in json.loads(answer)["errors"]}
    assert {"query.number", "body.name", "body.note", "body.title", "body.*"} <= places


async def post(application: ASGIApp, path: str, body: str) -> tuple[int, str]:
    """Send a body of JSON."""
    sent: list[Any] = []
    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": query.encode(),
        "headers": [(b"content-type", b"application/json")],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body.encode(), "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await application(scope, receive, send)
    return sent[0]["status"], sent[1]["body"].decode()
