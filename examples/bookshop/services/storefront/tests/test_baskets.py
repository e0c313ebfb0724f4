"""The storefront's baskets and checkout: what a reader put in stays in, at any replica, and becomes one order."""

import asyncio
import json
from pathlib import Path

import pytest
from examples.bookshop.conftest import PATIENCE, Answer, Browser, Shop, answered

PRIDE, JANE = "9780141439518", "9780141441146"


def to(order: str = "order-0001", **further: object) -> dict[str, object]:
    """Say where an order goes."""
    given = {"card_token": "good", "name": "Ada Reader", "address": "Road 1", "email": "ada@reader.test"}
    return {"order_id": order} | given | further


@pytest.fixture
async def visitor(shop: Shop) -> Browser:
    """Give a visitor of the storefront, with nobody there but inventory."""
    await shop.open("inventory", "storefront")
    return await shop.browser("storefront")


@pytest.fixture
async def reader(shop: Shop) -> Browser:
    """Give a reader's browser, with two books in its basket and all that a checkout needs."""
    await shop.open("inventory", "payments", "shipping", "orders")
    await shop.open("storefront", flags_file=str(shop.folder / "flags.json"))
    browser = await shop.browser("storefront")
    await browser.ask("PUT", f"/basket/{PRIDE}?copies=2")
    return browser


async def _end(browser: Browser, order: Answer, name: str = "ada") -> Answer:
    async with asyncio.timeout(PATIENCE):
        while order.body["state"] == "open":
            await asyncio.sleep(0.02)
            order = await browser.get(f"/orders/{order.body['id']}", reader=name)
    return order


async def test_a_basket_is_filled_and_emptied(visitor: Browser) -> None:
    """The last word on a book holds; zero takes it out; what is not sold does not go in."""
    assert (await visitor.get("/basket")).body == {"lines": {}}
    await visitor.ask("PUT", f"/basket/{PRIDE}?copies=2")
    await visitor.ask("PUT", f"/basket/{JANE}?copies=1")
    await visitor.ask("PUT", f"/basket/{PRIDE}?copies=3")
    assert (await visitor.get("/basket")).body == {"lines": {PRIDE: 3, JANE: 1}}
    await visitor.ask("PUT", f"/basket/{JANE}?copies=0")
    assert (await visitor.get("/basket")).body == {"lines": {PRIDE: 3}}
    assert (await visitor.ask("PUT", "/basket/9780000000000?copies=1")).status == 404
    assert (await visitor.ask("PUT", f"/basket/{PRIDE}?copies=101")).status == 422


async def test_a_basket_survives_the_replica_that_it_was_filled_at(shop: Shop, visitor: Browser) -> None:
    """It is in the store that all replicas share; another visitor has another."""
    await visitor.ask("PUT", f"/basket/{PRIDE}?copies=2")
    await shop.close("storefront")
    await shop.open("storefront", replica="another")
    assert (await visitor.get("/basket")).body == {"lines": {PRIDE: 2}}
    stranger = await shop.browser("storefront")
    assert (await stranger.get("/basket")).body == {"lines": {}}


async def test_logging_in_keeps_the_basket_and_changes_the_cookie(shop: Shop, visitor: Browser) -> None:
    """A cookie that somebody planted before is worth nothing afterwards."""
    await visitor.ask("PUT", f"/basket/{PRIDE}?copies=2")
    planted = visitor.cookie
    logged_in = await visitor.ask("POST", "/session", reader="ada")
    assert logged_in.body == {"lines": {PRIDE: 2}}
    assert visitor.cookie != planted
    thief = await shop.browser("storefront")
    thief.cookie = planted
    assert (await thief.get("/basket")).body == {"lines": {}}
    assert (await visitor.get("/basket")).body == {"lines": {PRIDE: 2}}


async def test_logging_in_takes_a_known_reader_and_logging_out_empties_the_basket(visitor: Browser) -> None:
    """Whoever uses the browser next finds nothing."""
    assert (await visitor.ask("POST", "/session")).status == 401
    await visitor.ask("PUT", f"/basket/{PRIDE}?copies=2")
    await visitor.ask("POST", "/session", reader="ada")
    kept = visitor.cookie
    assert (await visitor.ask("DELETE", "/session")).status == 204
    visitor.cookie = kept
    assert (await visitor.get("/basket")).body == {"lines": {}}


async def test_the_basket_becomes_one_order_and_is_empty_then(shop: Shop, reader: Browser) -> None:
    """Asked twice, as a browser that lost the answer does, it is the same order; nobody else sees it."""
    first = await reader.ask("POST", "/checkout", to(), reader="ada")
    assert first.status == 201
    order = await _end(reader, first)
    assert (order.body["state"], order.body["lines"], order.body["price_cents"]) == ("confirmed", {PRIDE: 2}, 1798)
    assert (await reader.get("/basket")).body == {"lines": {}}
    again = await reader.ask("POST", "/checkout", to(), reader="ada")
    assert (again.status, again.body) == (201, order.body)
    assert shop.outside["card-network"].kinds("order-0001") == ["charge"]
    assert (await reader.get("/orders/order-0001", reader="eve")).status == 404
    assert (await reader.get("/orders/order-0001")).status == 401


async def test_a_refused_card_is_told_with_the_order(reader: Browser) -> None:
    """It is cancelled; the reader may try again under another id, and fills the basket anew."""
    order = await _end(reader, await reader.ask("POST", "/checkout", to(card_token="refused"), reader="ada"))  # noqa: S106 - a play's
    assert order.body["state"] == "cancelled"
    assert "the card was refused" in order.body["reason"]


async def test_an_empty_basket_and_an_unknown_reader_order_nothing(shop: Shop, reader: Browser) -> None:
    """And what is not complete is told by field, without a word of what was given."""
    assert (await reader.ask("POST", "/checkout", to())).status == 401
    stranger = await shop.browser("storefront")
    told = await stranger.ask("POST", "/checkout", to(), reader="eve")
    assert (told.status, told.body["detail"]) == (409, "the basket is empty")
    told = await reader.ask("POST", "/checkout", to(email="secret-mail"), reader="ada")
    assert told.status == 422
    assert "secret-mail" not in str(told.body)
    assert shop.outside["card-network"].effects == []


async def test_orders_being_down_keeps_the_basket(shop: Shop, reader: Browser) -> None:
    """The reader is told to come again, and does."""
    await shop.close("orders")
    assert (await reader.ask("POST", "/checkout", to(), reader="ada")).status == 503
    assert (await reader.get("/basket")).body == {"lines": {PRIDE: 2}}
    await shop.open("orders")
    shop.clock.advance(60)  # the breaker's pause
    again = await answered(lambda: reader.ask("POST", "/checkout", to(), reader="ada"))
    assert again.status == 201


async def test_gifts_are_wrapped_as_long_as_the_flag_says_so(shop: Shop, reader: Browser) -> None:
    """It changes while the shop runs, within a moment."""
    file = shop.folder / "flags.json"
    wrapped = to(gift_wrapping=True)
    _define(file, gift_wrapping=False)
    await asyncio.sleep(1.1)  # a change holds within a second
    told = await reader.ask("POST", "/checkout", wrapped, reader="ada")
    assert (told.status, told.body["detail"]) == (409, "gifts are not wrapped at the moment")
    _define(file, gift_wrapping=True)
    async with asyncio.timeout(PATIENCE):
        while (told := await reader.ask("POST", "/checkout", wrapped, reader="ada")).status != 201:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert (await _end(reader, told)).body["state"] == "confirmed"


def _define(file: Path, *, gift_wrapping: bool) -> None:
    defined = {"state": "ENABLED", "variants": {"on": True, "off": False}, "targeting": {}}
    gift = defined | {"defaultVariant": "on" if gift_wrapping else "off"}
    new = file.with_suffix(".new")
    new.write_text(json.dumps({"flags": {"gift-wrapping": gift}}))
    new.replace(file)
