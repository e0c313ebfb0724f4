"""What the tests of sagas share: a shop whose steps write down what they did, on each kind of store."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from msgspec import Struct

from fairway_sdk import Saga, Service, step
from fairway_sdk.configuration.placement import Placement
from fairway_sdk.configuration.secrets import Secrets
from fairway_sdk.configuration.values import Values
from fairway_sdk.contract.binding import Binding, Retries, Sagas, Store, Telemetry, Workflow
from fairway_sdk.sagas.table import SAGA
from fairway_sdk.stores.sql import SqlStore
from fairway_sdk.stores.transaction import Transaction
from fairway_sdk.testing.clock import ManualClock

QUICK = Retries(tries=3, first_pause=0.01, longest_pause=0.05)


class Order(Struct, frozen=True):
    """What the shop's saga is started with."""

    id: str
    book: str = "Emma"


class Reserved(Struct, frozen=True):
    """What the first step returns."""

    number: int


class Shop:
    """The world that steps act on: what they did, and what a test wants to go wrong."""

    def __init__(self, timeout: float = 0.5) -> None:
        self.timeout = timeout
        self.did: list[str] = []
        self.keys: list[str] = []
        self.plans: dict[str, Callable[[], Awaitable[None]] | list[Exception]] = {}

    async def act(self, name: str) -> None:
        """Do what a step does, or fail as planned."""
        plan = self.plans.get(name)
        if callable(plan):
            await plan()
        elif plan:
            raise plan.pop(0)
        self.did.append(name)


class Placed(Struct):
    """A service with a saga of three steps, and its world."""

    service: Service
    shop: Shop
    saga: type[Saga[Order]]
    clock: ManualClock


def checkout(shop: Shop) -> type[Saga[Order]]:
    """Make the saga that most tests use: reserve, pay, confirm."""

    class Checkout(Saga[Order]):
        name = "checkout"

        @step(undo="release", timeout=shop.timeout)
        async def reserve(self, order: Order, key: str) -> Reserved:
            shop.keys.append(key)
            await shop.act("reserve")
            return Reserved(number=len(order.id))

        async def release(self, order: Order, key: str, result: Reserved | None) -> None:
            shop.keys.append(key)
            assert isinstance(order, Order)
            assert result is None or isinstance(result, Reserved)
            await shop.act("release" if result else "release nothing")

        @step(undo="refund", timeout=shop.timeout)
        async def pay(self, order: Order, results: dict[str, object]) -> str:
            assert isinstance(results["reserve"], Reserved)
            await shop.act("pay")
            return f"paid for {order.book}"

        async def refund(self, _order: Order, result: str | None) -> None:
            await shop.act("refund" if result else "refund nothing")

        @step
        async def confirm(self, order: Order, tx: Transaction) -> dict[str, str]:
            await tx.execute(sa.insert(ORDERS).values(id=order.id))
            await shop.act("confirm")
            return {"order": order.id}

    return Checkout


async def until(told: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something to become true; a busy machine takes its time."""
    for _ in range(400):
        if await told():
            return
        await asyncio.sleep(0.025)
    pytest.fail("it did not come true")


rows = sa.MetaData()
ORDERS = sa.Table("shop_order", rows, sa.Column("id", sa.String(50), primary_key=True))


def placement(store: Store, folder: Path, **sagas: object) -> Placement:
    """Place a service on a store, with short pauses."""
    binding = Binding(
        service="shop",
        stores={"shop": store},
        drain=2.0,
        workflows={"checkout": Workflow(retries=QUICK, undo_retries=QUICK, timeout=0.5, stuck_after=60.0)},
        telemetry=Telemetry(share=1.0),
        sagas=Sagas(**{"lease": 2.0, "look_every": 0.2, **sagas}),  # type: ignore[arg-type]  # numbers of its fields
    )
    return Placement(binding=binding, values=Values(folder), secrets=Secrets(folder))


def place(store: Store, folder: Path, shop: Shop | None = None, **sagas: object) -> Placed:
    """Make one replica of the shop."""
    shop = shop or Shop()
    service = Service("shop")
    clock = service.clock = ManualClock()
    saga = service.saga(checkout(shop))
    service.place(placement(store, folder, **sagas))
    return Placed(service, shop, saga, clock)


async def make_tables(store: Store, folder: Path) -> None:
    """Make the SDK's table of sagas and the shop's own."""
    service = Service("shop")
    service.place(placement(store, folder))
    opened = SqlStore(service, "shop", store)
    async with opened.engine.begin() as connection:
        await connection.run_sync(SAGA.create)
        await connection.run_sync(rows.create_all)
    await opened.stop()


@pytest.fixture(params=["postgresql", "mariadb", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Give an empty store of each kind."""
    if request.param == "postgresql":
        yield request.getfixturevalue("database")
    elif request.param == "mariadb":
        yield request.getfixturevalue("mariadb").create(f"t{uuid4().hex[:12]}")
    else:
        yield Store(kind="sqlite", database=str(tmp_path / "shop.db"))


@pytest.fixture
async def shop(store: Store, tmp_path: Path) -> Placed:
    """Give a shop on each kind of store; the test starts it."""
    await make_tables(store, tmp_path)
    return place(store, tmp_path)


@pytest.fixture
async def quick(tmp_path: Path) -> Placed:
    """Give a shop on SQLite, where the kind of store does not matter; the test starts it."""
    store = Store(kind="sqlite", database=str(tmp_path / "shop.db"))
    await make_tables(store, tmp_path)
    return place(store, tmp_path, at_once=3)
