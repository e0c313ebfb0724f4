"""What shipping tells others."""

from fairway_sdk import Event


class ParcelSent(Event, frozen=True):
    """A parcel is on its way."""

    channel = "parcel-sent"
    person = "reader"

    order_id: str
    reader: str
    tracking: str
