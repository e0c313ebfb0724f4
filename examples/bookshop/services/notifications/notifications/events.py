"""What notifications hears: of each event only the fields that it needs."""

from typing import Annotated

from fairway_sdk import Event
from fairway_sdk.personal import PERSONAL


class OrderPlaced(Event, frozen=True):
    """An order is confirmed."""

    channel = "order-placed"
    person = "reader"

    order_id: str
    reader: str
    price_cents: int
    name: Annotated[str, PERSONAL]
    email: Annotated[str, PERSONAL]


class ParcelSent(Event, frozen=True):
    """A parcel is on its way."""

    channel = "parcel-sent"
    person = "reader"

    order_id: str
    reader: str
    tracking: str
