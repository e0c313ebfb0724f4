"""A small system behind a real Envoy: services that say what reached them, issuers, PostgreSQL."""

import asyncio
import contextlib
import http.client
import json
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path

import grpc
import jwt
import msgspec
import pytest
import pytest_asyncio
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec

from fairway.core.traffic import Call, Ejection, Issuer, Limit, Public, Retries, Traffic
from fairway.local.certificates import Certificates, Leaf
from fairway.local.envoy import Envoy, accounts, configuration
from fairway.local.run_folder import RunFolder, private_folder
from fairway.targets.envoy.fields import Resource
from fairway.targets.envoy.places import Door, Gateway, KeySet, Places, Proxy, Replica, Store
from fairway_sdk.contract import READY_PATH
from fairway_sdk.testing.servers.postgresql import PostgreSQL

AGAIN = Retries(attempts=2, pause=0.01, each=1.0, on=("connect-failure", "refused-stream", "reset", "unavailable"))
EJECTION = Ejection(errors=5, interval=10.0, left_out=30.0, at_most=50)
ISSUERS = ("https://staff.example.com", "https://partner.example.com")
MUCH = Limit(per_second=10_000, burst=10_000)
LITTLE = Limit(per_second=1, burst=5)
KEY = "s3cret-key_id"  # that requests to the store over HTTP are signed in the name of
NAMES = ("shop-0", "stock-0", "stock-1", "snoop-0", "desk-0", "desk-1", "limited-0")


class Answer(msgspec.Struct, frozen=True):
    """What came back."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def seen(self) -> Resource:
        """What reached the service, as it tells it."""
        found: Resource = json.loads(self.text)
        return found


class Signer:
    """An issuer of tokens."""

    def __init__(self, issuer: str) -> None:
        self.issuer, self.key = issuer, ec.generate_private_key(ec.SECP256R1())

    @property
    def key_set(self) -> KeySet:
        """Its public key, under the same identifier as every other issuer's."""
        public: Resource = jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return KeySet(issuer=self.issuer, keys=json.dumps({"keys": [public | {"kid": "1", "alg": "ES256"}]}))

    def token(self, **claims: object) -> str:
        """Sign a token that is good unless a claim says otherwise."""
        said = {"iss": self.issuer, "sub": "ann", "aud": "shop", "exp": int(time.time()) + 300, **claims}
        return jwt.encode(said, self.key, "ES256", {"kid": "1"})


class Rig:
    """The whole system."""

    def __init__(self, folder: Path, postgresql: PostgreSQL) -> None:
        self.run = RunFolder(folder)
        self.staff, self.partner = map(Signer, ISSUERS)
        self.traffic = traffic()
        self.places = self._places(postgresql)
        self.gateway_port = free_ports(1)[0]
        self.proxy = self.proxy_of("all", NAMES, Gateway(port=self.gateway_port, region="north"), {"db", "items"})
        authority = private_folder(self.run.state / "authority")
        self.certificates = Certificates(authority, accounts(self.traffic, self.places, [self.proxy]))
        self.envoy = Envoy(self.run, self.proxy)
        self.unwell: set[str] = set()

    def proxy_of(
        self, name: str, replicas: Iterable[str], gateway: Gateway | None = None, stores: Iterable[str] = ()
    ) -> Proxy:
        """Say what one process carries."""
        return Proxy(
            name=name,
            folder=str(private_folder(self.run.state / "envoy") / name),
            admin=str(self.run.socket(f"{name}.admin")),
            gateway=gateway,
            replicas=frozenset(replicas),
            stores=frozenset(stores),
        )

    def _places(self, postgresql: PostgreSQL) -> Places:
        ports = iter(free_ports(11))
        self.items_port = next(ports)

        def address(name: str) -> str:
            return f"unix:{self.run.socket(name)}"

        calls = {"shop-0": ("stock",), "snoop-0": ("stock",)}
        store = self.run.socket_folder("shop-0.store.db") / ".s.PGSQL.5432"
        replicas = tuple(
            Replica(
                service=name.partition("-")[0],
                name=name,
                port=next(ports),
                rest=address(f"{name}.rest"),
                grpc=address(f"{name}.grpc") if name.startswith("stock") else "",
                admin=address(f"{name}.admin") if name.startswith("stock") else "",
                calls={callee: address(f"{name}.to.{callee}") for callee in calls.get(name, ())},
                stores={"db": f"unix:{store}", "items": f"127.0.0.1:{self.items_port}"} if name == "shop-0" else {},
                keys={"items": KEY} if name == "shop-0" else {},
                region="south" if name == "stock-1" else "north",
                version=f"v{name[-1]}" if name.startswith("desk") else "",
            )
            for name in NAMES
        )
        return Places(
            system="demo",
            replicas=replicas,
            stores=(
                Store(name="db", port=next(ports), address=f"unix:{postgresql.socket}"),
                Store(name="items", port=next(ports), address=address("stock-0.rest")),
            ),
            issuers={one.issuer: one.key_set for one in (self.staff, self.partner)},
            doors=(Door(prefix="/-/idp/", address=address("shop-0.rest")),),
            weights={"desk": {"v0": 100, "v1": 0}},
            access_log=str(self.run.log("access")),
            drain=1.0,
        )

    def files(self, places: Places | None = None) -> dict[str, list[Resource]]:
        """Give all files, for other places where they are given."""
        return configuration(self.traffic, places or self.places, self.proxy, self.certificates)

    def port(self, name: str) -> int:
        """Give the mutual TLS port of a replica."""
        [found] = [one.port for one in self.places.replicas if one.name == name]
        return found

    async def ask(self, path: str, method: str = "GET", headers: Mapping[str, str] | None = None) -> Answer:
        """Ask the gateway; the path goes out as it is."""
        return await asyncio.to_thread(ask, self.gateway_port, path, method, [*(headers or {}).items()])

    async def ask_with(self, path: str, headers: Sequence[tuple[str, str]]) -> Answer:
        """Ask the gateway with a header named twice, or oddly."""
        return await asyncio.to_thread(ask, self.gateway_port, path, "GET", list(headers))

    async def call(self, name: str, path: str = "/") -> Answer:
        """Ask through the socket of this name, as the service that has it does."""
        return await asyncio.to_thread(ask, str(self.run.socket(name)), path, "GET", [])

    async def reverse(self, target: str, method: str = "/demo.Stock/Reverse") -> bytes:
        """Make a gRPC call; `AioRpcError` where it fails."""
        options = [("grpc.default_authority", "stock")]
        async with grpc.aio.insecure_channel(target, options) as channel:
            call: Callable[..., Awaitable[bytes]] = channel.unary_unary(method, bytes, bytes)
            return await call(b"abc", timeout=5)

    @staticmethod
    async def until(holds: Callable[[], Awaitable[bool]], within: float = 10.0) -> None:
        """Wait until something holds."""
        async with asyncio.timeout(within):
            while True:
                if await holds():
                    return
                await asyncio.sleep(0.02)

    async def is_whole(self) -> bool:
        """Tell whether calls inside get through: callees are asked first whether they are well."""
        answer = await self.call("shop-0.to.stock")
        return answer.status == http.client.OK and answer.seen["by"] == "stock-0"

    async def works(self, envoy: Envoy) -> bool:
        """Tell whether an Envoy takes requests."""
        return await envoy.ready() is None

    def mine(self, **claims: object) -> dict[str, str]:
        """Give the header of a good token, or of one with such claims."""
        return {"authorization": f"Bearer {self.staff.token(**claims)}"}


def traffic() -> dict[str, Traffic]:
    """Declare the services: `snoop` calls `stock`, which does not know it."""
    trusted = tuple(Issuer(issuer=issuer, audience="shop") for issuer in ISSUERS)
    opened = Public(
        prefix="/shop",
        issuers=trusted,
        anonymous=("GET /books", "GET /books/*", "GET /feeds/**", "GET /"),
        tenants=("east", "west"),
        tenant_by="header",
        route=MUCH,
        consumer=MUCH,
        unknown=MUCH,
    )
    by_path = msgspec.structs.replace(opened, prefix="/desk", tenant_by="path", anonymous=("GET /open",))
    limited = msgspec.structs.replace(opened, prefix="/limited", consumer=LITTLE, unknown=LITTLE, tenants=())
    calls = {"stock": Call(timeout=1.0, retries=AGAIN, at_once=2)}
    found = (
        Traffic(service="shop", protocols=("rest",), calls=calls, deadline=2.0, public=opened),
        Traffic(
            service="stock",
            protocols=("rest", "grpc"),
            callers=("shop",),
            deadline=1.0,
            ejection=EJECTION,
            failover=("north", "south"),
        ),
        Traffic(service="snoop", calls=calls),
        Traffic(service="desk", protocols=("rest",), deadline=2.0, public=by_path),
        Traffic(service="limited", protocols=("rest",), public=limited),
    )
    return {one.service: one for one in found}


def free_ports(count: int) -> list[int]:
    """Find ports that nobody has."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def tls_context(leaf: Leaf | None, folder: Path) -> ssl.SSLContext:
    """Make a client that takes any server, and shows a certificate where it is given one."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    if leaf:
        (folder / "chain.pem").write_text(leaf.chain)
        (folder / "key.pem").write_text(leaf.key)
        context.load_cert_chain(folder / "chain.pem", folder / "key.pem")
    return context


@pytest.fixture
def client_context(tmp_path: Path) -> Callable[[Leaf | None], ssl.SSLContext]:
    """Make clients that show this or that certificate."""
    return lambda leaf: tls_context(leaf, tmp_path)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def rig(tmp_path_factory: pytest.TempPathFactory, postgresql: PostgreSQL) -> AsyncIterator[Rig]:
    """Run the whole system, and leave nothing of it behind."""
    made = Rig(tmp_path_factory.mktemp("system"), postgresql)
    async with contextlib.AsyncExitStack() as running:
        for replica in made.places.replicas:
            for address in (replica.rest, replica.admin):
                if address:
                    await running.enter_async_context(_service(made, replica.name, address.removeprefix("unix:")))
        await running.enter_async_context(_grpc(*(str(made.run.socket(f"stock-{number}.grpc")) for number in range(2))))
        await made.envoy.prepare(made.places, made.files())
        with made.run.log("output").open("wb") as log:
            process = await asyncio.create_subprocess_exec(*made.envoy.command(drain=1.0), stdout=log, stderr=log)
        try:
            await made.until(lambda: made.works(made.envoy))
            await made.envoy.confirm()
            await made.until(made.is_whole)
            yield made
        finally:
            process.terminate()
            await process.wait()
    for file in sorted(made.run.sockets.rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    made.run.sockets.rmdir()


@contextlib.asynccontextmanager
async def _service(rig: Rig, name: str, path: str) -> AsyncIterator[None]:
    async def tell(request: web.Request) -> web.Response:
        if request.path.endswith("/slow"):
            await asyncio.sleep(float(request.query["for"]))
        if request.path == READY_PATH and name in rig.unwell:
            return web.Response(status=503)
        seen = [[key.lower(), value] for key, value in request.headers.items()]
        return web.json_response({"by": name, "path": request.raw_path, "headers": seen})

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", tell)
    runner = web.AppRunner(app, handle_signals=False, access_log=None)
    await runner.setup()
    await web.UnixSite(runner, path).start()
    try:
        yield
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def _grpc(*paths: str) -> AsyncIterator[None]:
    async def reverse(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        told = dict(context.invocation_metadata() or ())
        return request[::-1] + b" " + str(told.get("x-forwarded-client-cert")).encode()

    failed: list[bytes] = []

    async def at_third(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        failed.append(request)
        if len(failed) % 3:
            await context.abort(grpc.StatusCode.UNAVAILABLE)
        return str(len(failed)).encode()

    server = grpc.aio.server()
    methods = {
        "Reverse": grpc.unary_unary_rpc_method_handler(reverse),
        "AtThird": grpc.unary_unary_rpc_method_handler(at_third),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("demo.Stock", methods),))
    for path in paths:
        server.add_insecure_port(f"unix:{path}")
    await server.start()
    try:
        yield
    finally:
        await server.stop(0)


def ask(where: int | str, path: str, method: str, headers: Sequence[tuple[str, str]]) -> Answer:
    """Ask at a port or a socket."""
    connection = http.client.HTTPConnection("127.0.0.1", where if isinstance(where, int) else None, timeout=10)
    if isinstance(where, str):
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(10)
        connection.sock.connect(where)
    try:
        connection.putrequest(method, path)
        for key, value in headers:
            connection.putheader(key, value)
        connection.endheaders()
        answer = connection.getresponse()
        return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read().decode())
    finally:
        connection.close()
