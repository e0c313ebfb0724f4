"""What recommendations hears: of each event only the fields that it needs. Who bought is none of its business."""

from fairway_sdk import Event


class OrderPlaced(Event, frozen=True):
    """An order is confirmed."""

    channel = "order-placed"

    order_id: str
    isbns: tuple[str, ...]
