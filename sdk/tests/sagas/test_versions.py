"""Code that changes between a crash and the recovery: names are the contract with runs that are under way."""

import asyncio
import types
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from sdk.tests.sagas.conftest import Order, make_tables, placement

from fairway_sdk import CompensatedError, Saga, Service, StuckError, step
from fairway_sdk.contract.binding import Store
from fairway_sdk.errors import DeclinedError
from fairway_sdk.sagas import metrics
from fairway_sdk.sagas.course import STUCK
from fairway_sdk.sagas.operations import OperationError, resume
from fairway_sdk.sagas.table import SAGA
from fairway_sdk.stores.sql import SqlStore
from fairway_sdk.testing.clock import ManualClock
from fairway_sdk.testing.crash import Crash


class World:
    """What the steps did, and where the old code crashes."""

    def __init__(self) -> None:
        self.did: list[str] = []
        self.crash_in = "b"
        self.decline_in = ""

    def act(self, name: str) -> None:
        """Do what a step does."""
        if name == self.crash_in:
            raise Crash
        if name == self.decline_in:
            raise DeclinedError("ABORTED", "no")
        self.did.append(name)


def _step(world: World, name: str, *, undone: bool = True) -> dict[str, Any]:
    async def act(_self: object, _order: Order) -> str:
        world.act(name)
        return name

    async def undo(_self: object, _order: Order, result: str | None) -> None:
        world.act(f"undo {result or 'nothing of ' + name}")

    act.__name__ = name
    if not undone:
        return {name: step(undo=None)(act)}
    return {name: step(undo=f"undo_{name}")(act), f"undo_{name}": undo}


def _saga(*steps: dict[str, Any], name: str = "checkout") -> type[Saga[Order]]:
    members = {key: value for each in steps for key, value in each.items()} | {"name": name}
    return types.new_class("Checkout", (Saga[Order],), {}, lambda namespace: namespace.update(members))


def _service(store: Store, folder: Path, saga: type[Saga[Order]], ahead: float) -> Service:
    service = Service("shop")
    service.clock = ManualClock(ahead)
    service.saga(saga)
    service.place(placement(store, folder))
    return service


@pytest.fixture
async def file(tmp_path: Path) -> Store:
    """Give a store; what this is about does not differ between stores."""
    store = Store(kind="sqlite", database=str(tmp_path / "shop.db"))
    await make_tables(store, tmp_path)
    return store


async def _change(file: Store, folder: Path, world: World, old: type[Saga[Order]], new: type[Saga[Order]]) -> object:
    """Begin a saga with old code, which crashes, and end it with new code."""
    before = _service(file, folder, old, 0.0)
    async with before.running():
        await before.sagas.start(old, Order("o1"), id="o1")
        await asyncio.sleep(0.1)
    world.crash_in = ""
    after = _service(file, folder, new, 10.0)
    async with after.running():
        run = await after.sagas.start(new, Order("o1"), id="o1")
        return await run.result(5)


async def test_a_step_that_came_in_between_runs(file: Store, tmp_path: Path) -> None:
    """It is not done yet, so it is the next, whatever came before it in the log."""
    world = World()
    a, b, c = (_step(world, name) for name in "abc")
    assert await _change(file, tmp_path, world, _saga(a, b), _saga(c, a, b)) == "b"
    assert world.did == ["a", "c", "b"]


async def test_a_step_that_went_before_its_turn_is_not_missed(file: Store, tmp_path: Path) -> None:
    """The new code ends where it ends."""
    world = World()
    a, b, c = (_step(world, name) for name in "abc")
    assert await _change(file, tmp_path, world, _saga(a, b, c), _saga(a, b)) == "b"
    assert world.did == ["a", "b"]


async def test_steps_that_change_places_run_once_each(file: Store, tmp_path: Path) -> None:
    """Names decide what was done, and the log in which order it is undone."""
    world = World()
    a, b, c = (_step(world, name) for name in "abc")
    world.crash_in, world.decline_in = "b", "c"
    with pytest.raises(CompensatedError):
        await _change(file, tmp_path, world, _saga(a, b, c), _saga(b, a, c))
    assert world.did == ["a", "b", "undo b", "undo a"]


async def test_going_on_forwards_needs_no_step_that_was_done_and_has_gone(file: Store, tmp_path: Path) -> None:
    """Its effect is there, and nothing is to be undone."""
    world = World()
    a, b = (_step(world, name) for name in "ab")
    assert await _change(file, tmp_path, world, _saga(a, b), _saga(b)) == "b"


async def test_a_done_step_that_has_gone_and_must_be_undone_is_a_matter_for_people(file: Store, tmp_path: Path) -> None:
    """It is stuck with a clear reason, and goes on once the code has the step again."""
    world = World()
    a, b = (_step(world, name) for name in "ab")
    world.decline_in = "b"
    with pytest.raises(StuckError, match="step 'a' was done, and the code no longer has the step"):
        await _change(file, tmp_path, world, _saga(a, b), _saga(b))
    again = _service(file, tmp_path, whole := _saga(a, b), 20.0)
    async with again.running():
        await resume(again.sagas.part.log, "o1")
        run = await again.sagas.find(whole, "o1")
        assert run is not None
        with pytest.raises(CompensatedError, match="no"):
            await run.result(5)
    assert world.did == ["a", "undo nothing of b", "undo a"]


async def test_a_done_step_that_lost_its_undo_is_a_matter_for_people(file: Store, tmp_path: Path) -> None:
    """Nobody decides silently that nothing is to be undone."""
    world = World()
    world.decline_in = "b"
    old = _saga(_step(world, "a"), _step(world, "b"))
    with pytest.raises(StuckError, match="step 'a' was done, and the code no longer has its undo 'undo_a'"):
        await _change(file, tmp_path, world, old, _saga(_step(world, "a", undone=False), _step(world, "b")))


async def test_an_undo_that_came_later_is_used(file: Store, tmp_path: Path) -> None:
    """The step was done without one; the code of now knows better."""
    world = World()
    world.decline_in = "b"
    old = _saga(_step(world, "a", undone=False), _step(world, "b"))
    with pytest.raises(CompensatedError):
        await _change(file, tmp_path, world, old, _saga(_step(world, "a"), _step(world, "b")))
    assert world.did == ["a", "undo nothing of b", "undo a"]


async def test_a_step_that_crashed_and_has_gone_is_a_matter_for_people(file: Store, tmp_path: Path) -> None:
    """It may have been done, and nobody knows how it would be undone."""
    world = World()
    a, b, c = (_step(world, name) for name in "abc")
    with pytest.raises(StuckError, match="step 'b' may have been done, and the code no longer has it"):
        await _change(file, tmp_path, world, _saga(a, b), _saga(a, c))


async def test_an_input_that_no_longer_fits_is_a_matter_for_people(file: Store, tmp_path: Path) -> None:
    """A new field without a default is the author's mistake, and no saga is lost by it."""

    class NewOrder(Struct, frozen=True):
        id: str
        colour: str

    world = World()
    before = _service(file, tmp_path, old := _saga(_step(world, "a"), _step(world, "b")), 0.0)
    async with before.running():
        await before.sagas.start(old, Order("o1"), id="o1")
        await asyncio.sleep(0.1)

    class Checkout(Saga[NewOrder]):
        @step(undo=None)
        async def a(self, order: NewOrder) -> None: ...

    after = Service("shop")
    after.clock = ManualClock(10.0)
    after.saga(Checkout)
    after.place(placement(file, tmp_path))
    async with after.running():
        await asyncio.sleep(0.3)
        kept = await after.sagas.part.log.read("o1")
        assert kept is not None
        assert kept.state == STUCK
        assert "its input does not fit the code of now" in kept.trouble
        assert "colour" in kept.trouble


async def test_a_log_that_cannot_be_read_keeps_no_other_saga_from_its_end(file: Store, tmp_path: Path) -> None:
    """It may be newer code's, or damaged: it is stuck, is listed, and no operator writes over it by this code."""
    world = World()
    saga = _saga(_step(world, "a"), _step(world, "b"))
    first = _service(file, tmp_path, saga, 0.0)
    async with first.running():
        for name in ("o1", "o2", "o3"):
            await first.sagas.start(saga, Order(name), id=name)
        await asyncio.sleep(0.1)
    store = first.stores.open()[0]
    assert isinstance(store, SqlStore)
    async with store.connection() as connection:
        await connection.execute(SAGA.update().where(SAGA.c.id == "o1").values(log='[{"step":7}]'))
    await store.stop()
    world.crash_in = ""
    second = _service(file, tmp_path, saga, 100.0)
    async with second.running():
        for name in ("o2", "o3"):
            run = await second.sagas.find(saga, name)
            assert run is not None
            assert await run.result(5) == "b"
        (seen,) = await second.sagas.part.log.seen(states=[STUCK])
        assert (seen.kept.id, seen.readable) == ("o1", False)
        with pytest.raises(OperationError, match="cannot be read by this code"):
            await resume(second.sagas.part.log, "o1")


async def test_a_saga_that_no_replica_knows_is_left_alone_and_told_as_stuck(file: Store, tmp_path: Path) -> None:
    """An old replica beside a new one takes nothing from it; if no newer one comes, an operator hears of it."""
    world = World()
    new = _saga(_step(world, "a"), _step(world, "b"), name="checkout")
    before = _service(file, tmp_path, new, 0.0)
    async with before.running():
        await before.sagas.start(new, Order("o1"), id="o1")
        await asyncio.sleep(0.1)
    after = _service(file, tmp_path, _saga(_step(world, "a"), name="other"), 2000.0)
    async with after.running():
        await asyncio.sleep(0.4)
        kept = await after.sagas.part.log.read("o1")
        assert kept is not None
        assert (kept.state, kept.step) == ("running", "b")
        assert metrics.UNDER_WAY.labels("checkout", "stuck")._value.get() == 1  # noqa: SLF001 - as it is exported
        assert metrics.UNDER_WAY.labels("checkout", "running")._value.get() == 0  # noqa: SLF001 - likewise
        assert metrics.OLDEST.labels("checkout", "stuck")._value.get() > 1900  # noqa: SLF001 - likewise
    assert world.did == ["a"]
