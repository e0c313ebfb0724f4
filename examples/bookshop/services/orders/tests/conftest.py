"""Orders with its real participants, and a desk at which a test orders."""

import asyncio
from typing import Any, Final

import grpc
import pytest
from examples.bookshop.conftest import PATIENCE, Browser, Shop

from bookshop_protos import inventory_pb2
from bookshop_protos import orders_pb2 as pb
from bookshop_protos.inventory_pb2_grpc import InventoryStub
from bookshop_protos.orders_pb2_grpc import OrdersStub
from fairway_sdk.contract.binding import Sagas

PRIDE, JANE = "9780141439518", "9780141441146"
ON_THE_SHELF: Final = 200


class Desk:
    """Where orders are placed, and what came of them is looked at."""

    def __init__(self, shop: Shop, browser: Browser) -> None:
        self.shop, self.browser = shop, browser
        self.stub = shop.stub("orders", OrdersStub)
        self._inventory = shop.stub("inventory", InventoryStub)

    def wanted(self, id: str, **further: Any) -> pb.PlaceOrderRequest:  # noqa: A002, ANN401 - the request's own fields
        """Make an order of two books, but for what a test says."""
        given: dict[str, Any] = {
            "lines": [pb.Line(isbn=PRIDE, copies=2), pb.Line(isbn=JANE, copies=1)],
            "card_token": "good",
            "name": "Ada Reader",
            "address": "Road 1",
            "email": "ada@reader.test",
        }
        return pb.PlaceOrderRequest(id=id, **(given | further))

    async def place(self, wanted: pb.PlaceOrderRequest, reader: str = "ada") -> pb.Order:
        """Order."""
        return await self.stub.PlaceOrder(wanted, metadata=self.shop.token(reader))

    async def order(self, order: str, reader: str = "ada") -> pb.Order:
        """Look at an order."""
        return await self.stub.GetOrder(pb.GetOrderRequest(id=order), metadata=self.shop.token(reader))

    async def end(self, order: pb.Order) -> pb.Order:
        """Wait until an order is confirmed or cancelled."""
        async with asyncio.timeout(PATIENCE):
            while order.state == pb.STATE_OPEN:
                await asyncio.sleep(0.02)
                try:
                    order = await self.order(order.id)
                except grpc.aio.AioRpcError as error:
                    # After a crash before the first step it is noted by whoever takes it over.
                    assert error.code() == grpc.StatusCode.NOT_FOUND  # noqa: PT017 - any other is raised with it
        return order

    def done(self, order: str) -> list[str]:
        """Name what was done outside for an order: with money first, with parcels then."""
        return [kind for name in ("card-network", "carrier") for kind in self.shop.outside[name].kinds(order)]

    async def gone(self) -> dict[str, int]:
        """Give the copies that are no more free, by book."""
        found = await self._inventory.FindBooks(inventory_pb2.FindBooksRequest(most=100))
        return {book.isbn: ON_THE_SHELF - book.copies for book in found.books if book.copies != ON_THE_SHELF}


def rest_order(order: str) -> dict[str, object]:
    """Make an order of one book as REST has it."""
    return {
        "id": order,
        "lines": {PRIDE: 1},
        "card_token": "good",
        "name": "Ada Reader",
        "address": "Road 1",
        "email": "ada@reader.test",
    }


@pytest.fixture
async def desk(shop: Shop) -> Desk:
    """Give a desk of the running service; a crashed checkout is taken over within a moment."""
    await shop.open("inventory", "payments", "shipping")
    await shop.open("orders", sagas=Sagas(lease=0.6, look_every=0.1))
    return Desk(shop, await shop.browser("orders"))
