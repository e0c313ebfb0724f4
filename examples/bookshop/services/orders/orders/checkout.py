"""The checkout: five steps in order, each with its way back. A crash at any moment loses and repeats nothing."""

from typing import Annotated

from msgspec import Struct

from bookshop_protos.inventory_pb2 import Line, ReleaseRequest, ReserveRequest
from bookshop_protos.inventory_pb2_grpc import InventoryStub
from bookshop_protos.payments_pb2 import ChargeRequest, RefundRequest
from bookshop_protos.payments_pb2_grpc import PaymentsStub
from bookshop_protos.shipping_pb2 import BookParcelRequest, RecallParcelRequest
from bookshop_protos.shipping_pb2_grpc import ShippingStub
from fairway_sdk import Saga, Service, Transaction, step
from fairway_sdk.personal import PERSONAL
from orders.events import OrderPlaced
from orders.tables import Order, OrderLine


class NewOrder(Struct, frozen=True):
    """What a reader orders, and where it goes."""

    id: str
    reader: str
    tenant: str
    lines: dict[str, int]  # copies by ISBN
    card_token: Annotated[str, PERSONAL]
    name: Annotated[str, PERSONAL]
    address: Annotated[str, PERSONAL]
    email: Annotated[str, PERSONAL]
    gift_wrapping: bool = False


def checkout_of(service: Service) -> type[Saga[NewOrder]]:
    """Declare the checkout on a service."""
    inventory = service.client("inventory", InventoryStub)
    payments = service.client("payments", PaymentsStub)
    shipping = service.client("shipping", ShippingStub)

    @service.saga
    class Checkout(Saga[NewOrder]):
        """Participants know an order by its id: asked twice they act once, and what was undone stays undone."""

        person = "reader"

        @step(undo="cancel")
        async def open(self, order: NewOrder, tx: Transaction) -> None:
            """Note the order."""
            lines = [OrderLine(isbn=isbn, copies=copies) for isbn, copies in order.lines.items()]
            tx.add(
                Order(
                    id=order.id,
                    reader=order.reader,
                    tenant=order.tenant,
                    name=order.name,
                    address=order.address,
                    gift_wrapping=order.gift_wrapping,
                    state="open",
                    lines=lines,
                )
            )

        async def cancel(self, order: NewOrder, tx: Transaction) -> None:
            """Note that nothing came of it."""
            (await tx.get_one(Order, order.id)).state = "cancelled"

        @step(undo="release")
        async def reserve(self, order: NewOrder) -> int:
            """Hold the copies back; gives their price in cents."""
            lines = [Line(isbn=isbn, copies=copies) for isbn, copies in order.lines.items()]
            return (await inventory.Reserve(ReserveRequest(order_id=order.id, lines=lines))).price_cents

        async def release(self, order: NewOrder) -> None:
            """Put the copies back."""
            await inventory.Release(ReleaseRequest(order_id=order.id))

        @step(undo="refund")
        async def charge(self, order: NewOrder, results: dict[str, int]) -> int:
            """Take the money."""
            request = ChargeRequest(
                order_id=order.id,
                reader=order.reader,
                amount_cents=results["reserve"],
                card_token=order.card_token,
            )
            return (await payments.Charge(request)).amount_cents

        async def refund(self, order: NewOrder) -> None:
            """Give the money back."""
            await payments.Refund(RefundRequest(order_id=order.id))

        @step(undo="recall")
        async def book(self, order: NewOrder) -> str:
            """Book the parcel; gives its tracking number."""
            request = BookParcelRequest(
                order_id=order.id,
                reader=order.reader,
                name=order.name,
                address=order.address,
                copies=sum(order.lines.values()),
                gift_wrapping=order.gift_wrapping,
            )
            return (await shipping.BookParcel(request)).tracking

        async def recall(self, order: NewOrder) -> None:
            """Call the parcel back."""
            await shipping.RecallParcel(RecallParcelRequest(order_id=order.id))

        @step
        async def confirm(self, order: NewOrder, results: dict[str, int], tx: Transaction) -> None:
            """Note that all went well, and tell everybody, in one transaction."""
            known = await tx.get_one(Order, order.id)
            known.state, known.price_cents = "confirmed", results["charge"]
            await tx.emit(
                OrderPlaced(
                    order_id=order.id,
                    reader=order.reader,
                    isbns=tuple(order.lines),
                    price_cents=results["charge"],
                    name=order.name,
                    email=order.email,
                )
            )

    return Checkout
