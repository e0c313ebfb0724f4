"""A broker within the process, for tests: what one service publishes, the others of the same hub receive.

Every service bound to `Broker(kind="memory", address="a name")` speaks through the hub of that name. A hub keeps what
was published, as a broker does over a restart of its services, and can be told to misbehave: to be away, to refuse, to
deliver twice and in any order.
"""

import asyncio
import contextlib
import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import msgspec
import structlog

from fairway_sdk.errors import UnavailableError
from fairway_sdk.events.event import Envelope
from fairway_sdk.lifecycle import Background, Level

if TYPE_CHECKING:
    from fairway_sdk.events.broker import Take
    from fairway_sdk.service import Service

log = structlog.get_logger("fairway")

BATCH: Final = 100
RETRIED_AFTER: Final = 0.02  # seconds

_hubs: dict[str, "Hub"] = {}


def _nothing(_envelope: Envelope) -> bool:
    return False


def hub(name: str = "") -> "Hub":
    """Give the hub of a name; it lives as long as the process."""
    return _hubs.setdefault(name, Hub(name))


class Queue(msgspec.Struct):
    """What one group has still to take in of one channel."""

    waiting: list[bytes]
    busy: bool = False


class Hub:
    """All channels of one broker within the process."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.away = False  # takes nothing and gives nothing
        self.held = False  # gives nothing yet
        self.loses: Callable[[Envelope], bool] = _nothing  # takes them, and gives them to nobody
        self.refuses: Callable[[Envelope], bool] = _nothing
        self.published: list[Envelope] = []
        self._order: random.Random | None = None
        self._times = 1
        self._queues: dict[tuple[str, str], Queue] = {}
        self._listening: set[asyncio.Event] = set()

    def misdeliver(self, *, times: int = 1, seed: int | None = None) -> None:
        """Deliver each document so many times from now on, and with a seed in random order."""
        self._times = times
        self._order = None if seed is None else random.Random(seed)  # noqa: S311 - repeatable on purpose

    def batch(self) -> int:
        """Tell how many documents are given at once: few, where they are given in random order."""
        return BATCH if self._order is None else self._order.randint(1, 4)

    def clear(self) -> None:
        """Forget everything that was published, and behave well again."""
        self.away = self.held = False
        self.loses = self.refuses = _nothing
        self._order, self._times = None, 1
        self.published.clear()
        for queue in self._queues.values():
            queue.waiting.clear()

    def publish(self, envelope: Envelope) -> None:
        """Take an envelope in, for every group of its channel, of now and later."""
        if self.away:
            raise UnavailableError("the hub is told to be away")
        if self.refuses(envelope):
            raise ValueError("the hub is told to refuse it")
        if self.loses(envelope):
            return
        self.published.append(envelope)
        self.inject(envelope.channel, envelope.encode())

    def inject(self, channel: str, document: bytes) -> None:
        """Give any document to every group of a channel that is there now."""
        for (where, _), queue in self._queues.items():
            if where == channel:
                queue.waiting += [document] * self._times
                if self._order is not None:
                    self._order.shuffle(queue.waiting)
        self.ring()

    def queue(self, channel: str, group: str) -> Queue:
        """Give what a group has to take in; a new group begins with all that was published before it came."""
        if (channel, group) not in self._queues:
            before = [envelope.encode() for envelope in self.published if envelope.channel == channel]
            self._queues[channel, group] = Queue(before)
        return self._queues[channel, group]

    def ring(self) -> None:
        """Wake all who wait for documents."""
        for event in self._listening:
            event.set()

    def listen(self, event: asyncio.Event) -> None:
        """Set an event whenever there is anything new."""
        self._listening.add(event)

    def leave(self, event: asyncio.Event) -> None:
        """Set it no more."""
        self._listening.discard(event)


class MemoryBroker:
    """A hub as the broker of one service."""

    name = "broker"
    level = Level.BROKER

    def __init__(self, service: "Service") -> None:
        bound = service.binding.broker
        self._hub = hub(bound.address if bound else "")
        self._takes: dict[tuple[str, str], Take] = {}
        self._consuming: list[Background] = []

    async def start(self) -> None:
        """Begin to take in."""
        for (channel, group), take in self._takes.items():
            consuming = Background()
            consuming.start(self._consume(self._hub.queue(channel, group), take), f"take in {channel}")
            self._consuming.append(consuming)

    async def stop(self) -> None:
        """Take in no more."""
        await asyncio.gather(*(consuming.stop() for consuming in self._consuming))
        self._consuming = []

    @property
    def idle(self) -> bool:
        """Tell whether this service has taken in everything."""
        return not any(
            queue.waiting or queue.busy for queue in (self._hub.queue(*subscribed) for subscribed in self._takes)
        )

    async def unready(self) -> str | None:
        """Be ready: it is there as long as the process."""
        return None

    def subscribe(self, channel: str, group: str, take: "Take") -> None:
        """Give every document of a channel to one member of a group; a second call replaces who takes them in."""
        self._takes[channel, group] = take

    async def publish(self, envelopes: Sequence[Envelope]) -> Sequence[Exception | None]:
        """Hand envelopes over; for each, none once the hub has it, or what went wrong."""
        return [self._publish(envelope) for envelope in envelopes]

    def _publish(self, envelope: Envelope) -> Exception | None:
        try:
            self._hub.publish(envelope)
        except (UnavailableError, ValueError) as error:
            return error
        return None

    async def _consume(self, queue: Queue, take: "Take") -> None:
        rung = asyncio.Event()
        self._hub.listen(rung)
        try:
            while True:
                if not await self._take_in(queue, take):
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(RETRIED_AFTER if queue.waiting else None):
                            await rung.wait()
                    rung.clear()
        finally:
            self._hub.leave(rung)

    async def _take_in(self, queue: Queue, take: "Take") -> bool:
        if self._hub.away or self._hub.held or queue.busy or not queue.waiting:
            return False
        size = self._hub.batch()
        batch, queue.waiting[:size] = queue.waiting[:size], []
        queue.busy = True
        try:
            await take(batch)
        except BaseException as error:
            queue.waiting[:0] = batch
            if not isinstance(error, Exception):
                raise
            log.warning("events could not be taken in", error=type(error).__name__, reason=str(error))
            return False
        finally:
            queue.busy = False
        return True
