"""One channel's worker: takes what is due from the inbox, runs its handlers, and sees to what becomes of it."""

import asyncio
import contextlib
import random
from collections.abc import Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Final

import msgspec
import structlog
from opentelemetry.trace import SpanKind, Status, StatusCode

from fairway_sdk.calls.deadline import within
from fairway_sdk.contract.binding import Consumed
from fairway_sdk.errors import NotYetError, PoisonError
from fairway_sdk.events import metrics
from fairway_sdk.events.event import Envelope
from fairway_sdk.events.failures import Failure, patience, pause, texts
from fairway_sdk.events.handlers import Kind
from fairway_sdk.events.inbox import Inbox, LostLeaseError, Taken
from fairway_sdk.events.personal import opened
from fairway_sdk.events.wake import Bell
from fairway_sdk.telemetry.traces import span

if TYPE_CHECKING:
    from fairway_sdk.service import Service

log = structlog.get_logger("fairway")

POLL: Final = 1.0  # seconds: what other replicas left is found within it
TAKEN_WITHIN: Final = 1.0  # seconds a taking has to end at a stop: one that is cut off leaves leases behind
LONGEST_PAUSE: Final = 5.0  # while the store is away
EARLY: Final = "early"  # a handler asked to be tried again later


class Worker:
    """The worker of one channel in this replica."""

    def __init__(  # noqa: PLR0913, PLR0917 - what a worker stands between
        self, service: "Service", inbox: Inbox, channel: str, kinds: Mapping[str, Kind], bound: Consumed, rung: Bell
    ) -> None:
        self._service = service
        self._inbox = inbox
        self._channel = channel
        self._kinds = kinds
        self._bound = bound
        self._bell = rung
        self._flying: set[asyncio.Task[None]] = set()
        self._loop: asyncio.Task[None] | None = None
        self._stopping = False
        self._full = False  # the last taking filled every free place

    def start(self) -> None:
        """Begin to take."""
        self._bell.heard += 1
        self._loop = asyncio.create_task(self._run(), name=f"take {self._channel}")

    @property
    def running(self) -> bool:
        """Tell whether it still takes."""
        return self._loop is not None and not self._loop.done()

    async def stop(self, drain: float) -> None:
        """Take no more, and give the handlers in flight so many seconds; what is cut off is given back."""
        self._stopping = True
        self._bell.heard -= 1
        self._bell.ring()
        if self._loop is not None:
            await asyncio.wait([self._loop], timeout=TAKEN_WITHIN)
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        if self._flying:
            await asyncio.wait(self._flying, timeout=drain)
        for task in self._flying:
            task.cancel()
        await asyncio.gather(*self._flying, return_exceptions=True)

    async def _run(self) -> None:
        failures = 0
        while not self._stopping:
            free = self._bound.at_once - len(self._flying)
            try:
                count = await self._take(free) if free > 0 else 0
                failures = 0
            except Exception as error:  # noqa: BLE001 - whatever the store does, events wait in it
                failures += 1
                if failures == 1:
                    log.warning("inbox does not answer", channel=self._channel, error=type(error).__name__)
                await asyncio.sleep(min(LONGEST_PAUSE, 0.1 * 2.0 ** min(failures, 16)) * random.uniform(0.5, 1.0))  # noqa: S311 - it spreads load
                continue
            self._full = count == free
            if free <= 0 or count < free:
                await self._bell.wait(POLL * random.uniform(0.75, 1.25))  # noqa: S311 - likewise

    async def _take(self, limit: int) -> int:
        taken = await self._inbox.take(self._channel, self._kinds, limit, self._bound)
        for each in taken:
            task = asyncio.create_task(self._see_to(each), name=f"handle {self._channel}")
            self._flying.add(task)
            task.add_done_callback(self._landed)
        return len(taken)

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._flying.discard(task)
        if self._full:
            self._bell.ring()

    async def _see_to(self, taken: Taken) -> None:
        begun = perf_counter()
        try:
            outcome = await self._outcome(taken)
        except asyncio.CancelledError:
            with contextlib.suppress(Exception):
                await asyncio.shield(self._inbox.release(taken))
            raise
        except Exception as error:  # noqa: BLE001 - the store went away in between: the lease ends, then it is tried again
            log.warning("inbox does not answer", channel=self._channel, error=type(error).__name__)
            return
        metrics.HANDLED.labels(self._channel, outcome).inc()
        if outcome != EARLY:  # else its tries would make the handling look quick
            metrics.DURATION.labels(self._channel).observe(perf_counter() - begun)
        if taken.lane:
            self._bell.ring()  # the next of its key may go now

    async def _outcome(self, taken: Taken) -> str:
        try:
            envelope = Envelope.decode(taken.document)
            kind = self._kinds[envelope.kind]
        except (msgspec.DecodeError, KeyError) as error:
            return await self._park(taken, Failure.of(error, "it cannot be read"))
        attributes = {
            "messaging.operation.type": "process",
            "messaging.destination.name": self._channel,
            "messaging.message.id": envelope.id,
        }
        with span(f"process {self._channel}", SpanKind.CONSUMER, envelope.trace, attributes) as noted:
            outcome, failed = await self._handle(taken, envelope, kind)
            if outcome == EARLY:
                noted.set_attribute("fairway.outcome", EARLY)
            elif failed is not None:
                noted.set_attribute("error.type", type(failed).__qualname__)
                noted.set_status(Status(StatusCode.ERROR))
        return outcome

    async def _handle(self, taken: Taken, envelope: Envelope, kind: Kind) -> tuple[str, Exception | None]:
        event: msgspec.Struct | None = None
        try:
            async with asyncio.timeout(self._bound.timeout):
                event = await opened(self._service, envelope.content, kind.content, envelope.person)
                with within(self._bound.timeout):
                    await self._run_handlers(taken, kind, event)
        except LostLeaseError as error:
            log.warning("lease lost to another worker", channel=self._channel, event=envelope.id)
            return "lost", error
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is a reason to try again
            return await self._fail(taken, envelope, event, error), error
        return "handled", None

    async def _fail(self, taken: Taken, envelope: Envelope, event: msgspec.Struct | None, error: Exception) -> str:
        from fairway_sdk.personal.sealing import ErasedError

        if event is None and isinstance(error, ErasedError):
            async with self._inbox.handling(taken, self._bound, asked=False):
                return "erased"
        if event is None and isinstance(error, msgspec.DecodeError):
            return await self._park(taken, Failure.of(error, "its content does not fit the event's class"))
        if isinstance(error, NotYetError):
            return await self._wait(taken, error)
        secrets = [envelope.person, *texts(event)]
        if isinstance(error, PoisonError):
            return await self._park(taken, Failure.of(error, "its handler says that no try can succeed", secrets))
        if taken.attempts >= self._bound.retries.tries:
            return await self._park(taken, Failure.of(error, f"it failed {taken.attempts} times", secrets))
        failure = Failure.of(error, "it failed and is tried again", secrets)
        wait = pause(self._bound.retries, taken.attempts)
        await self._inbox.retry(taken, failure, wait)
        log.info("event failed", channel=self._channel, attempt=taken.attempts, error=failure.error, again_in=wait)
        asyncio.get_running_loop().call_later(wait, self._bell.ring)
        return "failed"

    async def _wait(self, taken: Taken, error: NotYetError) -> str:
        if taken.waited >= self._bound.late:
            return await self._park(
                taken, Failure.of(error, f"what it needs did not come within {self._bound.late:g} s")
            )
        failure = Failure.of(error, "what it needs has not come yet")
        wait = patience(self._bound, taken.waited)
        await self._inbox.retry(taken, failure, wait, counted=False)
        log.info("event waits", channel=self._channel, says=failure.message, again_in=wait)
        asyncio.get_running_loop().call_later(wait, self._bell.ring)
        return EARLY

    async def _run_handlers(self, taken: Taken, kind: Kind, event: msgspec.Struct) -> None:
        async with self._inbox.handling(taken, self._bound, asked=kind.transaction) as tx:
            for handler in kind.handlers:
                await (handler.call(event, tx=tx) if handler.transaction else handler.call(event))

    async def _park(self, taken: Taken, failure: Failure) -> str:
        await self._inbox.park(taken, failure)
        log.error("event parked", channel=self._channel, id=taken.id, reason=failure.reason, error=failure.error)
        return "parked"
