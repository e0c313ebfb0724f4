"""Something done again and again until a service ends; it ends between two turns, not within one."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final

from fairway_sdk.clock import Clock
from fairway_sdk.lifecycle import tell_death
from fairway_sdk.sagas.nap import Nap

PATIENCE: Final = 5.0  # seconds for the turn of now, when told to end


class Loop:
    """One task that takes its turns, with pauses of a random part so that replicas part."""

    def __init__(self, turn: Callable[[], Awaitable[None]], every: float, clock: Clock, name: str) -> None:
        self._turn = turn
        self._every = every
        self._clock = clock
        self._nap = Nap()
        self._ending = False
        self._task = asyncio.create_task(self._run(), name=name)
        self._task.add_done_callback(tell_death)

    @property
    def running(self) -> bool:
        """Tell whether it still takes turns."""
        return not self._task.done()

    def hurry(self) -> None:
        """Take the next turn now."""
        self._nap.wake()

    async def stop(self) -> None:
        """End after the turn of now: a driver of a store that is cut short may leave its connection open."""
        self._ending = True
        self._nap.wake()
        await asyncio.wait({self._task}, timeout=PATIENCE)
        self._task.cancel()
        await asyncio.wait({self._task}, timeout=PATIENCE)  # how it died, if it did, was told then

    async def _run(self) -> None:
        while not self._ending:
            await self._turn()
            if not self._ending:
                await self._nap.sleep(self._clock, self._every * random.uniform(0.5, 1.0))  # noqa: S311 - spreads load
