"""Orders as its callers see it: over gRPC for the storefront, over REST for partners."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from bookshop_protos import orders_pb2 as pb
from bookshop_protos.orders_pb2_grpc import OrdersServicer, add_OrdersServicer_to_server
from fairway_sdk import Caller, CompensatedError, DeclinedError, Person, Service, StartError, require
from orders.checkout import NewOrder, checkout_of
from orders.tables import Order

service = Service("orders")
Checkout = checkout_of(service)

PATIENCE = 0.15  # seconds that an answer waits for the checkout, which goes on by itself: the promise is 300 ms
STATES = {"open": pb.STATE_OPEN, "confirmed": pb.STATE_CONFIRMED, "cancelled": pb.STATE_CANCELLED}

Copies = Annotated[int, Field(ge=1, le=100)]
Words = Annotated[str, Field(min_length=1, max_length=200)]


class Wanted(BaseModel):
    """An order as a reader or partner gives it. The same id twice is the same order."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{8,64}$")]
    lines: Annotated[dict[Annotated[str, Field(pattern=r"^[0-9]{13}$")], Copies], Field(min_length=1, max_length=50)]
    card_token: Words
    name: Words
    address: Words
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=200)]
    gift_wrapping: bool = False


class Placed(BaseModel):
    """An order as it stands."""

    id: str
    state: Literal["open", "confirmed", "cancelled"]
    lines: dict[str, int]
    price_cents: int
    gift_wrapping: bool
    reason: str = ""


async def place(wanted: Wanted, reader: Caller) -> Placed:
    """Start the checkout of an order, and tell how far it has come when the patience of its reader ends."""
    order = NewOrder(reader=reader.person, tenant=reader.tenant, **wanted.model_dump())
    try:
        run = await service.sagas.start(Checkout, order, id=order.id)
    except StartError as error:
        raise DeclinedError("ALREADY_EXISTS", "the id belongs to another order") from error
    with suppress(TimeoutError, CompensatedError):
        await run.result(PATIENCE)
    begun = Placed(id=order.id, state="open", lines=order.lines, price_cents=0, gift_wrapping=order.gift_wrapping)
    return await find(order.id, reader) or begun


async def look(order_id: str, reader: Caller) -> Placed:
    """Tell how an order of this reader stands; another's is not found."""
    found = await find(order_id, reader)
    if found is None:
        raise DeclinedError("NOT_FOUND", "there is no such order")
    return found


async def find(order_id: str, reader: Caller) -> Placed | None:
    """Give an order of this reader; none where it is another's, or not noted yet."""
    async with service.transaction() as tx:
        order = await tx.get(Order, order_id)
    if order is None or (order.reader, order.tenant) != (reader.person, reader.tenant):
        return None
    return Placed(
        id=order.id,
        state=order.state,
        lines={line.isbn: line.copies for line in order.lines},
        price_cents=order.price_cents,
        gift_wrapping=order.gift_wrapping,
        reason=await _reason(order_id) if order.state == "cancelled" else "",
    )


async def _reason(order_id: str) -> str:
    """Tell why an order was cancelled, in the words of whoever declined."""
    run = await service.sagas.find(Checkout, order_id)
    if run is not None:
        try:
            await run.result(PATIENCE)
        except CompensatedError as ended:
            return ended.reason
        except TimeoutError:
            pass
    return ""


@service.post("/orders", status_code=201)
async def place_order(wanted: Wanted, reader: Person) -> Placed:
    """Place an order."""
    return await place(wanted, reader)


@service.get("/orders/{order_id}")
async def order(order_id: str, reader: Person) -> Placed:
    """Give an order of the reader who asks."""
    return await look(order_id, reader)


class Orders(OrdersServicer):
    """The same over gRPC."""

    async def PlaceOrder(self, request: pb.PlaceOrderRequest, context: object) -> pb.Order:
        """Place an order."""
        lines = {line.isbn: line.copies for line in request.lines}
        wanted = _checked(
            id=request.id,
            lines=lines,
            card_token=request.card_token,
            name=request.name,
            address=request.address,
            email=request.email,
            gift_wrapping=request.gift_wrapping,
        )
        return _told(await place(wanted, require(service.caller)))

    async def GetOrder(self, request: pb.GetOrderRequest, context: object) -> pb.Order:
        """Give an order of the reader who asks."""
        return _told(await look(request.id, require(service.caller)))


def _checked(**given: object) -> Wanted:
    try:
        return Wanted.model_validate(given)
    except ValueError as error:
        raise DeclinedError("INVALID_ARGUMENT", "the order is not complete") from error


def _told(placed: Placed) -> pb.Order:
    return pb.Order(
        id=placed.id,
        state=STATES[placed.state],
        lines=_lines(placed.lines),
        price_cents=placed.price_cents,
        reason=placed.reason,
        gift_wrapping=placed.gift_wrapping,
    )


def _lines(copies: Mapping[str, int]) -> list[pb.Line]:
    return [pb.Line(isbn=isbn, copies=number) for isbn, number in copies.items()]


service.grpc.add(add_OrdersServicer_to_server, Orders())
