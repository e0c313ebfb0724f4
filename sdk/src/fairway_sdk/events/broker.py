"""What every broker must do for us, and no more: carry envelopes, and wait for a yes before it forgets one.

Order, repetition, pauses and dead letters are not asked of brokers: each has its own idea of them. The outbox numbers
events, the inbox keeps and orders them, and so they mean the same on all brokers.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from fairway_sdk.events.event import Envelope
from fairway_sdk.lifecycle import Part

Take = Callable[[Sequence[bytes]], Awaitable[None]]
"""Takes documents in for good; when it returns, the broker may forget them; when it raises, they come again."""


class Broker(Part, Protocol):
    """A bound broker as a part of a service."""

    async def publish(self, envelopes: Sequence[Envelope]) -> Sequence[Exception | None]:
        """Hand envelopes over, equal keys in this order; for each, none once it is safe, or what went wrong."""

    def subscribe(self, channel: str, group: str, take: Take) -> None:
        """Give every document of a channel to one member of a group; called before the start."""
