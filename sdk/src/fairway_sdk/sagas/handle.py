"""A saga in the hands of its starter: its id, where it stands, and its end."""

import asyncio
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.exc import SQLAlchemyError

from fairway_sdk.errors import UnavailableError
from fairway_sdk.sagas.course import ABANDONED, COMPENSATED, COMPLETED, STUCK, Kept
from fairway_sdk.sagas.definition import Definition
from fairway_sdk.sagas.errors import AbandonedError, CompensatedError, StuckError
from fairway_sdk.sagas.nap import raise_if_cancelled
from fairway_sdk.sagas.values import Values

if TYPE_CHECKING:
    from fairway_sdk.sagas.orchestrator import Orchestrator

FIRST_LOOK: Final = 0.02  # seconds; doubled up to the last, while another process has the saga
LAST_LOOK: Final = 1.0


class Run:
    """One started saga. It goes on whether or not anybody waits for it."""

    def __init__(self, part: "Orchestrator", values: Values, definition: Definition, identity: str) -> None:
        self.id = identity
        self._part = part
        self._values = values
        self._definition = definition
        self._running = part.running(identity)

    @property
    def saga(self) -> str:
        """The saga's name."""
        return self._definition.name

    async def state(self) -> str:
        """Tell where it stands: running, compensating, completed, compensated, stuck or abandoned."""
        return (await self._kept()).state

    async def result(self, timeout: float | None = None) -> Any:  # noqa: ASYNC109 - the saga goes on without us
        """Wait for the end, and give the result of the last step, wherever the saga runs.

        `CompensatedError`, `StuckError` and `AbandonedError` tell the step and the reason of another end; a
        `TimeoutError` only that nobody waits any more.
        """
        async with asyncio.timeout(timeout):
            look = FIRST_LOOK
            while True:
                if self._running is not None:
                    await asyncio.wait({self._running[1]})
                try:
                    kept = await self._kept()
                except (SQLAlchemyError, OSError, UnavailableError):
                    raise_if_cancelled()  # else: a store that is away comes back, and the saga with it
                else:
                    if kept.ended or kept.state == STUCK:
                        return await self._end(kept)
                self._running = self._part.running(self.id)
                if self._running is None:
                    await self._part.clock.sleep(look)
                    look = min(LAST_LOOK, look * 2)

    async def _kept(self) -> Kept:
        if self._running is not None and self._running[0].lease.kept.ended:
            return self._running[0].lease.kept
        kept = await self._part.read(self.id)
        if kept is None:
            raise LookupError(f"saga '{self.saga}': '{self.id}' ended so long ago that it is forgotten.")
        return kept

    async def _end(self, kept: Kept) -> Any:
        if kept.state == COMPLETED:
            entry = next(entry for entry in reversed(kept.log) if entry.done)
            return await self._values.read_result(self._definition.steps.get(entry.step), entry, kept.person)
        if kept.state == COMPENSATED:
            raise CompensatedError(kept.id, kept.saga, kept.failed, kept.reason)
        if kept.state == ABANDONED:
            raise AbandonedError(kept.id, kept.saga, kept.failed, kept.reason or kept.trouble)
        raise StuckError(kept.id, kept.saga, kept.failed, kept.trouble)
