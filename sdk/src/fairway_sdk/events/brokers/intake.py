"""How documents are taken in: batch after batch, each forgotten by the broker only after it was taken."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import structlog
from msgspec import Struct, field

from fairway_sdk.events.brokers.pauses import pause

if TYPE_CHECKING:
    from fairway_sdk.events.broker import Take

log = structlog.get_logger("fairway")

LARGEST_BATCH = 100  # documents taken in at once: one transaction of the inbox
SHORTEST_WAIT = 0.1  # seconds an intake waits for documents before it looks up; a stop waits so long, too
LONGEST_WAIT = 2.0  # likewise, after some time without any


class Subscription(Struct):
    """One channel taken in for one group.

    `busy` is held from asking for documents until the broker may forget them; `wait` grows while there are none.
    """

    channel: str
    group: str
    take: "Take"
    ordered: bool = False  # one member takes in at a time, so that nothing overtakes
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)
    wait: float = SHORTEST_WAIT


class Intake(Protocol):
    """Documents of a subscription, over one connection."""

    async def more(self, wait: float) -> Sequence[bytes]:
        """Give further documents, none after so many seconds without any; raise when the intake is of no more use."""

    async def holds(self) -> bool:
        """Tell whether the documents last given are still ours to take in: asked before they are tried again."""

    async def forget(self) -> None:
        """Let the broker forget the documents last given."""


async def take_batch(intake: Intake, subscription: Subscription) -> None:
    """Take one batch in; one that cannot be is tried again for as long as it is ours, and nothing overtakes it."""
    failures = 0
    documents: Sequence[bytes] = ()
    while True:
        async with subscription.busy:
            if not failures:
                documents = await intake.more(subscription.wait)
            if not documents:
                subscription.wait = min(2 * subscription.wait, LONGEST_WAIT)
                return
            subscription.wait = SHORTEST_WAIT
            try:
                await subscription.take(documents)
            except Exception:
                failures += 1
                if failures == 1:
                    log.exception("events could not be taken in", channel=subscription.channel)
            else:
                await intake.forget()
                if failures:
                    log.info("events are taken in again", channel=subscription.channel)
                return
        await asyncio.sleep(pause(failures))
        if not await intake.holds():
            return
