"""What happens to sagas when processes crash, hang, end in good order, or lose their store."""

import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from sdk.tests.sagas.conftest import Order, Placed, Shop, place, until

from fairway_sdk import CompensatedError
from fairway_sdk.configuration.placement import Placement
from fairway_sdk.contract.binding import Retries, Store, Workflow
from fairway_sdk.errors import DeclinedError
from fairway_sdk.sagas.course import Kept
from fairway_sdk.sagas.table import SAGA
from fairway_sdk.testing.crash import Crash, crash_after


def _other(shop: Placed, tmp_path: Path, **sagas: object) -> Placed:
    """Make another replica of a shop, in the same world."""
    store = shop.service.binding.stores["shop"]
    other = place(store, tmp_path, shop.shop, **sagas)
    other.clock.ahead = shop.clock.ahead
    return other


async def _hang(shop: Placed) -> None:
    """Let a process take nothing and renew nothing from now on, as if it were stopped."""
    for loop in shop.service.sagas.part._loops[:2]:  # noqa: SLF001 - there is no public way to be dead
        await loop.stop()


def _with(shop: Placed, workflow: Workflow) -> Placement:
    """Give a shop's placement with other figures for its saga."""
    at = shop.service.placement
    return replace(at, binding=replace(at.binding, workflows={"checkout": workflow}))


async def _row(shop: Placed, name: str = "o1") -> Kept:
    found = await shop.service.sagas.part.log.read(name)
    assert found is not None
    return found


@pytest.mark.parametrize("method", ["reserve", "pay", "confirm"])
async def test_another_replica_finishes_what_a_crash_left(shop: Placed, tmp_path: Path, method: str) -> None:
    """After the lease has ended; the step that crashed runs again, one with a transaction once in effect."""
    other = _other(shop, tmp_path)
    async with shop.service.running():
        with crash_after(shop.service, method) as crashed:
            run = await shop.service.sagas.start(shop.saga, Order("o1"), id="o1")
            await crashed.wait()
        await _hang(shop)
        async with other.service.running():
            other.clock.advance(3)
            assert await run.result(10) == {"order": "o1"}
    twice = ["reserve", "pay", "confirm"]
    twice.insert(twice.index(method), method)
    assert shop.shop.did == twice


@pytest.mark.parametrize("method", ["refund", "release"])
async def test_another_replica_goes_on_undoing(shop: Placed, tmp_path: Path, method: str) -> None:
    """A crash within an undo repeats that undo, and none before it."""
    shop.shop.plans["confirm"] = [DeclinedError("ABORTED", "no")]
    other = _other(shop, tmp_path)
    async with shop.service.running():
        with crash_after(shop.service, method) as crashed:
            run = await shop.service.sagas.start(shop.saga, Order("o1"), id="o1")
            await crashed.wait()
        await _hang(shop)
        async with other.service.running():
            other.clock.advance(3)
            with pytest.raises(CompensatedError, match="no"):
                await run.result(10)
    twice = ["refund", "release"]
    twice.insert(twice.index(method), method)
    assert shop.shop.did == ["reserve", "pay", *twice]


async def test_a_step_that_crashed_is_in_doubt_and_undone_when_its_repetition_is_declined(quick: Placed) -> None:
    """The crash came after the effect: only the undo with None can know."""
    async with quick.service.running():
        with crash_after(quick.service, "pay") as crashed:
            run = await quick.service.sagas.start(quick.saga, Order("o1"), id="o1")
            await crashed.wait()
        quick.shop.plans["pay"] = [DeclinedError("ABORTED", "no")]
        quick.clock.advance(3)
        with pytest.raises(CompensatedError):
            await run.result(10)
    assert quick.shop.did == ["reserve", "pay", "refund nothing", "release"]


async def test_a_lease_that_has_not_ended_is_left_alone(shop: Placed, tmp_path: Path) -> None:
    """Another replica looks and takes nothing."""
    other = _other(shop, tmp_path)
    going = asyncio.Event()

    async def wait() -> None:
        await going.wait()

    shop.shop.plans["pay"] = wait
    async with shop.service.running(), other.service.running():
        run = await shop.service.sagas.start(shop.saga, Order("o1"), id="o1")
        await asyncio.sleep(0.4)
        assert other.service.sagas.part.running("o1") is None
        going.set()
        await run.result(10)
    assert shop.shop.did == ["reserve", "pay", "confirm"]


async def test_the_heartbeat_keeps_a_step_that_is_longer_than_a_lease(
    store: Store, tmp_path: Path, shop: Placed
) -> None:
    """It runs for twice the lease, and another replica never gets it."""
    long = place(store, tmp_path, shop.shop, lease=0.3, look_every=0.05)
    other = place(store, tmp_path, shop.shop, lease=0.3, look_every=0.05)

    async def take_long() -> None:
        await asyncio.sleep(0.45)

    shop.shop.plans |= {"pay": take_long}
    async with long.service.running(), other.service.running():
        run = await long.service.sagas.start(long.saga, Order("o1"), id="o1")
        await run.result(10)
    assert shop.shop.did == ["reserve", "pay", "confirm"]


async def test_who_lost_the_lease_records_nothing(shop: Placed, tmp_path: Path) -> None:
    """A process that hung goes on when another has finished: its answer comes too late to count."""
    shop = place(shop.service.binding.stores["shop"], tmp_path, Shop(timeout=60.0))
    other = _other(shop, tmp_path)
    entered, going = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        entered.set()
        await going.wait()

    shop.shop.plans["pay"] = hang
    async with shop.service.running():
        run = await shop.service.sagas.start(shop.saga, Order("o1"), id="o1")
        await entered.wait()
        await _hang(shop)
        driver, task = shop.service.sagas.part.running("o1") or pytest.fail("it does not run")
        shop.shop.plans.clear()
        async with other.service.running():
            other.clock.advance(3)
            assert await (await other.service.sagas.start(other.saga, Order("o1"), id="o1")).result(10)
            version = (await _row(other)).version
            going.set()
            await asyncio.wait({task}, timeout=5)
            assert task.done()
            assert (await _row(other)).version == version
        assert await run.result(5) == {"order": "o1"}
        assert driver.lease.kept.version < version
    assert shop.shop.did == ["reserve", "pay", "confirm", "pay"]


async def test_a_service_that_ends_finishes_its_step_and_lets_go(shop: Placed, tmp_path: Path) -> None:
    """Another replica takes over at once, without waiting for the lease, and repeats nothing."""
    other = _other(shop, tmp_path)
    entered = asyncio.Event()

    async def slow() -> None:
        entered.set()
        await asyncio.sleep(0.1)

    shop.shop.plans["reserve"] = slow
    async with shop.service.running():
        run = await shop.service.sagas.start(shop.saga, Order("o1"), id="o1")
        await entered.wait()
        await shop.service.sagas.part.stop()
        assert shop.shop.did == ["reserve"]
        row = await shop.service.sagas.part.log.read("o1")
        assert row is not None
        assert (row.owner, row.step) == ("", "pay")
        async with other.service.running():
            assert await run.result(1.5) == {"order": "o1"}
    assert shop.shop.did == ["reserve", "pay", "confirm"]


async def test_a_pause_does_not_delay_the_end_of_a_service(shop: Placed, tmp_path: Path) -> None:
    """A run that waits for its next try lets go at once, with its tries."""
    patient = place(shop.service.binding.stores["shop"], tmp_path, shop.shop, lease=120.0)
    patient.service.place(_with(patient, Workflow(retries=Retries(first_pause=30.0, longest_pause=30.0))))
    shop.shop.plans["reserve"] = [OSError("reset")]
    async with patient.service.running():
        await patient.service.sagas.start(patient.saga, Order("o1"), id="o1")

        async def is_pausing() -> bool:
            return (await _row(patient)).tries == 1

        await until(is_pausing)
        assert patient.service.sagas.part.running("o1") is not None
        async with asyncio.timeout(5):
            await patient.service.sagas.part.stop()
        row = await _row(patient)
        assert (row.owner, row.tries) == ("", 1)


async def test_a_crash_does_not_forget_how_often_a_step_was_tried(quick: Placed) -> None:
    """Two tries before the crash and one after it use up three."""
    quick.shop.plans["reserve"] = [OSError("reset")] * 3
    calls = 0

    async def fail() -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise Crash
        raise OSError("reset")

    quick.shop.plans["reserve"] = fail
    async with quick.service.running():
        run = await quick.service.sagas.start(quick.saga, Order("o1"), id="o1")

        async def tried_twice() -> bool:
            return calls == 3 and (await _row(quick)).tries == 2

        await until(tried_twice)
        quick.clock.advance(3)
        with pytest.raises(CompensatedError):
            await run.result(10)
        assert calls == 4


async def test_a_long_pause_holds_no_run_in_the_process(store: Store, tmp_path: Path, shop: Placed) -> None:
    """The row says when to go on, and whoever looks then takes it."""
    slow = place(store, tmp_path, shop.shop)
    slow.service.place(_with(slow, Workflow(retries=Retries(tries=2, first_pause=3600.0, longest_pause=3600.0))))
    shop.shop.plans["reserve"] = [OSError("reset")]
    async with slow.service.running():
        run = await slow.service.sagas.start(slow.saga, Order("o1"), id="o1")

        async def is_let_go() -> bool:
            return slow.service.sagas.part.running("o1") is None and (await _row(slow)).owner == ""

        await until(is_let_go)
        with pytest.raises(TimeoutError):
            await run.result(0.3)
        slow.clock.advance(3600)
        assert await run.result(10) == {"order": "o1"}


async def test_a_service_is_ready_once_it_has_looked_for_what_was_left(shop: Placed) -> None:
    """Before the first look that succeeds it takes no work: here its table is missing for a while."""
    async with shop.service.running():
        part = shop.service.sagas.part

        async def is_ready() -> bool:
            return await part.unready() is None

        async def is_told() -> bool:
            return "its store does not answer" in (await part.unready() or "")

        await until(is_ready)
        async with shop.service.sql().connection() as connection:
            await connection.execute(sa.text(f"alter table {SAGA.name} rename to elsewhere"))
    async with shop.service.running():
        await until(is_told)
        async with shop.service.sql().connection() as connection:
            await connection.execute(sa.text(f"alter table elsewhere rename to {SAGA.name}"))
        await until(is_ready)
