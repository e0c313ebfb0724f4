"""Leaves a callee alone that fails again and again, then lets exactly one call through to see.

closed  --so many failures in a row-->  open  --after the pause, with the next call-->  trial  --success-->  closed
                                        open  <--------------------------failure------  trial

It lives in the process: no call pays for a round trip to a shared store, and a store that is down stops nobody.
"""

from collections.abc import Callable
from typing import Final

from fairway_sdk.calls.failures import BreakerOpenError
from fairway_sdk.clock import Clock
from fairway_sdk.contract.binding import Breaker as Bound

CLOSED: Final = 0.0  # the values are those of the metric
TRIAL: Final = 0.5
OPEN: Final = 1.0


class Breaker:
    """One callee's breaker. Each call enters, and then says how it went with the pass it was given.

    A pass is good for one state: a slow call that began before the breaker opened says nothing about how the callee is
    now, so its result no longer counts.
    """

    __slots__ = ("_bound", "_callee", "_changed", "_clock", "_failures", "_opened", "_pass", "state")

    def __init__(self, callee: str, bound: Bound, clock: Clock, changed: Callable[[float, float], None]) -> None:
        """Start closed; `changed` is told each change of state, from and to."""
        self.state = CLOSED
        self._callee = callee
        self._bound = bound
        self._clock = clock
        self._changed = changed
        self._failures = 0
        self._opened = 0.0
        self._pass = 0

    def enter(self) -> int:
        """Let a call through and give its pass, or raise `BreakerOpenError` at once."""
        if self.state == CLOSED:
            return self._pass
        wait = 0.0
        if self.state == OPEN:
            since = self._clock.now() - self._opened
            if (
                not 0 <= since < self._bound.pause
            ):  # a clock set back ends the pause: better one call than none for ever
                self._turn(TRIAL)
                return self._pass
            wait = self._bound.pause - since
        raise BreakerOpenError(self._callee, wait)

    def succeeded(self, given: int) -> None:
        """Note that the callee answered."""
        if given == self._pass:
            self._failures = 0
            if self.state == TRIAL:
                self._turn(CLOSED)

    def failed(self, given: int) -> None:
        """Note that it did not."""
        if given == self._pass:
            self._failures += 1
            if self.state == TRIAL or self._failures >= self._bound.failures:
                self._opened = self._clock.now()
                self._turn(OPEN)

    def left(self, given: int) -> None:
        """Note that nothing was learnt: the call was cancelled. If it was the trial, the next call is."""
        if given == self._pass and self.state == TRIAL:
            self._turn(OPEN)

    def _turn(self, state: float) -> None:
        before, self.state = self.state, state
        self._pass += 1
        self._failures = 0
        self._changed(before, state)
