"""Pauses that can be ended early, and cancellations that must not get lost."""

import asyncio

from fairway_sdk.clock import Clock


class Nap:
    """The pauses of one loop; waking it before it sleeps is not lost."""

    def __init__(self) -> None:
        self._sleep: asyncio.Task[None] | None = None
        self._woken = False

    def wake(self) -> None:
        """End the pause of now, or the next one."""
        self._woken = True
        if self._sleep is not None:
            self._sleep.cancel()

    async def sleep(self, clock: Clock, seconds: float) -> None:
        """Wait so many seconds on a clock, or until somebody wakes it."""
        if not self._woken:
            self._sleep = asyncio.ensure_future(clock.sleep(seconds))
            try:
                await asyncio.wait({self._sleep})
            finally:
                self._sleep.cancel()
                self._sleep = None
        self._woken = False


def raise_if_cancelled() -> None:
    """Raise the cancellation of the task at hand, where an error of a store's clean-up has taken its place."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
