"""Events in tests: wait until all is settled, deliver twice or in any order, see what was emitted."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import TypeVar
from uuid import uuid4

import msgspec

from fairway_sdk.events import outbox
from fairway_sdk.events.brokers.memory import Hub, MemoryBroker, hub
from fairway_sdk.events.dead_letters import find
from fairway_sdk.events.event import Envelope, Event
from fairway_sdk.events.inbox import DeadLetter
from fairway_sdk.events.outbox_rows import OutboxRows
from fairway_sdk.events.personal import sealed
from fairway_sdk.events.relay import outbox_stores
from fairway_sdk.events.wake import bells
from fairway_sdk.service import Service

__all__ = ["Emitted", "Hub", "dead_letters", "deliver", "emitted", "eventually", "hub", "settled"]

E = TypeVar("E", bound=Event)
LOOKED_AT_EVERY = 0.01  # seconds
CALM = 2  # looks in a row that find nothing: between two of them nothing was on its way either


async def settled(*services: Service, within: float = 20.0) -> None:
    """Wait until outboxes and inboxes of running services are empty; an `AssertionError` says what is left after that.

    Dead letters count as settled. What waits for its time does not: move the services' clock, or wait longer.
    """
    until = monotonic() + within
    calm = 0
    while calm < CALM:
        left = [what for service in services for what in await _left(service)]
        calm = 0 if left else calm + 1
        if left and monotonic() > until:
            raise AssertionError(f"not settled within {within:g} s: {', '.join(left)}")
        for service in services:
            for bell in bells(service):
                bell.ring()
        await asyncio.sleep(LOOKED_AT_EVERY)


async def eventually(holds: Callable[[], bool | Awaitable[bool]], within: float = 20.0) -> None:
    """Wait until a condition holds, asked again and again; a `TimeoutError` after so many seconds."""
    async with asyncio.timeout(within):
        while True:
            found = holds()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(LOOKED_AT_EVERY)


async def dead_letters(service: Service, channel: str = "") -> list[DeadLetter]:
    """Give the dead letters of a running service, the oldest first."""
    return await find(service, channel)


async def deliver(service: Service, *events: Event, times: int = 1) -> None:
    """Bring events to a running service, each so many times, as a publisher elsewhere and the memory broker would.

    They are sealed with the service's own keyring, as a publisher that shares it would; `settled` waits for handlers.
    """
    bound = service.binding.broker
    carrier = hub(bound.address if bound else "")
    for event in events:
        person = str(getattr(event, event.person)) if event.person else ""
        ordered_by = service.binding.consumes[event.channel].ordered_by
        now = service.clock.now()
        envelope = Envelope(
            id=uuid4().hex,
            channel=event.channel,
            kind=type(event).__name__,
            content=msgspec.Raw(await sealed(service, event, person)),
            key=str(getattr(event, ordered_by)) if ordered_by else "",
            number=int(now * 1e6),
            time=now,
            person=person,
        )
        carrier.publish(envelope)
        for _ in range(times - 1):
            carrier.inject(envelope.channel, envelope.encode())


class Emitted(list[Event]):
    """The events of committed transactions, in the order of their commits."""

    def of(self, kind: type[E]) -> list[E]:
        """Give those of one kind."""
        return [event for event in self if isinstance(event, kind)]

    def assert_only(self, *events: Event) -> None:
        """Fail unless exactly these events were emitted, in this order."""
        assert list(self) == list(events), f"emitted: {list(self)!r}; wanted: {list(events)!r}"


@contextmanager
def emitted(service: Service) -> Iterator[Emitted]:
    """Collect what a service emits within the body, once it is committed; neither broker nor relay need run."""
    found = Emitted()

    def watch(author: Service, events: Sequence[Event]) -> None:
        if author is service:
            found.extend(events)

    outbox.watchers.append(watch)
    try:
        yield found
    finally:
        outbox.watchers.remove(watch)


async def _left(service: Service) -> list[str]:
    found = []
    if service.binding.publishes:
        for store in outbox_stores(service):
            waiting = await OutboxRows(service.stores.sql(store), service.clock).waiting()
            found += [
                f"{count} in the outbox of {service.name} for {channel}" for channel, (count, _) in waiting.items()
            ]
    broker = service.__dict__.get("broker")
    if isinstance(broker, MemoryBroker) and not broker.idle:
        found.append(f"documents at the broker for {service.name}")
    if "consumers" in service.__dict__:
        waiting_in = await service.consumers.inbox.waiting()
        found += [f"{count} in the inbox of {service.name} of {channel}" for channel, count in waiting_in.items()]
    return found
