"""The parts of a running service: started upwards, stopped downwards, asked whether they are ready."""

import asyncio
from collections.abc import Coroutine
from enum import IntEnum
from typing import Protocol, runtime_checkable

import structlog

log = structlog.get_logger("fairway")

CHECKED_WITHIN = 1.0  # seconds a part has to say whether it is ready
CANCELLED_WITHIN = 2.0  # seconds a task has to clean up before it is cancelled again
CANCELLED_TIMES = 3  # then it is left behind: a driver that loses each cancellation must not hold up the end
UNDONE_WITHIN = 5.0  # seconds for the parts that are up, when a start has failed: no work is in flight yet
CHECKED_EVERY = 0.5  # seconds an answer holds: probes of many kinds ask at once


class Level(IntEnum):
    """What must be up before what; stopping goes the other way."""

    TELEMETRY = 0
    STORES = 1
    KEYS = 2
    BROKER = 3
    CALLS = 4
    SAGAS = 5
    EVENTS = 6
    SERVERS = 7


@runtime_checkable
class Part(Protocol):
    """Something with a life of its own inside a service.

    `start` returns soon and waits for nothing outside the process: a store that is down makes the service unready,
    it does not stop it from starting. `stop` finishes what is in flight. `unready` gives the reason, or none.
    """

    name: str
    level: Level

    async def start(self) -> None:
        """Begin."""

    async def stop(self) -> None:
        """Finish what is in flight, and let go of everything."""

    async def unready(self) -> str | None:
        """Say why no work should come now; none when it may."""


class Life:
    """All parts of one service and the state they are in together."""

    def __init__(self) -> None:
        self._parts: list[Part] = []
        self._up: list[Part] = []
        self.started = False
        self.draining = False
        self._answer: tuple[float, dict[str, str]] | None = None
        self._asking = asyncio.Lock()
        self._stopping: set[str] = set()

    def add(self, part: Part) -> None:
        """Take a part in; only before the start."""
        if self.started:
            raise RuntimeError(
                f"{part.name}: a running service takes no new parts. Declare it where the service is made."
            )
        self._parts.append(part)

    async def start(self) -> None:
        """Start the parts by level; when one fails, stop those that are up and let the error through."""
        for part in sorted(self._parts, key=lambda part: part.level):
            try:
                await part.start()
            except BaseException:
                await self._undo()
                raise
            self._up.append(part)
        self.started = True

    async def stop(self) -> None:
        """Stop the parts that are up, the last first; one that fails to stop does not keep the others."""
        self.draining = True
        while self._up:
            together = [part for part in self._up if part.level == self._up[-1].level]
            del self._up[-len(together) :]
            await asyncio.gather(*(self._stop(part) for part in together))  # the servers share one time to drain
        self.started = False

    @property
    def stopping(self) -> list[str]:
        """Name the parts that are being stopped and have not ended yet."""
        return sorted(self._stopping)

    async def unready(self) -> dict[str, str]:
        """Give the reason of each part that wants no work now; empty when the service is ready."""
        if self.draining:
            return {"service": "it is ending and takes no new work"}
        if not self.started:
            return {"service": "it is starting"}
        loop = asyncio.get_running_loop()
        async with self._asking:
            if self._answer is None or loop.time() - self._answer[0] > CHECKED_EVERY:
                reasons = await asyncio.gather(*(_reason(part) for part in self._up))
                found = {part.name: reason for part, reason in zip(self._up, reasons, strict=True) if reason}
                self._answer = (loop.time(), found)
            return self._answer[1]

    async def _undo(self) -> None:
        """Stop what is up after a start that failed; what does not stop must not hide why it failed."""
        ending = asyncio.create_task(self.stop(), name="undo the start")
        _, late = await asyncio.wait({ending}, timeout=UNDONE_WITHIN)
        if late:
            log.error("parts did not stop after the start had failed", parts=self.stopping)

    async def _stop(self, part: Part) -> None:
        self._stopping.add(part.name)
        try:
            await part.stop()
        except Exception:
            log.exception("part did not stop cleanly", part=part.name)
        finally:
            self._stopping.discard(part.name)


async def _reason(part: Part) -> str | None:
    try:
        async with asyncio.timeout(CHECKED_WITHIN):
            return await part.unready()
    except TimeoutError:
        return f"it gave no answer within {CHECKED_WITHIN:g} s"
    except Exception as error:  # noqa: BLE001 - whatever a part raises is its reason
        return f"{type(error).__name__}: {error}"


class Background:
    """One task that runs until it is told to stop; a part is often this and little more."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    def start(self, coroutine: Coroutine[object, object, None], name: str) -> None:
        """Run a coroutine beside everything else."""
        self._task = asyncio.create_task(coroutine, name=name)
        self._task.add_done_callback(tell_death)

    @property
    def running(self) -> bool:
        """Tell whether it still runs: a task that died makes its part unready."""
        return self._task is not None and not self._task.done()

    async def stop(self) -> None:
        """Cancel it and wait until it has gone; one that does not go is left behind, and told of.

        How it died, if it did, was told when it did: whoever stops it has more to stop.
        """
        if self._task is None:
            return
        for _ in range(CANCELLED_TIMES):
            if self._task.done():
                break
            self._task.cancel()
            await asyncio.wait([self._task], timeout=CANCELLED_WITHIN)  # a library may lose it: it is asked again
        if not self._task.done():
            log.error("a task does not end, however often it is cancelled", task=self._task.get_name())
        self._task = None


def tell_death(task: asyncio.Task[None]) -> None:
    """Tell the event loop of a task that died: a process that lost a part of itself ends, see `process`."""
    if not task.cancelled() and (error := task.exception()) is not None:
        task.get_loop().call_exception_handler(
            {"message": f"a part's own task died: {task.get_name()}", "exception": error, "part": task.get_name()}
        )
