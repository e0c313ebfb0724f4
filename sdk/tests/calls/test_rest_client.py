"""An HTTP client's promises: what it sends, what it takes for an answer, and what it never does."""

# ruff: noqa: ANN401 - members of a binding, and JSON

import asyncio
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from msgspec import Struct

from fairway_sdk import Caller, CallError, DeclinedCallError, Service, within
from fairway_sdk.calls.failures import BreakerOpenError, DeadlineError
from fairway_sdk.contract.binding import Breaker, Call, Listen, Retries
from fairway_sdk.identity.caller import caller
from fairway_sdk.testing import placed

QUICK = Retries(tries=3, first_pause=0.01, longest_pause=0.02)


class Book(Struct):
    """What is sent to and fro."""

    title: str


def calling(folder: Path, address: str, **call: Any) -> tuple[Service, Any]:
    """Make a service with a client for one callee."""
    service = Service("orders")
    client = service.http("catalogue")
    return placed(service, folder, calls={"catalogue": Call(address=address, protocol="rest", **call)}), client


async def test_an_answer_is_read_as_a_type_and_a_no_is_an_answer(folder: Path, served: Any) -> None:
    """A 404 is not an error of the call; reading it as a book is."""

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/books/1":
            return web.json_response({"title": f"{request.method} {request.query.get('page')}"})
        return web.json_response({"detail": "there is no such book"}, status=404)

    async with served(answer) as address:
        service, catalogue = calling(folder, address)
        async with service.running():
            found = await catalogue.get("/books/1", params={"page": 2})
            assert found.json(Book) == Book("GET 2")
            missing = await catalogue.get("/books/2")
            assert (missing.status, missing.ok) == (404, False)
            with pytest.raises(DeclinedCallError) as told:
                missing.json(Book)
            assert told.value.code == "404"
            with pytest.raises(CallError, match="another document than agreed"):
                found.json(int)


async def test_a_struct_is_sent_as_json(folder: Path, served: Any) -> None:
    """With its content type."""

    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"type": request.content_type, "body": await request.json()})

    async with served(answer) as address:
        service, catalogue = calling(folder, address)
        async with service.running():
            seen = (await catalogue.post("/books", json=Book("Emma"))).json()
    assert seen == {"type": "application/json", "body": {"title": "Emma"}}


async def test_redirects_are_not_followed_cookies_not_kept_and_other_hosts_not_reached(
    folder: Path, served: Any
) -> None:
    """A callee cannot send us elsewhere, nor one caller's session into another's call."""
    cookies: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        cookies.append(request.headers.get("cookie", ""))
        return web.Response(status=302, headers={"location": "http://elsewhere/", "set-cookie": "session=1"})

    async with served(answer) as address:
        service, catalogue = calling(folder, address)
        async with service.running():
            assert (await catalogue.get("/a")).status == 302
            assert (await catalogue.get("/a")).status == 302
            for path in ("http://elsewhere/", "//elsewhere/", "books"):
                with pytest.raises(ValueError, match="begins with one slash"):
                    await catalogue.get(path)
    assert cookies == ["", ""]


async def test_an_answer_beyond_the_bound_is_an_error_before_it_is_in_memory(folder: Path, served: Any) -> None:
    """Neither a long answer nor a small one that unpacks to a long one."""
    sent = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        stream = web.StreamResponse()
        if request.path == "/packed":
            stream.enable_compression()
        await stream.prepare(request)
        for _ in range(200):
            await stream.write(b"0" * (1 << 18))
            sent += 1
        return stream

    async with served(answer) as address:
        service, catalogue = calling(folder, address, timeout=10)
        async with service.running():
            for path in ("/long", "/packed"):
                with pytest.raises(CallError, match="more than 4194304 bytes"):
                    await catalogue.get(path)
    assert sent < 400


async def test_server_errors_open_the_breaker_and_only_idempotent_calls_are_repeated(folder: Path, served: Any) -> None:
    """A 503 is worth another try, a 500 is not."""
    seen: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.path)
        return web.Response(status=int(request.path[1:]))

    async with served(answer) as address:
        service, catalogue = calling(
            folder, address, idempotent=True, retries=QUICK, breaker=Breaker(failures=4, pause=60)
        )
        async with service.running():
            with pytest.raises(CallError) as told:
                await catalogue.get("/503")
            assert told.value.code == "503"
            with pytest.raises(CallError):
                await catalogue.get("/500")
            with pytest.raises(BreakerOpenError):
                await catalogue.get("/500")
    assert seen == ["/503", "/503", "/503", "/500"]


async def test_a_call_whose_connection_breaks_off_is_not_repeated_behind_our_back(folder: Path) -> None:
    """The library sends a PUT again by itself; a call that the facts do not call idempotent is sent once."""
    requests = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        for number in range(2):
            await reader.readuntil(b"\r\n\r\n")
            requests += 1
            if number == 0 and requests == 1:
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                continue
            break
        writer.close()

    server = await asyncio.start_unix_server(serve, f"{folder}/raw")
    service, catalogue = calling(folder, f"unix:{folder}/raw")
    async with server, service.running():
        assert (await catalogue.put("/a")).ok
        with pytest.raises(CallError, match="does not answer"):
            await catalogue.put("/a")
        await asyncio.sleep(0.05)
    assert requests == 2


async def test_a_callee_that_hangs_or_is_down_fails_within_the_time(folder: Path, served: Any) -> None:
    """Hanging in the body counts as much as before it."""

    async def answer(request: web.Request) -> web.StreamResponse:
        stream = web.StreamResponse()
        await stream.prepare(request)
        await stream.write(b"{")
        await asyncio.sleep(0.5)
        return stream

    async with served(answer) as address:
        service, catalogue = calling(folder, address, timeout=0.1)
        async with service.running():
            begun = time.monotonic()
            with pytest.raises(DeadlineError):
                await catalogue.get("/")
            assert time.monotonic() - begun < 1
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        service, catalogue = calling(folder, f"127.0.0.1:{taken.getsockname()[1]}")
        async with service.running():
            with pytest.raises(CallError, match="does not answer: ClientConnectorError"):
                await catalogue.get("/")


@pytest.mark.parametrize("internal", [True, False])
async def test_our_own_services_get_the_callers_token_and_time_and_others_do_not(
    folder: Path,
    served: Any,
    internal: bool,  # noqa: FBT001 - a case
) -> None:
    """The time is told in the header that the mesh's proxies write."""
    seen: dict[str, str] = {}

    async def answer(request: web.Request) -> web.Response:
        seen.update({name.lower(): value for name, value in request.headers.items()})
        return web.Response()

    async with served(answer) as address:
        service, catalogue = calling(folder, address, internal=internal, timeout=5)
        async with service.running():
            token = caller.set(Caller(person="ada", tenant="north", token="her-token"))  # noqa: S106 - no real one
            with within(2):
                await catalogue.get("/")
            caller.reset(token)
    assert seen.get("authorization") == ("Bearer her-token" if internal else None)
    assert seen.get("x-tenant") == ("north" if internal else None)
    left = seen.get("x-envoy-expected-rq-timeout-ms")
    assert (left is not None) == internal
    assert left is None or 1000 < int(left) <= 2000


async def test_an_answer_that_rests_on_older_data_says_so_to_the_last(folder: Path) -> None:
    """What the service behind served from its memory is marked in the answer of the one in front."""
    behind, front = Service("catalogue"), Service("shop")
    up = True

    @behind.fallback("source", default="none", shared=True)
    async def title() -> str:
        if not up:
            raise CallError("source", "is down")
        return "Emma"

    @behind.get("/title")
    async def read() -> str:
        return await title()

    client = front.http("catalogue")

    @front.get("/page")
    async def page() -> Any:
        return (await client.get("/title")).json()

    outside = Service("outside")
    asking = outside.http("shop")
    source = {"source": Call(address="unix:/nowhere", protocol="rest", when_down="cached")}
    placed(behind, folder, listen=Listen(rest=f"unix:{folder}/behind"), calls=source)
    placed(
        front,
        folder,
        listen=Listen(rest=f"unix:{folder}/front"),
        calls={"catalogue": Call(address=f"unix:{folder}/behind", protocol="rest")},
    )
    placed(outside, folder, calls={"shop": Call(address=f"unix:{folder}/front", protocol="rest")})
    async with behind.running(), front.running(), outside.running():
        fresh = await asking.get("/page")
        assert "x-fairway-stale" not in fresh.headers
        up = False
        behind.clock.ahead = 120.0
        older = await asking.get("/page")
        assert older.json() == "Emma"
        assert 120 <= int(older.headers["x-fairway-stale"]) <= 125
        behind.clock.ahead = 3600.0
        without = await asking.get("/page")
        assert without.json() == "none"
        assert without.headers["x-fairway-skipped"] == "source"
