"""An event is a frozen struct on a channel; its envelope is what travels, the same on every broker."""

import time
from typing import Any, ClassVar, Self
from uuid import uuid4

import msgspec


class Event(msgspec.Struct, frozen=True):
    """The parent of a service's events.

    A subclass names its channel, and the field that names the person its personal fields belong to, where it has any:

        class OrderPlaced(Event, frozen=True):
            channel = "order-placed"
            person = "reader"

            order_id: str
            reader: str
            email: Annotated[str, PERSONAL]

    Fields may be added with a default; removing or renaming one needs a new channel, since old events stay readable.
    """

    channel: ClassVar[str] = ""
    person: ClassVar[str] = ""


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What travels: the event's content, and what is needed to deliver it once, in order and in its trace."""

    id: str
    channel: str
    kind: str  # the name of the event's class
    content: msgspec.Raw  # JSON; personal fields are sealed in it
    key: str = ""  # events with equal keys are handled one after the other, in the order of `number`
    number: int = 0  # of a key: greater than that of the event before, and near the time in microseconds
    after: int = 0  # the number of the event before with the same key; 0 where there is none, or no key
    source: str = ""  # the service that published it
    time: float = 0.0  # seconds since the epoch
    person: str = ""
    trace: str = ""  # W3C traceparent
    attempt: int = 0  # redriven by hand so many times

    def encode(self) -> bytes:
        """Write it as one JSON document."""
        return msgspec.json.encode(self)

    @classmethod
    def decode(cls, document: bytes) -> Self:
        """Read one; `msgspec.DecodeError` for anything else."""
        return msgspec.json.decode(document, type=cls)


def new_envelope(event: Event, **further: Any) -> Envelope:
    """Wrap an event whose fields need no sealing, with an id of its own and the time of now."""
    return Envelope(
        id=uuid4().hex,
        channel=event.channel,
        kind=type(event).__name__,
        content=msgspec.Raw(msgspec.json.encode(event)),
        time=time.time(),
        **further,
    )
