"""The one way out: every call to another service passes its deadline, limit, breaker and retries here."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Final, TypeVar

import structlog
from opentelemetry.trace import SpanKind

from fairway_sdk.calls import metrics
from fairway_sdk.calls.backoff import pause
from fairway_sdk.calls.breaker import CLOSED, OPEN, Breaker
from fairway_sdk.calls.deadline import remaining
from fairway_sdk.calls.failures import CallError, DeadlineError, DeclinedCallError
from fairway_sdk.calls.limit import Limit
from fairway_sdk.clock import Clock
from fairway_sdk.contract.binding import Call
from fairway_sdk.telemetry.traces import span

log = structlog.get_logger("fairway")
T = TypeVar("T")

FAIR_SHARE: Final = 0.5  # of the declared timeout: who had less than this before our caller's time was up is not blamed


class Guard:
    """What stands before one callee: shared by all clients of the service for it.

    A try is a function of the seconds it has. It raises `DeclinedCallError` where the callee's answer is no,
    `DeadlineError` where none came in time, another `CallError` where none will come; anything else is a fault of our
    own, from which nothing is learnt about the callee.
    """

    def __init__(self, callee: str, bound: Call, clock: Clock) -> None:
        self.callee = callee
        self.bound = bound
        self.limit = Limit(callee, bound.at_once)
        self.breaker = Breaker(callee, bound.breaker, clock, self._changed)
        self._clock = clock
        self._tries = bound.retries.tries if bound.idempotent and bound.retries else 1
        self._fair = bound.timeout * FAIR_SHARE
        self._attributes = {"rpc.system.name": bound.protocol, "peer.service": callee}
        self._durations = {
            outcome: metrics.DURATION.labels(callee, outcome)
            for outcome in ("ok", "error", "timeout", "cancelled", "refused", "open")
        }
        metrics.ACTIVE.labels(callee).set_function(lambda: self.limit.active)
        metrics.BREAKER.labels(callee).set_function(lambda: self.breaker.state)

    async def run(self, name: str, attempt: Callable[[float], Awaitable[T]], seconds: float | None = None) -> T:
        """Make a call, again where a failure allows it; `seconds` may only shorten what is declared."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        outcome = "cancelled"
        try:
            until = began + self._seconds(seconds)
            self.limit.enter()
            try:
                with span(name, SpanKind.CLIENT, attributes=self._attributes):
                    made = 0
                    while True:
                        given = self.breaker.enter()
                        left = until - loop.time()
                        try:
                            answer = await attempt(left)
                        except BaseException as error:
                            made += 1
                            rest = self._after(error, given, left, made)
                            if rest is None or loop.time() + rest >= until:
                                raise
                        else:
                            break
                        metrics.RETRIES.labels(self.callee).inc()
                        await self._clock.sleep(rest)
            finally:
                self.limit.leave()
            self.breaker.succeeded(given)
            outcome = "ok"
        except (CallError, DeclinedCallError) as error:
            outcome = error.outcome
            raise
        except Exception:
            outcome = "error"
            raise
        finally:
            self._durations[outcome].observe(loop.time() - began)
        return answer

    async def stream(
        self, name: str, opened: Callable[[float], AsyncGenerator[T, None]], seconds: float | None = None
    ) -> AsyncGenerator[T, None]:
        """Make a call that answers with many messages; it is never made twice, and its timeout covers all of it.

        `opened` sends the call before it returns what reads the messages.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        outcome = "cancelled"
        given = -1
        try:
            limit = self._seconds(seconds)
            self.limit.enter()
            try:
                given = self.breaker.enter()
                # The span covers the opening alone: around a yield it would be the current one of whoever reads.
                with span(name, SpanKind.CLIENT, attributes=self._attributes):
                    messages = opened(limit)
                async with aclosing(messages):
                    async for message in messages:
                        self.breaker.succeeded(given)
                        yield message
                self.breaker.succeeded(given)
                outcome = "ok"
            finally:
                self.limit.leave()
        except (CallError, DeclinedCallError) as error:
            outcome = error.outcome
            if given >= 0:
                self._judge(error, given, limit)
            raise
        except BaseException as error:
            if isinstance(error, Exception):
                outcome = "error"
            self.breaker.left(given)
            raise
        finally:
            self._durations[outcome].observe(loop.time() - began)

    def _seconds(self, wished: float | None) -> float:
        """Give the seconds the whole call has: the least of what is declared, wished for, and left."""
        limit = self.bound.timeout
        if wished is not None and wished < limit:
            limit = wished
        left = remaining()
        if left is not None and left < limit:
            limit = left
        if limit <= 0:
            raise DeadlineError(self.callee, "is not asked: no time is left", counts=False)
        return limit

    def _after(self, error: BaseException, given: int, had: float, made: int) -> float | None:
        """Tell the breaker of a failed try, and give the pause before another one; none where none is worth it."""
        if not isinstance(error, CallError | DeclinedCallError):
            self.breaker.left(given)
            return None
        self._judge(error, given, had)
        if made >= self._tries or not isinstance(error, CallError) or not error.again or self.breaker.state != CLOSED:
            return None
        assert self.bound.retries
        return pause(self.bound.retries, made)

    def _judge(self, error: CallError | DeclinedCallError, given: int, had: float) -> None:
        """Tell the breaker. A no is an answer, and so is a failure that is not the callee's.

        A callee that hangs is to blame for running out of time, and one that was given a moment only, since our own
        caller's time was nearly up, is not: with less than half of the declared timeout nothing is learnt. A hanging
        callee still opens the breaker as long as callers bring that half.
        """
        if isinstance(error, DeadlineError) and had < self._fair:
            self.breaker.left(given)
        elif isinstance(error, CallError) and error.counts:
            self.breaker.failed(given)
        else:
            self.breaker.succeeded(given)

    def _changed(self, before: float, state: float) -> None:
        if before == CLOSED:
            bound = self.bound.breaker
            log.warning("breaker opened", callee=self.callee, failures=bound.failures, pause=bound.pause)
        elif state == CLOSED:
            log.info("breaker closed", callee=self.callee)
        elif state == OPEN:
            log.debug("breaker stays open", callee=self.callee)
