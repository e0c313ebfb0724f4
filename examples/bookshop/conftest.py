"""What the tests of the bookshop share: its services in this process, on real stores, with the outside on loopback."""
# ruff: noqa: INP001 - the services below are packages, the example is none

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import cache
from http import HTTPStatus
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar
from uuid import uuid4

import asyncpg  # type: ignore[import-untyped]  # theirs
import grpc
import msgspec
import pytest
import uvicorn
from aiohttp import ClientSession, DummyCookieJar, UnixConnector
from bookshop_outside import card_network, carrier, mail
from bookshop_outside.ledger import Effect, Ledger
from redis.asyncio import Redis

from fairway.core.artefact import Site
from fairway.verbs.bind import binding
from fairway.verbs.workspace import Workspace, open_system
from fairway_sdk import Service
from fairway_sdk.contract.binding import Broker, Call, Listen, Store, Telemetry
from fairway_sdk.events.brokers.memory import Hub, hub
from fairway_sdk.personal.boxes import new_master_key
from fairway_sdk.testing.clock import ManualClock
from fairway_sdk.testing.placing import migrate, placed
from fairway_sdk.testing.servers import DynamoDB, PostgreSQL, Valkey
from fairway_sdk.testing.servers.process import free_port
from fairway_sdk.testing.tokens import TokenIssuer

S = TypeVar("S")

SITE = Site(environment="staging", region="eu-west-1")
PATIENCE = 10.0  # seconds: a busy machine makes nobody late
OUTSIDE = {"card-network": card_network.application, "carrier": carrier.application}
SECRETS = {"card-network-key": "k1", "carrier-token": "t1", "mail-password": "p1", "dynamodb-key": "d1"}
TENANT = "riverside"


@cache
def facts() -> Workspace:
    """Read the bookshop's facts, once."""
    return open_system(Path(__file__).parent)


class _Server(uvicorn.Server):
    """A server that leaves the signals of the tests' process alone."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


class Outside:
    """One system outside the bookshop; a test may switch it off and on, and look at what it did."""

    def __init__(self, name: str, folder: Path) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self._name = name
        self._ledger = Ledger(folder / f"{name}.jsonl")
        self._stop: Callable[[], Any] | None = None

    @property
    def effects(self) -> list[Effect]:
        """What it did, the oldest first."""
        return self._ledger.all()

    def kinds(self, order: str) -> list[str]:
        """Name what it did for one order."""
        return [effect["kind"] for effect in self._ledger.of(order)]

    async def start(self) -> None:
        """Be there."""
        host, _, port = self.address.rpartition(":")
        if self._name == "mail":
            listening = await mail.serve(host, int(port), self._ledger)
            self._stop = listening.close
            return
        application = OUTSIDE[self._name](self._ledger)
        config = uvicorn.Config(
            application, host, int(port), log_config=None, lifespan="off", ws="none", timeout_graceful_shutdown=1
        )
        server = _Server(config)
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.005)

        def stop() -> asyncio.Task[None]:
            server.should_exit = True
            return serving

        self._stop = stop

    async def stop(self) -> None:
        """Be away."""
        if self._stop is not None:
            ending, self._stop = self._stop(), None
            if ending is not None:
                await ending

    async def close(self) -> None:
        """Be away for good."""
        await self.stop()
        self._ledger.close()


class Answer(msgspec.Struct, frozen=True):
    """What a browser is told."""

    status: int
    body: Any
    headers: Mapping[str, str]


class Browser:
    """Asks one service over REST, and keeps its cookie as a browser does."""

    def __init__(self, shop: "Shop", session: ClientSession, cookie: str = "") -> None:
        self._shop, self._session = shop, session
        self.cookie = cookie

    async def ask(self, method: str, path: str, content: object = None, *, reader: str = "") -> Answer:
        """Send a request, of a known reader or of anybody."""
        headers = dict(self._shop.token(reader)) if reader else {}
        if self.cookie:
            headers["cookie"] = self.cookie
        async with self._session.request(method, path, json=content, headers=headers) as answer:
            if told := answer.headers.get("set-cookie"):
                self.cookie = told.partition(";")[0]
            text = await answer.text()
            return Answer(answer.status, json.loads(text) if text else None, answer.headers)

    async def get(self, path: str, *, reader: str = "") -> Answer:
        """Look at something."""
        return await self.ask("GET", path, reader=reader)


async def refusal(call: Awaitable[object]) -> tuple[grpc.StatusCode, str]:
    """Give the code and the words by which a call is refused; fail where it is not."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code(), caught.value.details() or ""


async def answered(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """Ask again until whoever is needed is back: connections find that out within a second or two."""
    async with asyncio.timeout(PATIENCE):
        while (answer := await ask()).status == HTTPStatus.SERVICE_UNAVAILABLE:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.1)
    return answer


class Shop:
    """The part of the bookshop that a test needs; a service is what it is bound to, and bound as Fairway decided."""

    def __init__(self, folder: Path, stack: AsyncExitStack, servers: "Servers") -> None:
        self.folder = folder
        self.clock = ManualClock()
        self.issuer = TokenIssuer(folder)
        self.hub: Hub = hub(uuid4().hex)
        self.outside: dict[str, Outside] = {}
        self.servers, self._stack = servers, stack
        self._running: dict[str, AsyncExitStack] = {}
        self._name = uuid4().hex[:8]
        stack.callback(self.hub.clear)

    async def open(self, *names: str, **changes: Any) -> None:  # noqa: ANN401 - fields of a binding
        """Start services, and what lies outside of them; `changes` replace fields of their bindings."""
        for name in names:
            service = await self.place(name, **changes)
            running = self._running[name] = AsyncExitStack()
            self._stack.push_async_exit(running)
            await running.enter_async_context(service.running())

    async def close(self, name: str) -> None:
        """Stop a service; it may be opened again, and finds its stores as it left them."""
        await self._running.pop(name).aclose()

    async def place(self, name: str, **changes: Any) -> Service:  # noqa: ANN401 - fields of a binding
        """Give a service its place, its stores and its tables, and start what it calls outside."""
        service: Service = import_module(f"{name}.service").service
        service.clock = self.clock
        decided = binding(facts(), name, SITE)
        for callee in decided.calls:
            if callee in facts().landscape.system.external_systems and callee not in self.outside:
                self.outside[callee] = Outside(callee, self.folder)
                await self.outside[callee].start()
                self._stack.push_async_callback(self.outside[callee].close)
        stores = {key: self.servers.bound(key, self._name, store) for key, store in decided.stores.items()}
        here = {
            key: value for key, value in msgspec.structs.asdict(decided).items() if key not in {"service", "secrets"}
        }
        here |= {
            "system": self._name,
            "listen": self.listen(name),
            "deadline": PATIENCE,
            "calls": {callee: self._call(callee, call) for callee, call in decided.calls.items()},
            "stores": stores,
            "broker": Broker(kind="memory", address=self.hub.name) if decided.broker else None,
            "volumes": {key: str(self.folder / name / key) for key in decided.volumes},
            "identity": msgspec.structs.replace(decided.identity, issuers=(self.issuer.bound(),), proxied=False),
            "telemetry": Telemetry(level="error"),
            "flags_file": "",
        }
        secrets = SECRETS | {"personal-master-key": self.servers.master_key}
        placed(service, self.folder / name, secrets=secrets, **(here | changes))
        await self.servers.prepare(service)
        return service

    def listen(self, name: str) -> Listen:
        """Tell where a service listens."""
        return Listen(**{side: f"unix:{self.folder}/{name}/{side}" for side in ("rest", "grpc", "admin")})

    def token(self, reader: str) -> tuple[tuple[str, str], ...]:
        """Give the headers by which a reader is known."""
        return (("authorization", f"Bearer {self.issuer.token(sub=reader, tenant=TENANT)}"),)

    def stub(self, name: str, kind: "Callable[[grpc.aio.Channel], S]") -> S:
        """Give a client of a service."""
        channel = grpc.aio.insecure_channel(self.listen(name).grpc, [("grpc.default_authority", name)])
        self._stack.push_async_callback(channel.close, None)
        return kind(channel)

    async def browser(self, name: str) -> Browser:
        """Give a browser that looks at a service."""
        connector = UnixConnector(self.listen(name).rest.removeprefix("unix:"))
        session = ClientSession(f"http://{name}", connector=connector, cookie_jar=DummyCookieJar())
        return Browser(self, await self._stack.enter_async_context(session))

    def holds(self, store: str, text: str) -> bool:
        """Tell whether a text stands anywhere in a database, as whoever copied it would read it."""
        psql = self.servers.postgresql.query
        tables = psql(store, "select tablename from pg_tables where schemaname = 'public'").splitlines()
        found = "\n".join(psql(store, f'table "{table}"') for table in tables)
        return text in found or text.encode().hex() in found  # bytes are shown in hex

    def _call(self, callee: str, call: Call) -> Call:
        outside = self.outside.get(callee)
        address = outside.address if outside else self.listen(callee).grpc
        return msgspec.structs.replace(call, address=address, timeout=PATIENCE / 2, tls=False)


class Servers:
    """The stores of all tests: migrated once, and emptied after each test of all that a migration did not put there."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self.master_key = new_master_key()
        self._request = request
        self._migrated: set[tuple[str, str]] = set()
        self._seeds: dict[str, dict[str, list[asyncpg.Record]]] = {}  # rows by database and table
        self._used: dict[str, Store] = {}
        self._cached = False  # something is in Valkey

    @property
    def postgresql(self) -> PostgreSQL:
        """PostgreSQL, started when it is first wanted."""
        found: PostgreSQL = self._request.getfixturevalue("postgresql")
        return found

    @property
    def valkey(self) -> Valkey:
        """Valkey, likewise."""
        found: Valkey = self._request.getfixturevalue("valkey")
        return found

    def bound(self, name: str, prefix: str, store: Store) -> Store:
        """Give what a store is bound to: the same kind, here."""
        match store.kind:
            case "postgresql":
                here = self.postgresql.store(name, store.connections)
            case "redis":
                here = self.valkey.store()
            case _:
                dynamodb: DynamoDB = self._request.getfixturevalue("dynamodb")
                here = dynamodb.store(f"{prefix}-")
        return msgspec.structs.replace(here, shared=store.shared)

    async def prepare(self, service: Service) -> None:
        """Give a placed service its databases, with all its tables."""
        sql = {store.database: store for store in service.binding.stores.values() if store.kind == "postgresql"}
        new = [database for database in sql if (service.name, database) not in self._migrated]
        for database in set(new) - {known for _, known in self._migrated}:
            self.postgresql.create(database)
        if new or any(store.kind == "dynamodb" for store in service.binding.stores.values()):
            await migrate(service)
        for database in new:
            self._migrated.add((service.name, database))
            self._seeds[database] = await _rows(sql[database])
        self._used |= sql
        self._cached |= any(store.kind == "redis" for store in service.binding.stores.values())

    async def clean(self) -> None:
        """Empty what the test that has ended used."""
        for database, store in self._used.items():
            await _refill(store, self._seeds[database])
        if self._cached:
            async with Redis(unix_socket_path=self.valkey.address.removeprefix("unix:")) as client:
                await client.flushall()
        self._used, self._cached = {}, False


async def _rows(store: Store) -> dict[str, list[asyncpg.Record]]:
    async with _connected(store) as connection:
        tables = await connection.fetch("select tablename from pg_tables where schemaname = 'public'")
        return {table: await connection.fetch(f'table "{table}"') for (table,) in tables}


async def _refill(store: Store, rows: Mapping[str, Sequence[asyncpg.Record]]) -> None:
    async with _connected(store) as connection:
        names = ", ".join(f'"{table}"' for table in rows)
        await connection.execute(f"truncate {names}")
        for table, seeds in rows.items():
            if seeds:
                await connection.copy_records_to_table(table, records=seeds)


@asynccontextmanager
async def _connected(store: Store) -> AsyncIterator[asyncpg.Connection]:
    folder = Path(store.address.removeprefix("unix:")).parent
    connection = await asyncpg.connect(host=str(folder), user=store.user, database=store.database)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest) -> Servers:
    """Give the stores of all tests."""
    return Servers(request)


@pytest.fixture
async def shop(servers: Servers) -> AsyncIterator[Shop]:
    """Give a shop in which nothing is open yet."""
    with TemporaryDirectory(prefix="fw-") as folder:  # short: a Unix socket's path may have 107 bytes
        async with AsyncExitStack() as stack:
            stack.push_async_callback(servers.clean)
            yield Shop(Path(folder), stack, servers)
