"""Replicas of a service with sessions, a browser that visits them, and the store to look into."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from aiohttp import ClientSession, DummyCookieJar, UnixConnector
from fastapi import Request
from redis.asyncio import Redis

from fairway_sdk import ANONYMOUS, Caller, CurrentSession, Service
from fairway_sdk.contract.binding import Listen, Sessions
from fairway_sdk.testing.placing import placed
from fairway_sdk.testing.servers import Valkey
from fairway_sdk.testing.servers.process import ServerProcess

ADA = Caller(person="ada-lovelace", issuer="https://provider.test")
EVE = Caller(person="eve", issuer="https://provider.test")
PEOPLE = {"ada": ADA, "eve": EVE, "anonymous": ANONYMOUS}


def shop() -> Service:  # noqa: C901 - many small routes
    """Make a service whose routes use the session in every way."""
    service = Service("shop")

    @service.get("/basket")
    async def basket(session: CurrentSession) -> list[str]:
        return session.get("basket", list[str], [])

    @service.post("/basket/{book}")
    async def add(book: str, session: CurrentSession) -> list[str]:
        session["basket"] = [*session.get("basket", list[str], []), book]
        return session.get("basket", list[str], [])

    @service.put("/values/{name}")
    async def put(name: str, request: Request, session: CurrentSession) -> None:
        session[name] = (await request.body()).decode()

    @service.get("/values")
    async def values(session: CurrentSession) -> dict[str, Any]:
        return {name: session[name] for name in session}

    @service.delete("/values/{name}")
    async def remove(name: str, session: CurrentSession) -> None:
        del session[name]

    @service.post("/login/{name}")
    async def login(name: str, session: CurrentSession) -> None:
        session.login(PEOPLE[name])

    @service.post("/rotate")
    async def rotate(session: CurrentSession) -> None:
        session.rotate()

    @service.post("/logout")
    async def logout(session: CurrentSession) -> None:
        session.logout()

    @service.get("/me")
    async def me(session: CurrentSession) -> str:
        return session.caller.person

    @service.get("/nothing")
    async def nothing() -> str:
        return "no session here"

    @service.post("/fail/{how}")
    async def fail(how: str, session: CurrentSession) -> None:
        session["basket"] = ["half done"]
        if how == "logout":
            session.logout()
        raise RuntimeError(how)

    return service


class Browser:
    """Keeps one cookie and sends it along."""

    def __init__(self, client: ClientSession) -> None:
        """Begin without a cookie."""
        self.client = client
        self.cookie = ""
        self.told = ""

    def to(self, client: ClientSession) -> "Browser":
        """Go to another replica with the same cookie."""
        other = Browser(client)
        other.cookie = self.cookie
        return other

    async def send(self, method: str, path: str, body: str = "", **headers: str) -> Any:  # noqa: ANN401 - an answer
        """Send a request; gives the answer's JSON, or its status where that is an error."""
        told = {"cookie": self.cookie} if self.cookie else {}
        told |= {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.client.request(method, path, headers=told, data=body or None) as answer:
            self.told = answer.headers.get("set-cookie", "")
            if self.told:
                self.cookie = self.told.partition(";")[0]
            self.headers = answer.headers
            return await answer.json(content_type=None) if answer.status < 400 else answer.status

    async def get(self, path: str, **headers: str) -> Any:  # noqa: ANN401 - an answer
        """Ask."""
        return await self.send("GET", path, **headers)

    async def post(self, path: str, **headers: str) -> Any:  # noqa: ANN401 - an answer
        """Change something."""
        return await self.send("POST", path, **headers)


class Replicas:
    """Starts replicas of the shop, each with its own process state, over one store."""

    def __init__(self, stack: AsyncExitStack, folder: Path, server: Valkey) -> None:
        """Take what they share."""
        self.stack, self.folder, self.server = stack, folder, server
        self.services: list[Service] = []

    async def start(self, **bound: Any) -> Browser:  # noqa: ANN401 - the binding's
        """Start one more; gives a browser that visits it."""
        place = self.folder / str(len(self.services))
        place.mkdir()
        known: dict[str, Any] = {
            "environment": "production",
            "domain": "shop.test",
            "sessions": Sessions(store="sessions"),
        }
        service = placed(
            shop(),
            place,
            listen=Listen(rest=f"unix:{place}/rest", admin=f"unix:{place}/admin"),
            system=self.folder.name,
            stores={"sessions": self.server.store()},
            **(known | bound),
        )
        await self.stack.enter_async_context(service.running())
        client = ClientSession(
            "http://shop.test", connector=UnixConnector(f"{place}/rest"), cookie_jar=DummyCookieJar()
        )
        self.services.append(service)
        return Browser(await self.stack.enter_async_context(client))

    def later(self, seconds: float) -> None:
        """Let time pass."""
        for service in self.services:
            service.clock.ahead += seconds


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder with a short name: a Unix socket's path may have 107 bytes."""
    with TemporaryDirectory(prefix="fw-") as name:
        yield Path(name)


@pytest.fixture
async def replicas(valkey: Valkey, folder: Path) -> AsyncIterator[Replicas]:
    """Give what starts replicas."""
    async with AsyncExitStack() as stack:
        yield Replicas(stack, folder, valkey)


@pytest.fixture
async def browser(replicas: Replicas) -> Browser:
    """Give a browser at one replica."""
    return await replicas.start()


@pytest.fixture
async def inside(valkey: Valkey) -> AsyncIterator[Redis]:
    """Look into the store."""
    client = Redis(unix_socket_path=valkey.address.removeprefix("unix:"))
    yield client
    await client.aclose()


@pytest.fixture
def own_valkey(folder: Path) -> Iterator[ServerProcess]:
    """Give a store that a test may kill."""
    with Valkey(folder / "valkey") as server:
        yield server
