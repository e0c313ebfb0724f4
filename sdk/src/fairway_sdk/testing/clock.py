"""A clock moved by hand: pauses of hours pass in a test's moment, in the process and in the store alike."""

import asyncio
import contextlib

from fairway_sdk.clock import Clock


class ManualClock(Clock):
    """The system's clock, which a test moves forward: `service.clock = ManualClock()` before the service starts.

    Time passes by itself, too, so what waits for a short pause needs no help.
    """

    def __init__(self, ahead: float = 0.0) -> None:
        self.ahead = ahead
        self._sleepers: set[asyncio.Future[None]] = set()

    def advance(self, seconds: float) -> None:
        """Move the clock forward and wake whoever has slept long enough by now; it never goes back."""
        if seconds < 0:
            raise ValueError(f"a clock goes forward only, not {seconds:g} seconds.")
        self.ahead += seconds
        for sleeper in self._sleepers:
            if not sleeper.done():
                sleeper.set_result(None)

    async def sleep(self, seconds: float) -> None:
        """Wait until so many seconds have passed on this clock."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self.ahead + seconds
        await asyncio.sleep(0)
        while (left := until - loop.time() - self.ahead) > 0:
            sleeper: asyncio.Future[None] = loop.create_future()
            self._sleepers.add(sleeper)
            try:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(sleeper, left)
            finally:
                self._sleepers.discard(sleeper)
