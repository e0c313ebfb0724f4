"""What activity hears: of each event only the fields that it needs."""

from fairway_sdk import Event


class OrderPlaced(Event, frozen=True):
    """An order is confirmed."""

    channel = "order-placed"
    person = "reader"

    order_id: str
    reader: str
    isbns: tuple[str, ...]
