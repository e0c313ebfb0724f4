"""The time of now, which a test may move: nothing of the SDK asks the system for it in any other way."""

import asyncio
import time


class Clock:
    """The system's clock, so many seconds ahead of it: none in production."""

    ahead: float = 0.0

    def now(self) -> float:
        """Give the seconds since the epoch."""
        return time.time() + self.ahead

    async def sleep(self, seconds: float) -> None:
        """Wait; a clock of a test may end the waiting."""
        await asyncio.sleep(seconds)
