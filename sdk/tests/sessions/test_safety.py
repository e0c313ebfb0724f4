"""What a session gives away to a thief of its store, to a foreign page, and to a careless route: nothing."""

import re
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import pytest
from aiohttp import ClientSession, UnixConnector
from fastapi.responses import StreamingResponse
from redis.asyncio import Redis
from sdk.tests.sessions.conftest import Browser, Replicas
from starlette.types import Receive, Scope, Send

from fairway_sdk import ANONYMOUS, Caller, CurrentSession, RefusedError, Service, SetupError
from fairway_sdk.contract.binding import Listen, Sessions, Store
from fairway_sdk.sessions.browser import is_foreign
from fairway_sdk.sessions.middleware import SessionMiddleware, visit
from fairway_sdk.sessions.session import OversizeSessionError
from fairway_sdk.testing.placing import placed
from fairway_sdk.testing.servers import Valkey


async def test_the_store_holds_no_id_and_no_value_that_could_be_used(
    replicas: Replicas, browser: Browser, inside: Redis
) -> None:
    """A copy of it opens no session and tells nobody's name."""
    await browser.post("/basket/planted-value")
    await browser.post("/login/ada")
    await browser.post("/basket/planted-value")
    everything: list[bytes] = []
    for key in await inside.keys(f"fairway:{replicas.folder.name}:*"):
        kind = await inside.type(key)
        content = await (inside.hgetall(key) if kind == b"hash" else inside.zrange(key, 0, -1))
        everything += [str(key).encode(), repr(content).encode()]
    dump = b"\n".join(everything)
    for planted in ("planted-value", "ada-lovelace", "provider.test", browser.cookie.partition("=")[2]):
        assert planted.encode() not in dump
    names = re.findall(rb"[0-9a-f]{64}", dump)
    assert names
    for name in names:
        browser.cookie = f"__Host-session-shop={name[:43].decode()}"
        assert await browser.get("/me") == ""


async def test_a_value_moved_to_another_field_or_session_is_passed_over(
    browser: Browser, replicas: Replicas, inside: Redis
) -> None:
    """Whoever writes to the store cannot make up what a session says."""
    await browser.send("PUT", "/values/limit", "10")
    await browser.send("PUT", "/values/bonus", "99999")
    keys = await inside.keys(f"fairway:{replicas.folder.name}:shop:session:*")
    await inside.hset(keys[0], "limit", await inside.hget(keys[0], "bonus"))
    assert await browser.get("/values") == {"bonus": "99999"}
    other = browser.to(browser.client)
    other.cookie = ""
    await other.post("/login/ada")
    theirs = next(key for key in await inside.keys(f"fairway:{replicas.folder.name}:shop:session:*") if key not in keys)
    await inside.hset(keys[0], "~owner", await inside.hget(theirs, "~owner"))
    assert await browser.get("/me") == ""


@pytest.mark.parametrize(
    ("method", "headers", "foreign"),
    [
        ("POST", {}, False),
        ("GET", {"sec-fetch-site": "cross-site", "origin": "https://evil.test"}, False),
        ("POST", {"sec-fetch-site": "same-origin"}, False),
        ("POST", {"sec-fetch-site": "none"}, False),
        ("POST", {"sec-fetch-site": "cross-site"}, True),
        ("POST", {"sec-fetch-site": "same-site"}, True),
        ("DELETE", {"sec-fetch-site": "cross-site", "origin": "https://evil.test"}, True),
        ("POST", {"sec-fetch-site": "cross-site", "origin": "https://shop.test"}, False),
        ("POST", {"origin": "https://shop.test"}, False),
        ("POST", {"origin": "https://shop.test", "host": "inner:8080"}, False),
        ("POST", {"origin": "https://north.shop.test", "host": "north.shop.test"}, False),
        ("POST", {"origin": "https://evil.test"}, True),
        ("POST", {"origin": "https://shop.test.evil.test"}, True),
        ("POST", {"origin": "https://shop.test@evil.test"}, True),
        ("POST", {"origin": "null"}, True),
        ("CONNECT", {"origin": "https://evil.test"}, True),
    ],
)
def test_a_request_of_a_foreign_page_is_known_by_what_the_browser_says(
    method: str,
    headers: dict[str, str],
    foreign: bool,  # noqa: FBT001 - parametrised
) -> None:
    """Where it may change something."""
    pairs = [(name.encode(), value.encode()) for name, value in ({"host": "shop.test"} | headers).items()]
    assert is_foreign(method, pairs, "shop.test") is foreign


async def test_a_foreign_page_cannot_use_the_session(browser: Browser) -> None:
    """With or without the cookie; routes without a session are not affected."""
    await browser.post("/basket/emma")
    assert await browser.post("/basket/evil", origin="https://evil.test") == 403
    assert await browser.post("/login/eve", sec_fetch_site="cross-site") == 403
    assert await browser.get("/basket", sec_fetch_site="cross-site") == ["emma"]


async def test_a_session_that_grows_too_large_says_which_value_and_which_limit(replicas: Replicas) -> None:
    """At the line that puts the value in."""
    browser = await replicas.start(sessions=Sessions(store="sessions", largest=1000))
    session = await replicas.services[-1].sessions.load(None, ANONYMOUS)
    session["a"] = "x" * 900
    with pytest.raises(OversizeSessionError, match="with 'b' it would have 1068 bytes, and 1000 are the limit"):
        session["b"] = "x" * 98
    session["a"] = "short"
    session["b"] = "x" * 98
    await browser.send("PUT", "/values/a", "x" * 900)
    assert await browser.send("PUT", "/values/b", "x" * 100) == 500
    assert list(await browser.get("/values")) == ["a"]


async def test_a_value_of_another_release_is_the_default(replicas: Replicas) -> None:
    """A person in the middle of a visit does not notice a deployment."""
    await replicas.start()
    session = await replicas.services[0].sessions.load(None, ANONYMOUS)
    session["basket"] = {"emma": 1}
    assert session.get("basket", list[str], []) == []
    assert session.get("basket", dict[str, int]) == {"emma": 1}
    assert session.get("basket") == {"emma": 1}
    assert session.get("other", int) is None


async def test_names_of_the_sdk_and_missing_names_are_errors(replicas: Replicas) -> None:
    """As with any mapping."""
    await replicas.start()
    session = await replicas.services[0].sessions.load(None, ANONYMOUS)
    with pytest.raises(ValueError, match="begins with ~"):
        session["~owner"] = "eve"
    with pytest.raises(KeyError):
        session["missing"]
    with pytest.raises(KeyError):
        del session["missing"]
    session["a"] = 1
    session.clear()
    assert len(session) == 0
    assert "a" not in session
    assert session
    assert "1" not in repr(session)


async def test_a_session_of_another_person_or_tenant_is_not_given(replicas: Replicas) -> None:
    """The token of one and the cookie of another do not mix."""
    browser = await replicas.start()
    sessions = replicas.services[0].sessions
    session = await sessions.load(None, Caller(tenant="north"))
    session["basket"] = ["emma"]
    await session.save()
    for tenant, known in (("north", True), ("", True), ("south", False)):
        assert ("basket" in await sessions.load(session.cookie, Caller(tenant=tenant))) is known
    await browser.post("/login/ada")
    cookie = browser.cookie.partition("=")[2]
    issuer = "https://provider.test"
    for who, known in (
        (ANONYMOUS, True),
        (Caller(person="ada-lovelace", issuer=issuer), True),
        (Caller(person="eve", issuer=issuer), False),
        (Caller(person="ada-lovelace", issuer="https://another.test"), False),
    ):
        assert (await sessions.load(cookie, who)).caller.known is known


async def test_while_the_store_is_down_only_routes_with_a_session_fail(replicas: Replicas, own_valkey: Valkey) -> None:
    """503 for those, and all is well again when it is back."""
    replicas.server = own_valkey
    browser = await replicas.start()
    await browser.post("/basket/emma")
    own_valkey.kill()
    assert await browser.get("/basket") == 503
    fresh = browser.to(browser.client)
    fresh.cookie = ""
    assert await fresh.post("/basket/emma") == 503
    assert fresh.told == ""
    assert await browser.get("/nothing") == "no session here"
    own_valkey.start()
    assert await browser.get("/basket") == ["emma"]


async def test_a_load_and_a_save_are_one_round_trip_each(browser: Browser, inside: Redis) -> None:
    """And nothing is written where nothing changed, but the time of use, once a second."""
    await browser.post("/basket/emma")

    async def scripts() -> int:
        told = await inside.info("commandstats")
        return sum(told.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("evalsha", "eval"))

    before = await scripts()
    await browser.get("/nothing")
    assert await scripts() == before
    await browser.get("/basket")
    assert await scripts() == before + 1
    await browser.post("/basket/ulysses")
    assert await scripts() == before + 3


async def test_a_change_after_the_answer_has_begun_is_an_error(replicas: Replicas) -> None:
    """It would be lost."""
    service = placed(
        Service("late"),
        replicas.folder,
        stores={"sessions": replicas.server.store()},
        sessions=Sessions(store="sessions"),
        environment="local",
    )
    failures = []

    @service.get("/late")
    async def late(session: CurrentSession) -> StreamingResponse:
        async def lines() -> AsyncIterator[str]:
            yield "begun"
            try:
                session["basket"] = ["emma"]
            except RuntimeError as error:
                failures.append(str(error))

        return StreamingResponse(lines())

    socket = f"{replicas.folder}/late"
    service.place(placed(service, replicas.folder, **bound_to(socket, replicas)).placement)
    async with service.running(), ClientSession("http://x", connector=UnixConnector(socket)) as client:
        async with client.get("/late") as answer:
            assert await answer.text() == "begun"
        assert "the answer has begun" in failures[0]


async def test_a_websocket_has_a_session_whose_cookie_comes_with_the_handshake(replicas: Replicas) -> None:
    """Also there, a foreign page is refused."""
    await replicas.start()

    async def talk(scope: Scope, _receive: Receive, send: Send) -> None:
        session = await visit(scope).load()
        session["talked"] = session.get("talked", int, 0) + 1
        await send({"type": "websocket.accept"})

    async def shake(**headers: str) -> dict[bytes, bytes]:
        told: list[Any] = []

        async def send(message: MutableMapping[str, Any]) -> None:
            told.append(message)

        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": "websocket", "headers": [(b"host", b"shop.test"), *pairs]}
        await SessionMiddleware(talk, replicas.services[0])(scope, None, send)  # type: ignore[arg-type] # reads nothing
        return dict(told[0]["headers"])

    cookie = (await shake(origin="https://shop.test"))[b"set-cookie"].partition(b";")[0].decode()
    assert b"set-cookie" not in await shake(origin="https://shop.test", cookie=cookie)
    session = await replicas.services[0].sessions.load(cookie.partition("=")[2], ANONYMOUS)
    assert session["talked"] == 2
    with pytest.raises(RefusedError):
        await shake(origin="https://evil.test", cookie=cookie)


def bound_to(socket: str, replicas: Replicas) -> dict[str, Any]:
    """Give a binding's fields for a service on a socket."""
    return {
        "listen": Listen(rest=f"unix:{socket}", admin=f"unix:{socket}-admin"),
        "stores": {"sessions": replicas.server.store()},
        "sessions": Sessions(store="sessions"),
    }


@pytest.mark.parametrize(
    ("stores", "sentence"),
    [({}, "has no store 'sessions'"), ({"sessions": Store(kind="sqlite", database="shop.db")}, "not a Redis one")],
)
async def test_sessions_without_a_fitting_store_are_told_at_the_start(
    stores: dict[str, Store], sentence: str, replicas: Replicas
) -> None:
    """In a sentence."""
    service = placed(Service("shop"), replicas.folder, stores=stores, sessions=Sessions(store="sessions"))
    with pytest.raises(SetupError, match=sentence):
        async with service.running():
            pass


async def test_a_route_with_a_session_in_a_service_without_them_is_told(replicas: Replicas) -> None:
    """In the log; its caller learns nothing."""
    browser = await replicas.start(sessions=None)
    assert await browser.get("/basket") == 500
