"""Many checkouts at once while processes are killed at random, and an account of what came of them."""

import asyncio
import json
import random
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
from bookshop_system import Bookshop, Replica
from msgspec import Struct

from bookshop_protos.orders_pb2 import STATE_OPEN, GetOrderRequest, Line, Order, PlaceOrderRequest
from bookshop_protos.orders_pb2_grpc import OrdersStub

if TYPE_CHECKING:
    from bookshop_protos.orders_pb2_grpc import OrdersAsyncStub

AT_ONCE = 20
REFUSED, NOWHERE = 0.1, 0.1  # shares of orders whose card is refused, or that nobody delivers
BOOKS = ("9780141439518", "9780141441146", "9780141439556", "9780141439471", "9780141439846")
ANSWERS_WITHIN = 3.0  # seconds of one try
ENDS_WITHIN = 120.0  # seconds after the last kill
DOWN = 0.3  # seconds that a killed process stays away at most


class Account(Struct, frozen=True):
    """What is left when all has ended; every fault is a sentence."""

    states: dict[str, int]
    kills: dict[str, int]
    seconds: float
    faults: list[str]


async def run(
    shop: Bookshop, count: int, victims: tuple[str, ...], every: float, seed: int, at_once: int = AT_ONCE
) -> Account:
    """Place `count` orders while random replicas of the victims are killed, one after the other.

    Between a replica's return and the next kill pass about `every` seconds; none are killed where that is zero.
    """
    chance = random.Random(seed)  # noqa: S311 - chance of a test, repeatable by its seed
    began = asyncio.get_running_loop().time()
    kills: Counter[str] = Counter()
    killing = asyncio.create_task(_kill(shop, victims, every, chance, kills)) if every else None
    free = asyncio.Semaphore(at_once)
    before = _stock(shop)
    wanted = [_wanted(number, chance) for number in range(count)]
    stubs = [OrdersStub(grpc.aio.insecure_channel(replica.listen.grpc)) for replica in shop.of("orders")]
    await asyncio.gather(*(_place(order, stubs, shop, free, chance) for order in wanted))
    if killing is not None:
        killing.cancel()
        await asyncio.gather(killing, return_exceptions=True)
    await asyncio.to_thread(_revive, shop)
    ended = await asyncio.gather(*(_ended(order, stubs, shop, free) for order in wanted))
    seconds = asyncio.get_running_loop().time() - began
    states = Counter("confirmed" if order.reason == "" and order.price_cents else "cancelled" for order in ended)
    return Account(dict(states), dict(kills), seconds, _faults(shop, ended, before))


def _wanted(number: int, chance: random.Random) -> PlaceOrderRequest:
    isbns = chance.sample(BOOKS, chance.randint(1, 3))
    return PlaceOrderRequest(
        id=f"order-{number:06d}",
        lines=[Line(isbn=isbn, copies=1) for isbn in isbns],
        card_token="refused" if chance.random() < REFUSED else "good",
        name="Ann Reader",
        address="Nowhere 1" if chance.random() < NOWHERE else "Road 1",
        email="ann@reader.test",
    )


async def _place(
    order: PlaceOrderRequest,
    stubs: "list[OrdersAsyncStub]",
    shop: Bookshop,
    free: asyncio.Semaphore,
    chance: random.Random,
) -> None:
    """Place an order as a patient client: again with the same id, at any replica, until one has taken it."""
    async with free:
        while True:
            try:
                await chance.choice(stubs).PlaceOrder(order, timeout=ANSWERS_WITHIN, metadata=_token(shop))
            except grpc.aio.AioRpcError as error:
                if error.code() not in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}:
                    raise
                await asyncio.sleep(0.1)
            else:
                return


async def _ended(
    order: PlaceOrderRequest, stubs: "list[OrdersAsyncStub]", shop: Bookshop, free: asyncio.Semaphore
) -> Order:
    async with free, asyncio.timeout(ENDS_WITHIN):
        while True:
            try:
                found = await stubs[0].GetOrder(GetOrderRequest(id=order.id), timeout=5, metadata=_token(shop))
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.2)
            else:
                if found.state != STATE_OPEN:
                    return found
                await asyncio.sleep(0.1)


def _token(shop: Bookshop) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {shop.token('reader-7')}"),)


async def _kill(
    shop: Bookshop, victims: tuple[str, ...], every: float, chance: random.Random, kills: Counter[str]
) -> None:
    candidates = [replica for replica in shop.replicas if replica.service in victims]
    while True:
        await asyncio.sleep(chance.uniform(0, 2) * every)
        victim = chance.choice(candidates)
        await asyncio.to_thread(victim.kill)
        kills[victim.service] += 1
        await asyncio.sleep(chance.uniform(0, DOWN))
        await asyncio.to_thread(_start, victim)
        await asyncio.to_thread(shop.ready)  # one at a time: what is never up proves nothing


def _start(victim: Replica) -> None:
    if victim.process is None:
        victim.start()


def _revive(shop: Bookshop) -> None:
    for replica in shop.replicas:
        _start(replica)
    shop.ready()


def _faults(shop: Bookshop, ended: list[Order], before: dict[str, int]) -> list[str]:
    """Compare what the orders say with stock, money and parcels."""
    faults = []
    sold: Counter[str] = Counter()
    money, parcels = _ledger(shop.folder / "card-network.jsonl"), _ledger(shop.folder / "carrier.jsonl")
    for order in ended:
        paid = sum(int(effect.get("cents", 0)) for effect in money.get(order.id, []))
        sent = [effect["kind"] for effect in parcels.get(order.id, [])]
        if order.price_cents:
            sold.update({line.isbn: line.copies for line in order.lines})
            if paid != order.price_cents:
                faults.append(f"{order.id}: is confirmed for {order.price_cents}, and {paid} was paid")
            if sent != ["parcel"]:
                faults.append(f"{order.id}: is confirmed, and the carrier has {sent}")
        else:
            if paid:
                faults.append(f"{order.id}: is cancelled, and {paid} was kept")
            if sent not in ([], ["recall"], ["parcel", "recall"]):
                faults.append(f"{order.id}: is cancelled, and the carrier has {sent}")
    for isbn, copies in _stock(shop).items():
        gone = before[isbn] - copies
        if sold.pop(isbn, 0) != gone:
            faults.append(f"{isbn}: {gone} copies are gone, which the confirmed orders do not explain")
    faults += [f"{isbn}: {copies} copies were sold and none is gone" for isbn, copies in sold.items()]
    open_sagas = shop.postgresql.query(
        "orders-db", "select id, state from fairway_saga where state not in ('completed', 'compensated')"
    )
    faults += [f"saga {line}" for line in open_sagas.splitlines()]
    return faults


def _stock(shop: Bookshop) -> dict[str, int]:
    lines = shop.postgresql.query("stock-db", "select isbn, copies from book").splitlines()
    return {isbn: int(copies) for isbn, copies in (line.split("|") for line in lines)}


def _ledger(file: Path) -> dict[str, list[dict[str, int | str]]]:
    effects: dict[str, list[dict[str, int | str]]] = {}
    for line in file.read_text().splitlines() if file.exists() else ():
        _key, effect = json.loads(line)
        effects.setdefault(effect["order"], []).append(effect)
    return effects
