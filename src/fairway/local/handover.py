"""How one run of a process follows another without a gap: the old one goes on until the new one is ready."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from fairway.local.processes import Child, ProcessSpec, end_group, stop
from fairway.local.state import Register

LOOKED_AT_EVERY: Final = 0.1  # seconds


class Handover:
    """The old runs of one process: those that still answer in place of the new one, and those that leave."""

    def __init__(self, spec: ProcessSpec, ending: Callable[[], bool]) -> None:
        """Take what runs, and who tells that nobody will send to it any more."""
        self._spec = spec
        self._ending = ending
        self._answering: list[tuple[Child, asyncio.Future[int]]] = []
        self._leaving: dict[asyncio.Task[None], Child] = {}

    def __contains__(self, child: Child) -> bool:
        """Tell whether this run goes on for a while."""
        return any(child is one for one, _ in self._answering)

    @property
    def answers(self) -> bool:
        """Tell whether an old run does the work of the new one until that is ready."""
        return any(not exit_.done() for _, exit_ in self._answering)

    @property
    def pids(self) -> list[int]:
        """Name the old processes that are still there."""
        answering = [child.pid for child, exit_ in self._answering if not exit_.done()]
        return answering + [child.pid for child in self._leaving.values()]

    def keep(self, child: Child, exit_: "asyncio.Future[int]") -> None:
        """Let a run go on."""
        self._answering.append((child, exit_))

    def let_go(self, register: Register, after: float) -> None:
        """End the old runs once nobody sends to them any more: in so many seconds."""
        while self._answering:
            child, exit_ = self._answering.pop()
            task = asyncio.create_task(self._end(child, exit_, after, register))
            self._leaving[task] = child
            task.add_done_callback(self._leaving.pop)

    async def over(self, register: Register) -> None:
        """End all old runs now, and wait until they are gone."""
        self.let_go(register, 0.0)
        await asyncio.gather(*self._leaving)

    async def _end(self, child: Child, exit_: "asyncio.Future[int]", after: float, register: Register) -> None:
        end = time.monotonic() + after
        while time.monotonic() < end and not exit_.done() and not self._ending():  # noqa: ASYNC110 - three may end it
            await asyncio.sleep(LOOKED_AT_EVERY)
        if not exit_.done():
            await stop(child, self._spec)
        await end_group(child.pid)
        register.remove(child.pid)
