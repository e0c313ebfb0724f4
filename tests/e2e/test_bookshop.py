"""The whole bookshop as processes: an order from the shelf to the mail, crashes, new versions, a reader who leaves."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import checkouts
import grpc
import pytest
from aiohttp import ClientConnectorError, ClientSession, DummyCookieJar, UnixConnector
from bookshop_system import BOOKSHOP, Bookshop, Replica
from collector import Collector

from bookshop_protos.orders_pb2 import Line, PlaceOrderRequest
from bookshop_protos.orders_pb2_grpc import OrdersStub

# They share one running bookshop, which is started once where they run in one process.
pytestmark = pytest.mark.xdist_group("bookshop")

PRIDE, MOBY = "9780141439518", "9780142437247"
READER = f"reader-{uuid4().hex}"
PLANTED = {part: f"{part}-{token_hex(8)}" for part in ("name", "address", "card")} | {"email": f"{token_hex(8)}@a.test"}
KNOWN = {"orders": ("name", "address"), "shipping": ("address",), "notifications": ("name", "email")}  # who knows what
PATIENCE = 30.0  # seconds


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    """Give a collector of traces."""
    with Collector() as running:
        yield running


@pytest.fixture(scope="module")
def shop(collector: Collector) -> Iterator[Bookshop]:
    """Give the running bookshop, with two replicas of the storefront and of orders."""
    with TemporaryDirectory(prefix="fw-") as folder:
        bookshop = Bookshop(Path(folder), replicas={"storefront": 2, "orders": 2})
        bookshop.traces, bookshop.lease, bookshop.deadline = collector.url, 3.0, 10.0
        with bookshop:
            yield bookshop


@asynccontextmanager
async def _client(replica: Replica, side: str = "rest") -> AsyncIterator[ClientSession]:
    connector = UnixConnector(str(replica.folder / side))
    async with ClientSession("http://shop.test", connector=connector, cookie_jar=DummyCookieJar()) as client:
        yield client


async def _until(holds: Callable[[], Awaitable[bool] | bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            found = holds()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.1)


class Browser:
    """A reader's browser at one replica of the storefront."""

    def __init__(self, client: ClientSession, token: str) -> None:
        self.client = client
        self.headers = {"authorization": f"Bearer {token}"}

    async def ask(self, method: str, path: str, content: object = None, **further: str) -> Any:  # noqa: ANN401 - JSON
        """Send a request that must not fail; keeps the cookie."""
        async with self.client.request(method, path, json=content, headers=self.headers | further) as answer:
            assert answer.status < 300, f"{method} {path}: {answer.status} {await answer.text()}"
            if cookie := answer.headers.get("set-cookie"):
                self.headers["cookie"] = cookie.partition(";")[0]
            return await answer.json()


def _mails(shop: Bookshop) -> list[dict[str, str]]:
    lines = (shop.folder / "mail.jsonl").read_text().splitlines()
    return [mail for _, mail in map(json.loads, lines) if mail["to"] == PLANTED["email"]]


def _command(shop: Bookshop, service: str, *words: str) -> str:
    replica = shop.of(service)[0]
    command, *rest = words
    done = subprocess.run(
        [sys.executable, "-m", "fairway_sdk", command, f"{service}.service:service", *rest],
        check=False,
        cwd=BOOKSHOP / "services" / service,
        env=replica.environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _files_with(shop: Bookshop, text: str) -> set[str]:
    """Name the files that hold a text: logs, databases, their journals, what the broker keeps."""
    shop.postgresql.query("postgres", "checkpoint")
    files = (file for file in shop.folder.rglob("*") if file.is_file())
    return {file.relative_to(shop.folder).parts[0] for file in files if text.encode() in file.read_bytes()}


async def test_an_order_goes_from_the_shelf_to_the_mail_in_one_trace(shop: Bookshop, collector: Collector) -> None:
    """All eight services take part, and whoever is asked why finds all of them under one number."""
    trace = token_hex(16)
    async with _client(shop.of("storefront")[0]) as first, _client(shop.of("storefront")[1]) as second:
        browser = Browser(first, shop.token(READER))
        await browser.ask("GET", f"/books/{PRIDE}")
        for isbn in (PRIDE, MOBY):
            await browser.ask("PUT", f"/basket/{isbn}?copies=1")
        browser.client = second  # whichever replica the next request meets
        to = {"card_token": PLANTED["card"], **{part: PLANTED[part] for part in ("name", "address", "email")}}
        order = await browser.ask(
            "POST", "/checkout", {"order_id": "order-planted", **to}, traceparent=f"00-{trace}-{token_hex(8)}-01"
        )
        async with asyncio.timeout(PATIENCE):
            while order["state"] == "open":
                await asyncio.sleep(0.1)
                order = await browser.ask("GET", "/orders/order-planted")
        assert (order["state"], order["price_cents"]) == ("confirmed", 899 + 1299)
        await _until(lambda: len(_mails(shop)) == 2)
        assert {mail["subject"] for mail in _mails(shop)} == {"Your order", "Your parcel"}

        async def learnt() -> bool:
            page = await browser.ask("GET", f"/books/{PRIDE}")
            return bool(page["suggestions"][:1] == [MOBY] and MOBY in page["recently_seen"])

        await _until(learnt)
    everybody = set(shop.workspace.landscape.services)
    await _until(lambda: collector.services[trace] == everybody)
    logged = {replica.service for replica in shop.replicas if trace in replica.log}
    assert {"storefront", "orders", "inventory", "payments", "shipping"} <= logged, "those that are called log it"


async def _planted(shop: Bookshop) -> None:
    """See to it that the order with the planted values was placed: a test may run without the ones above it."""
    if (shop.folder / "mail.jsonl").exists() and len(_mails(shop)) == 2:
        return
    async with _client(shop.of("storefront")[0]) as client:
        browser = Browser(client, shop.token(READER))
        await browser.ask("PUT", f"/basket/{PRIDE}?copies=1")
        to = {"card_token": PLANTED["card"], **{part: PLANTED[part] for part in ("name", "address", "email")}}
        await browser.ask("POST", "/checkout", {"order_id": "order-planted", **to})
    await _until(lambda: (shop.folder / "mail.jsonl").exists() and len(_mails(shop)) == 2)


async def test_nothing_personal_stands_anywhere_in_plain(shop: Bookshop) -> None:
    """Not in a log, a database, a journal or the broker; where the mail went, the mail server knows of course."""
    await _planted(shop)
    assert {"pg", "valkey"} <= _files_with(shop, "order-planted"), "it is looked for in the right places"
    for part, text in PLANTED.items():
        assert _files_with(shop, text) == ({"mail.jsonl"} if part in {"name", "email"} else set()), part


async def test_after_an_erasure_nothing_of_the_reader_can_be_read(shop: Bookshop) -> None:
    """Each service tells what it knows while the reader is there, and nothing once they are erased."""
    await _planted(shop)
    with ThreadPoolExecutor() as pool:

        def everywhere(verb: str) -> dict[str, str]:
            told = pool.map(lambda service: _command(shop, service, "person", verb, READER), KNOWN)
            return dict(zip(KNOWN, told, strict=True))

        before = everywhere("export")
        everywhere("erase")
        after = everywhere("export")
    for service, parts in KNOWN.items():
        assert all(PLANTED[part] in before[service] for part in parts), service
        assert not [part for part, text in PLANTED.items() if text in after[service]], service


async def test_replicas_are_replaced_one_by_one_without_a_failed_request(shop: Bookshop) -> None:
    """Those that end say so first, and finish what they have begun; whoever balances sends the rest elsewhere."""
    balancer = Balancer(shop)
    stop = asyncio.Event()
    async with balancer.watching():
        load = [asyncio.create_task(balancer.browse(stop)) for _ in range(3)]
        load += [asyncio.create_task(balancer.order(stop, number)) for number in range(2)]
        await asyncio.gather(*(_roll(balancer, shop.of(service)) for service in ("storefront", "orders")))
        stop.set()
        counts = await asyncio.gather(*load)
    assert all(counts), "each of them was answered"


async def test_checkouts_survive_processes_that_are_killed_at_random(shop: Bookshop) -> None:
    """Stock, money and parcels agree with what the orders say, though any service may die at any moment."""
    victims = ("orders", "inventory", "payments", "shipping")
    account = await checkouts.run(shop, 40, victims, every=0.2, seed=1, at_once=3)
    assert account.faults == []
    assert sum(account.states.values()) == 40
    assert account.kills, "nobody was killed"


class Balancer:
    """Sends requests to replicas that say that they are ready, as whatever stands before them does."""

    def __init__(self, shop: Bookshop) -> None:
        self._shop = shop
        self._ready: dict[str, bool] = {}

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Ask for readiness again and again."""
        replicas = [*self._shop.of("storefront"), *self._shop.of("orders")]
        tasks = [asyncio.create_task(self._watch(replica)) for replica in replicas]
        await _until(lambda: all(self.ready(replica) for replica in replicas))
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def ready(self, replica: Replica) -> bool:
        """Tell whether a replica takes work."""
        return self._ready.get(replica.name, False)

    async def _watch(self, replica: Replica) -> None:
        while True:
            try:
                async with _client(replica, "admin") as client, client.get("/readyz") as answer:
                    self._ready[replica.name] = answer.status == 200
            except OSError:
                self._ready[replica.name] = False
            await asyncio.sleep(0.05)

    async def _turns(self, service: str, stop: asyncio.Event) -> AsyncIterator[Replica]:
        number = 0
        while not stop.is_set():
            ready = [replica for replica in self._shop.of(service) if self.ready(replica)]
            assert ready, f"no replica of {service} is ready"
            yield ready[number % len(ready)]
            number += 1
            await asyncio.sleep(0.05)

    async def browse(self, stop: asyncio.Event) -> int:
        """Look at the shelf; only a connection that was not made may be made elsewhere."""
        count = 0
        async for replica in self._turns("storefront", stop):
            try:
                async with _client(replica) as client, client.get("/books") as answer:
                    assert answer.status == 200, await answer.text()
                    await answer.read()
                    count += 1
            except ClientConnectorError:
                self._ready[replica.name] = False
        return count

    async def order(self, stop: asyncio.Event, who: int) -> int:
        """Place orders; one that a replica did not take is given to another, under the same id."""
        count = 0
        metadata = (("authorization", f"Bearer {self._shop.token('reader-8')}"),)
        async for replica in self._turns("orders", stop):
            lines = [Line(isbn=MOBY, copies=1)]
            wanted = PlaceOrderRequest(
                id=f"rolling-{who}-{count:04d}",
                lines=lines,
                card_token="good",  # noqa: S106 - a play's
                name="Ann",
                address="Road 1",
                email="ann@reader.test",
            )
            async with grpc.aio.insecure_channel(replica.listen.grpc) as channel:
                try:
                    await OrdersStub(channel).PlaceOrder(wanted, timeout=10, metadata=metadata)
                    count += 1
                except grpc.aio.AioRpcError as error:
                    # CANCELLED: the library cuts a call off that reached a server in the moment in which it ended.
                    assert error.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}, error.details()  # noqa: PT017 - others are raised with it
                    self._ready[replica.name] = False
        return count


async def _roll(balancer: Balancer, replicas: list[Replica]) -> None:
    for replica in replicas:
        await asyncio.to_thread(replica.stop)
        replica.start()
        await _until(lambda replica=replica: balancer.ready(replica))  # type: ignore[misc] # bound at once
