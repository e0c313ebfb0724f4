"""Two replicas, random failures and crashes at every boundary: each saga ends, and the world agrees with its end."""

import asyncio
from collections import defaultdict
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sdk.tests.sagas.conftest import Order, make_tables

from fairway_sdk import AbandonedError, CompensatedError, Saga, Service, StuckError, step
from fairway_sdk.configuration.placement import Placement
from fairway_sdk.configuration.secrets import Secrets
from fairway_sdk.configuration.values import Values
from fairway_sdk.contract.binding import Binding, Retries, Sagas, Store, Workflow
from fairway_sdk.errors import DeclinedError
from fairway_sdk.testing.clock import ManualClock
from fairway_sdk.testing.crash import Crash

STEPS: Final = ("reserve", "pay", "ship")
QUICK: Final = Retries(tries=3, first_pause=0.001, longest_pause=0.002)


class World:
    """Participants that know their keys, as participants should; and the outcomes that are to come."""

    def __init__(self, outcomes: dict[str, list[str]]) -> None:
        self.outcomes = outcomes
        self.effects: dict[str, list[str]] = defaultdict(list)
        self.done: set[str] = set()
        self.undone: set[str] = set()
        self.calls: dict[str, list[str]] = defaultdict(list)

    def act(self, order: str, name: str, key: str) -> None:
        """Do what a step or its undo does, once for each key, and then answer as planned."""
        self.calls[order].append(name)
        plan = self.outcomes.get(name)
        outcome = plan.pop() if plan else "fine"
        if outcome == "crash before":
            raise Crash
        if outcome == "failed":
            raise OSError("no connection")
        if outcome == "declined":  # also where it was done, and is asked again after a crash
            raise DeclinedError("ABORTED", "no")
        step = key.removesuffix(":undo")
        if step != key:
            if step in self.done and step not in self.undone:
                self.effects[order].append(f"undo {name}")
            self.undone.add(step)
        elif key not in self.done and key not in self.undone:
            self.effects[order].append(name)
            self.done.add(key)
        if outcome == "crash after":
            raise Crash
        if outcome == "lost":
            raise TimeoutError


def _saga(world: World) -> type[Saga[Order]]:
    class Checkout(Saga[Order]):
        @step(undo="undo_reserve")
        async def reserve(self, order: Order, key: str) -> None:
            world.act(order.id, "reserve", key)

        async def undo_reserve(self, order: Order, key: str) -> None:
            world.act(order.id, "reserve", key)

        @step(undo="undo_pay")
        async def pay(self, order: Order, key: str) -> None:
            world.act(order.id, "pay", key)

        async def undo_pay(self, order: Order, key: str) -> None:
            world.act(order.id, "pay", key)

        @step(undo="undo_ship")
        async def ship(self, order: Order, key: str) -> None:
            world.act(order.id, "ship", key)

        async def undo_ship(self, order: Order, key: str) -> None:
            world.act(order.id, "ship", key)

    return Checkout


def _replica(store: Store, folder: Path, saga: type[Saga[Order]], clock: ManualClock) -> Service:
    service = Service("shop")
    service.clock = clock
    service.saga(saga)
    binding = Binding(
        service="shop",
        stores={"shop": store},
        workflows={"checkout": Workflow(retries=QUICK, undo_retries=QUICK)},
        sagas=Sagas(lease=5.0, look_every=0.02),
    )
    service.place(Placement(binding=binding, values=Values(folder), secrets=Secrets(folder)))
    return service


async def _run(folder: Path, world: World, number: int) -> list[str]:
    """Run some sagas on two replicas, which share a clock; give the ends."""
    store = Store(kind="sqlite", database=str(folder / "shop.db"))
    await make_tables(store, folder)
    saga, clock = _saga(world), ManualClock()
    replicas = [_replica(store, folder, saga, clock) for _ in range(2)]
    async with AsyncExitStack() as stack:
        for replica in replicas:
            await stack.enter_async_context(replica.running())
        runs = [await replicas[each % 2].sagas.start(saga, Order(f"o{each}"), id=f"o{each}") for each in range(number)]
        ends = [asyncio.create_task(run.result()) for run in runs]
        for _ in range(100):
            _, waiting = await asyncio.wait(ends, timeout=0.1)
            if not waiting:
                break
            clock.advance(6)  # what crashed is taken over now
        return [_end(task) for task in ends]


def _end(task: "asyncio.Task[object]") -> str:
    error = task.exception()
    if error is None:
        return "completed"
    assert isinstance(error, CompensatedError | StuckError | AbandonedError)
    return "compensated" if isinstance(error, CompensatedError) else "stuck"


OUTCOME: Final = st.sampled_from(["fine", "fine", "fine", "lost", "failed", "declined", "crash before", "crash after"])
PLANS: Final = st.fixed_dictionaries({name: st.lists(OUTCOME, max_size=8) for name in STEPS})


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(PLANS)
def test_every_saga_ends_and_the_world_agrees(outcomes: dict[str, list[str]]) -> None:
    """Completed: all effects, once. Compensated: none is left. Stuck: an undo failed three times."""
    world = World(outcomes)
    with TemporaryDirectory() as folder:
        ends = asyncio.run(_run(Path(folder), world, 3))
    for number, end in enumerate(ends):
        effects = world.effects[f"o{number}"]
        done = [name for name in effects if not name.startswith("undo")]
        undone = [name.removeprefix("undo ") for name in effects if name.startswith("undo")]
        assert len(set(effects)) == len(effects), "an effect happened twice"
        assert undone == list(reversed(done))[: len(undone)], "undone in another order than the way back"
        if end == "completed":
            assert done == list(STEPS)
            assert undone == []
        elif end == "compensated":
            assert len(undone) == len(done)
        assert done == list(STEPS[: len(done)])
