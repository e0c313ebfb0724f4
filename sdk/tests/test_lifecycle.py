"""The parts of a service: what is started is stopped, whatever a part or a library does."""

import asyncio
from contextlib import suppress

import pytest

from fairway_sdk import lifecycle
from fairway_sdk.lifecycle import Background, Level, Life


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait less."""
    monkeypatch.setattr(lifecycle, "CANCELLED_WITHIN", 0.05)
    monkeypatch.setattr(lifecycle, "UNDONE_WITHIN", 0.2)


async def lose(cancellations: int) -> None:
    """Run on, though cancelled so many times."""
    while cancellations:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        cancellations -= 1
    await asyncio.sleep(60)


class Part:
    """A part with a task of its own."""

    level = Level.STORES

    def __init__(self, name: str, cancellations: int = 0, *, refuses: bool = False) -> None:
        self.name = name
        self.stopped = False
        self.task = Background()
        self._cancellations = cancellations
        self._refuses = refuses

    async def start(self) -> None:
        """Begin, or not."""
        if self._refuses:
            raise LookupError(self.name)
        self.task.start(lose(self._cancellations), self.name)

    async def stop(self) -> None:
        """End."""
        await self.task.stop()
        self.stopped = True

    async def unready(self) -> str | None:
        """Be ready."""
        return None


@pytest.mark.parametrize("cancellations", [0, 1, 2, 10])
async def test_a_task_is_left_behind_when_it_hears_no_cancellation(cancellations: int) -> None:
    """A library may lose one or two; one that loses them all must not hold up the end of everything else."""
    before = asyncio.all_tasks()
    part = Part("store", cancellations)
    await part.start()
    await asyncio.sleep(0)
    async with asyncio.timeout(2):
        await part.stop()
    assert part.stopped
    for _ in range(cancellations):
        for task in asyncio.all_tasks() - before:
            task.cancel()
        await asyncio.sleep(0)


async def test_a_task_that_died_does_not_keep_its_part_from_stopping() -> None:
    """That it died was told when it did."""
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context["part"]))

    async def die() -> None:
        raise LookupError

    part = Part("store")
    part.task.start(die(), "store watcher")
    await asyncio.sleep(0.01)
    await part.stop()
    assert part.stopped
    assert told == ["store watcher"]


async def test_a_start_that_fails_says_why_though_a_part_does_not_stop() -> None:
    """What was up is stopped within a while."""

    class Deaf(Part):
        async def stop(self) -> None:
            await asyncio.sleep(60)

    life, first, deaf = Life(), Part("first"), Deaf("deaf")
    for part in (first, deaf, Part("last", refuses=True)):
        life.add(part)
    async with asyncio.timeout(2):
        with pytest.raises(LookupError, match="last"):
            await life.start()
    assert life.stopping == ["deaf"]
    assert first.stopped
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
