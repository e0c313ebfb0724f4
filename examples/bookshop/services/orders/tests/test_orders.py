"""Orders: an order is confirmed with all its parts, or cancelled with none, and nobody but its reader sees it."""

import asyncio
from typing import Any
from uuid import uuid4

import grpc
import pytest
from examples.bookshop.conftest import Shop, refusal

from bookshop_protos import orders_pb2 as pb
from fairway_sdk.testing.events import emitted
from orders.events import OrderPlaced
from orders.service import service

from .conftest import JANE, PRIDE, Desk, rest_order

NO_SUCH_ORDER = (grpc.StatusCode.NOT_FOUND, "there is no such order")


async def test_an_order_is_confirmed_with_stock_money_parcel_and_news(desk: Desk) -> None:
    """Each of them once, and for the price of the day."""
    with emitted(service) as told:
        order = await desk.end(await desk.place(desk.wanted("order-0001", gift_wrapping=True)))
    assert (order.state, order.price_cents, order.reason) == (pb.STATE_CONFIRMED, 2 * 899 + 999, "")
    assert {line.isbn: line.copies for line in order.lines} == {PRIDE: 2, JANE: 1}
    assert order.gift_wrapping
    assert (desk.done("order-0001"), await desk.gone()) == (["charge", "parcel"], {PRIDE: 2, JANE: 1})
    told.assert_only(
        OrderPlaced(
            order_id="order-0001",
            reader="ada",
            isbns=(PRIDE, JANE),
            price_cents=2797,
            name="Ada Reader",
            email="ada@reader.test",
        )
    )


async def test_a_refused_card_cancels_the_order_and_its_copies_are_free_again(desk: Desk) -> None:
    """Its reader is told why; nobody else hears of it."""
    with emitted(service) as told:
        order = await desk.end(await desk.place(desk.wanted("order-0001", card_token="refused")))  # noqa: S106 - a play's
    assert (order.state, order.price_cents) == (pb.STATE_CANCELLED, 0)
    assert "the card was refused" in order.reason
    assert (desk.done("order-0001"), await desk.gone(), list(told)) == ([], {}, [])


async def test_where_nobody_delivers_the_money_goes_back(desk: Desk) -> None:
    """The last no undoes everything before it."""
    with emitted(service) as told:
        order = await desk.end(await desk.place(desk.wanted("order-0001", address="Nowhere 7")))
    assert order.state == pb.STATE_CANCELLED
    assert "nobody delivers" in order.reason
    assert "Nowhere 7" not in order.reason
    assert (desk.done("order-0001"), await desk.gone(), list(told)) == (["charge", "refund"], {}, [])


async def test_too_few_copies_cancel_the_order_before_any_money_is_taken(desk: Desk) -> None:
    """A hundred times two are all there are, and one more is too much."""
    for number in range(2):
        lines = [pb.Line(isbn=PRIDE, copies=100)]
        await desk.end(await desk.place(desk.wanted(f"order-000{number}", lines=lines)))
    order = await desk.end(await desk.place(desk.wanted("order-0002")))
    assert order.state == pb.STATE_CANCELLED
    assert f"fewer than 2 copies of {PRIDE} are left" in order.reason
    assert desk.done("order-0002") == []
    assert await desk.gone() == {PRIDE: 200}


async def test_the_same_id_twice_is_one_order(desk: Desk) -> None:
    """As a client that lost the answer asks again; with another content the id is taken."""
    first = await desk.end(await desk.place(desk.wanted("order-0001")))
    assert await desk.place(desk.wanted("order-0001")) == first
    assert desk.done("order-0001") == ["charge", "parcel"]
    taken = (grpc.StatusCode.ALREADY_EXISTS, "the id belongs to another order")
    assert await refusal(desk.place(desk.wanted("order-0001", name="Eve"))) == taken
    assert await refusal(desk.place(desk.wanted("order-0001"), reader="eve")) == taken


async def test_another_reader_does_not_find_the_order(desk: Desk) -> None:
    """Over gRPC and over REST alike, whether it exists or not; who is not known is not answered."""
    await desk.end(await desk.place(desk.wanted("order-0001")))
    for order in ("order-0001", "order-0002"):
        assert await refusal(desk.order(order, reader="eve")) == NO_SUCH_ORDER
        told = await desk.browser.get(f"/orders/{order}", reader="eve")
        assert (told.status, told.body["detail"]) == (404, "there is no such order")
    assert (await desk.browser.get("/orders/order-0001")).status == 401
    code, _ = await refusal(desk.stub.GetOrder(pb.GetOrderRequest(id="order-0001")))
    assert code == grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "short"},
        {"id": "with blanks in it"},
        {"lines": []},
        {"lines": [pb.Line(isbn=PRIDE, copies=0)]},
        {"lines": [pb.Line(isbn="'; drop table", copies=1)]},
        {"name": ""},
        {"address": "Long Lane " * 30},
        {"email": "ada.reader.test"},
    ],
    ids=str,
)
async def test_an_order_that_is_not_complete_is_refused_over_grpc(desk: Desk, wrong: dict[str, Any]) -> None:
    """Without a word of what was given: an error is logged here and there."""
    code, why = await refusal(desk.place(desk.wanted(**{"id": "order-0001"} | wrong)))
    assert (code, why) == (grpc.StatusCode.INVALID_ARGUMENT, "the order is not complete")
    assert await refusal(desk.order("order-0001")) == NO_SUCH_ORDER


async def test_what_is_wrong_with_an_order_over_rest_is_told_by_field_and_never_echoed(desk: Desk) -> None:
    """All faults at once, in the form of a problem."""
    content = rest_order("order-0001") | {"email": "secret-mail", "lines": {PRIDE: 0}, "name": ""}
    told = await desk.browser.ask("POST", "/orders", content, reader="ada")
    assert (told.status, told.headers["content-type"]) == (422, "application/problem+json")
    text = str(told.body)
    assert all(field in text for field in ("email", "lines", "name"))
    assert "secret-mail" not in text


async def test_partners_place_orders_and_look_at_them_over_rest(desk: Desk) -> None:
    """The same order as over gRPC."""
    told = await desk.browser.ask("POST", "/orders", rest_order("order-0001"), reader="ada")
    assert told.status == 201
    order = await desk.end(await desk.order("order-0001"))
    seen = await desk.browser.get("/orders/order-0001", reader="ada")
    assert (seen.body["state"], seen.body["price_cents"]) == ("confirmed", order.price_cents) == ("confirmed", 899)
    assert (await desk.browser.ask("POST", "/orders", rest_order("order-0002"))).status == 401


async def test_the_openapi_document_says_what_an_order_is_and_who_may_place_one() -> None:
    """Partners generate their clients from it."""
    document = service.rest.openapi()
    placing = document["paths"]["/orders"]["post"]
    assert placing["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Wanted"}
    assert placing["security"] == [{"token": []}]
    wanted = document["components"]["schemas"]["Wanted"]
    assert set(wanted["required"]) == {"id", "lines", "card_token", "name", "address", "email"}


async def test_an_order_waits_for_a_participant_that_is_down(shop: Shop, desk: Desk) -> None:
    """It is open meanwhile, and goes on by itself."""
    await shop.close("payments")
    order = await desk.place(desk.wanted("order-0001"))
    assert order.state == pb.STATE_OPEN
    async with asyncio.timeout(10):  # it may be answered before its first step is done
        while await desk.gone() != {PRIDE: 2, JANE: 1}:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.05)
    await shop.open("payments")
    ending = asyncio.create_task(desk.end(order))
    while not ending.done():
        shop.clock.advance(30)  # the pauses between tries, and the breaker's: a try may just have failed once more
        await asyncio.wait({ending}, timeout=0.2)
    assert ending.result().state == pb.STATE_CONFIRMED
    assert desk.done("order-0001") == ["charge", "parcel"]


async def test_who_an_order_goes_to_is_sealed_in_the_store(shop: Shop, desk: Desk) -> None:
    """In the order, in the log of its saga, and in the news that are still to be told."""
    shop.hub.away = True
    name = f"Ada {uuid4().hex}"
    with emitted(service) as told:
        await desk.end(await desk.place(desk.wanted("order-0001", name=name)))
    assert [event.name for event in told.of(OrderPlaced)] == [name]
    assert not shop.holds("orders-db", name)
    assert shop.holds("orders-db", "order-0001"), "it is looked for in the right place"
    shop.hub.away = False
