"""The clock that a test moves: who sleeps wakes when its time has come, and not before."""

import asyncio
import time

import pytest

from fairway_sdk.testing.clock import ManualClock


async def test_hours_pass_in_a_moment() -> None:
    """Sleepers wake at their time on this clock, each for itself."""
    clock, woken = ManualClock(), []

    async def sleep(seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append(seconds)

    tasks = [asyncio.create_task(sleep(seconds)) for seconds in (60.0, 3600.0)]
    begun, before = time.monotonic(), clock.now()
    await asyncio.sleep(0)
    clock.advance(600)
    await asyncio.wait(tasks, timeout=1, return_when=asyncio.FIRST_COMPLETED)
    assert woken == [60.0]
    clock.advance(3000)
    await asyncio.gather(*tasks)
    assert woken == [60.0, 3600.0]
    assert clock.now() - before > 3600
    assert time.monotonic() - begun < 5


async def test_time_passes_by_itself_too() -> None:
    """A short pause needs nobody's help."""
    async with asyncio.timeout(5):
        await ManualClock().sleep(0.01)


def test_a_clock_never_goes_back() -> None:
    """Leases and orders rest on that."""
    with pytest.raises(ValueError, match="forward only"):
        ManualClock().advance(-1)
