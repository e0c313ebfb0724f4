"""What orders tells others."""

from typing import Annotated

from fairway_sdk import Event
from fairway_sdk.personal import PERSONAL


class OrderPlaced(Event, frozen=True):
    """An order is confirmed: stock is held, money taken, a parcel booked."""

    channel = "order-placed"
    person = "reader"

    order_id: str
    reader: str
    isbns: tuple[str, ...]
    price_cents: int
    name: Annotated[str, PERSONAL]
    email: Annotated[str, PERSONAL]
