"""The relay: takes events from the outbox to the broker, at least once, each key in its order.

A broker that is away does not make the service unready: events wait in the outbox and the service works on. Relays of
several replicas share the work. An event that the broker refuses is tried again by itself and parked in the end, while
all others flow.
"""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import count
from time import monotonic
from typing import TYPE_CHECKING, Final, TypeAlias
from uuid import uuid4

import msgspec
import structlog

from fairway_sdk.clock import Clock
from fairway_sdk.contract.binding import Published
from fairway_sdk.errors import SetupError, UnavailableError
from fairway_sdk.events import metrics
from fairway_sdk.events.event import Envelope
from fairway_sdk.events.failures import Failure, pause
from fairway_sdk.events.outbox_rows import RELAY, OutboxRow, OutboxRows
from fairway_sdk.events.wake import FEWEST, OUTBOX_RUNG, bell
from fairway_sdk.lifecycle import Background, Level
from fairway_sdk.stores.opened import SQL

if TYPE_CHECKING:
    from fairway_sdk.events.broker import Broker
    from fairway_sdk.service import Service
    from fairway_sdk.stores.sql import SqlStore

log = structlog.get_logger("fairway")

Batch: TypeAlias = tuple[str, Sequence[OutboxRow]]
"""Rows, and the owner in whose name they were taken."""

BATCH: Final = 200
POLL: Final = 1.0  # seconds: events of a process that died before it could wake anybody are found within it
PUBLISH_WITHIN: Final = 15.0  # a broker that is known to be away answers at once
LEASE: Final = 60.0  # longer than three publishes may take
FLUSH_WITHIN: Final = 2.0  # of the drain: what is left then, another replica or the next start sends
LONGEST_PAUSE: Final = 5.0  # while the broker is away
COUNT_EVERY: Final = 10.0
FORGET_EVERY: Final = 600.0


class Relay:
    """The relays of a service, one for each store that has an outbox."""

    name = "relay"
    level = Level.EVENTS

    def __init__(self, service: "Service") -> None:
        self._service = service
        self._relays: list[StoreRelay] = []

    async def start(self) -> None:
        """Begin to send; a `SetupError` where there is no store for an outbox, or no broker."""
        service = self._service
        if service.binding.broker is None:
            raise SetupError(f"service '{service.name}': publishes events and is bound to no broker. Bind one.")
        stores = outbox_stores(service)
        if not stores:
            raise SetupError(
                f"service '{service.name}': publishes events and has no store for its outbox. Declare a PostgreSQL or"
                " MySQL store in its facts: an event is written in the transaction that causes it."
            )
        self._relays = [StoreRelay(service, service.stores.sql(store)) for store in stores]
        for relay in self._relays:
            relay.start()

    async def stop(self) -> None:
        """Send what is there, for a moment, and end."""
        await asyncio.gather(*(relay.stop() for relay in self._relays))
        self._relays = []

    async def unready(self) -> str | None:
        """Say that a relay died; a broker that is away is no reason."""
        return None if all(relay.running for relay in self._relays) else "the relay of the outbox died"


def outbox_stores(service: "Service") -> list[str]:
    """Name the stores that hold outboxes: the service's own SQL stores."""
    return [name for name, bound in service.binding.own_stores.items() if bound.kind in SQL]


def open_outbox(store: "SqlStore", clock: Clock, ring: Callable[[], None]) -> OutboxRows:
    """Give the outbox of a store; on PostgreSQL by a connection of its own, where the pool can spare one."""
    if store.kind == "postgresql" and store.bound.connections >= FEWEST:
        from fairway_sdk.events.outbox_postgresql import PostgreSQLOutbox

        return PostgreSQLOutbox(store, clock, ring)
    return OutboxRows(store, clock)


class StoreRelay:
    """The relay of one store."""

    def __init__(self, service: "Service", store: "SqlStore") -> None:
        self._service = service
        self._broker: Broker = service.broker
        self._clock = service.clock
        self._bell = bell(service, OUTBOX_RUNG)
        self._rows = open_outbox(store, service.clock, self._bell.ring)
        self._name = uuid4().hex[:RELAY]
        self._batches = count()
        self._loop: asyncio.Task[None] | None = None
        self._deleting: asyncio.Task[None] | None = None
        self._house = Background()
        self._stopping = asyncio.Event()
        self._stuck: set[str] = set()  # keys of which the batch before could not send one
        self._failures = 0  # batches in a row of which the broker took nothing
        self._took_at = 0.0  # when the broker took anything at last

    def start(self) -> None:
        """Begin to send."""
        self._bell.heard += 1
        self._loop = asyncio.create_task(self._run(), name="relay")
        self._house.start(self._keep_house(), "relay's house")

    @property
    def running(self) -> bool:
        """Tell whether it still sends."""
        return self._house.running and self._loop is not None and not self._loop.done()

    async def stop(self) -> None:
        """Send what is there, for a moment, and end."""
        self._stopping.set()
        self._bell.heard -= 1
        self._bell.ring()
        await self._house.stop()
        if self._loop is not None:
            await asyncio.wait([self._loop], timeout=min(FLUSH_WITHIN, self._service.binding.drain))
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)

    async def _run(self) -> None:
        try:
            await self._send_for_ever()
        finally:
            with contextlib.suppress(Exception):  # else the leases end by themselves
                await asyncio.shield(self._rows.give_all_back(self._name))
            await self._rows.close()

    async def _send_for_ever(self) -> None:
        lost = 0  # rounds in a row in which the store did not answer
        ahead: asyncio.Task[Batch] | None = None  # taken while the batch before it is sent
        while True:
            rows: Sequence[OutboxRow] = ()
            try:
                if ahead is None:
                    self._stuck.clear()
                owner, rows = await (ahead or self._take())
                more = len(rows) == BATCH and not self._stuck
                ahead = asyncio.create_task(self._take(), name="relay takes") if more else None
                if rows:
                    await self._round(owner, rows)
                lost = 0
            except Exception as error:  # noqa: BLE001 - whatever the store does, events wait in it
                lost += 1
                if lost == 1:
                    log.warning("relay cannot use the outbox", error=type(error).__name__)
                await self._let_go(ahead)
                ahead = None
            if self._stopping.is_set() and (lost or not rows or self._failures):
                await self._let_go(ahead)
                return
            if lost:
                await self._rest(lost)
            elif not rows:
                await self._bell.wait(POLL * random.uniform(0.75, 1.25))  # noqa: S311 - it spreads load
            elif self._failures:
                await self._let_go(ahead)
                ahead = None
                await self._rest(self._failures)

    async def _take(self) -> "Batch":
        owner = f"{self._name}{next(self._batches):012}"
        if self._failures:
            return owner, await self._rows.take_one(owner, LEASE)
        return owner, await self._rows.take(owner, BATCH, LEASE)

    async def _let_go(self, ahead: "asyncio.Task[Batch] | None") -> None:
        """Give back what was taken and is not sent."""
        tasks = [task for task in (ahead, self._deleting) if task is not None]
        self._deleting = None
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(Exception):  # else the leases end by themselves
            await self._rows.give_all_back(self._name)

    async def _round(self, owner: str, rows: Sequence[OutboxRow]) -> None:
        begun = monotonic()
        before, self._stuck = self._stuck, set()
        fresh, doubtful = _parted(rows, before)
        if fresh:
            await self._send(owner, fresh, whole=len(fresh) == len(rows))
        for row in doubtful:
            late = monotonic() - begun > LEASE - 3 * PUBLISH_WITHIN
            if late or row.lane in before or row.lane in self._stuck:
                self._note(row)
                await self._rows.give_back(owner, [row])
            else:
                await self._send(owner, [row], whole=False)

    def _note(self, row: OutboxRow) -> None:
        """Remember that an event did not go: the next batch, which is taken already, may hold others of its key."""
        if row.lane:
            self._stuck.add(row.lane)

    async def _send(self, owner: str, rows: Sequence[OutboxRow], *, whole: bool) -> None:
        results = await self._publish([_envelope(row, self._service.name) for row in rows])
        safe = [row for row, result in zip(rows, results, strict=True) if result is None]
        if safe:
            self._failures, self._took_at = 0, self._clock.now()
            if self._deleting is not None:
                await self._deleting
            # The next batch goes out meanwhile.
            delete = self._rows.delete(owner, safe, whole=whole and len(safe) == len(rows))
            self._deleting = asyncio.create_task(delete, name="relay deletes")
            for channel, count in Counter(row.channel for row in safe).items():
                metrics.PUBLISHED.labels(channel).inc(count)
        refused = [(row, result) for row, result in zip(rows, results, strict=True) if result is not None]
        away = [result for _, result in refused if _is_away(result)]
        if away and not safe:
            # One that failed before and fails again says nothing of the broker while others pass.
            if self._failures or not rows[0].failed_at:
                self._failures += 1
            if self._failures == 1:
                log.warning("broker takes no events; they wait in the outbox", error=type(away[0]).__name__)
            if len(rows) > 1:  # which one is at fault, if any, one at a time will show
                for row, _ in refused:
                    self._note(row)
                await self._rows.give_back(owner, [row for row, _ in refused])
                return
        for row, result in refused:
            await self._refuse(owner, row, result)

    async def _publish(self, envelopes: Sequence[Envelope]) -> Sequence[Exception | None]:
        try:
            async with asyncio.timeout(PUBLISH_WITHIN):
                return await self._broker.publish(envelopes)
        except Exception as error:  # noqa: BLE001 - whatever the broker does, events wait for it
            return [error] * len(envelopes)

    async def _refuse(self, owner: str, row: OutboxRow, error: Exception) -> None:
        """Try an event later. A broker that is away counts as no try: only what fails while others pass is at fault."""
        now = self._clock.now()
        self._note(row)
        retries = self._service.binding.publishes.get(row.channel, Published()).retries
        counted = not _is_away(error) or self._took_at > row.failed_at > 0
        attempts = row.attempts + counted
        failure = Failure.of(error, "the broker refused it each time")
        if attempts >= retries.tries:
            await self._rows.park(owner, row, attempts, failure)
            log.error("event parked in the outbox", channel=row.channel, event=row.event, error=failure.error)
        else:
            wait = pause(retries, max(1, attempts))
            await self._rows.retry(owner, row, pause=wait, failed_at=now, attempts=attempts, failure=failure)
            asyncio.get_running_loop().call_later(wait, self._bell.ring)

    async def _rest(self, failures: int) -> None:
        full = min(LONGEST_PAUSE, 0.05 * 2.0 ** min(failures, 16))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(full * random.uniform(0.5, 1.0)):  # noqa: S311 - likewise
                await self._stopping.wait()

    async def _keep_house(self) -> None:
        forgotten = self._clock.now()
        while True:
            try:
                await self._count()
                if self._clock.now() - forgotten > FORGET_EVERY:
                    forgotten = self._clock.now()
                    await self._rows.forget_lanes(max(each.kept for each in self._service.binding.publishes.values()))
            except Exception as error:  # noqa: BLE001 - it goes on when the store is back
                log.warning("outbox cannot be counted", error=type(error).__name__)
            await self._clock.sleep(COUNT_EVERY)

    async def _count(self) -> None:
        waiting, parked = await self._rows.waiting(), await self._rows.parked()
        for channel in {*self._service.binding.publishes, *waiting}:
            waits, oldest = waiting.get(channel, (0, 0.0))
            metrics.OUTBOX_WAITING.labels(channel).set(waits)
            metrics.OUTBOX_OLDEST.labels(channel).set(oldest)
            metrics.DEAD_LETTERS.labels(channel, "out").set(parked.get(channel, 0))


def _envelope(row: OutboxRow, source: str) -> Envelope:
    return Envelope(
        id=row.event,
        channel=row.channel,
        kind=row.kind,
        content=msgspec.Raw(row.content),
        key=row.key,
        number=row.number,
        after=row.after,
        source=source,
        time=row.made_at,
        person=row.person,
        trace=row.trace,
    )


def _parted(rows: Sequence[OutboxRow], stuck: set[str]) -> tuple[list[OutboxRow], list[OutboxRow]]:
    """Part a batch: what goes together, and what goes alone after it.

    An event that failed before goes alone, so that one which breaks the connection takes no others with it again; what
    comes after it with the same key goes after it.
    """
    fresh, doubtful, lanes = [], [], set(stuck)
    for row in rows:
        if row.failed_at or row.lane in lanes:
            doubtful.append(row)
            if row.lane:
                lanes.add(row.lane)
        else:
            fresh.append(row)
    return fresh, doubtful


def _is_away(error: Exception) -> bool:
    return isinstance(error, UnavailableError | OSError | TimeoutError)
