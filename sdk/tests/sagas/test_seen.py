"""What is seen of sagas from outside: traces, metrics, places, and when they are forgotten."""

import asyncio
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from sdk.tests.sagas.conftest import Order, Placed, Shop, place, until

from fairway_sdk import CompensatedError
from fairway_sdk.errors import DeclinedError
from fairway_sdk.telemetry.traces import span, trace_id
from fairway_sdk.testing.crash import crash_after
from fairway_sdk.testing.traces import recorded_spans


def _metric(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, {"saga": "checkout", **labels}) or 0.0


async def test_one_saga_is_one_trace_also_over_a_crash(quick: Placed) -> None:
    """From the request that starts it to the step that another process runs."""
    with recorded_spans() as spans:
        async with quick.service.running():
            with crash_after(quick.service, "pay") as crashed, span("POST /orders"):
                trace = trace_id()
                run = await quick.service.sagas.start(quick.saga, Order("o1"), id="o1")
                await crashed.wait()
            quick.clock.advance(3)
            await run.result(5)
        ours = [found for found in spans if found.attributes and "fairway.saga.id" in found.attributes]
        assert [found.name for found in ours] == [
            "checkout start",
            "checkout reserve",
            "checkout pay",
            "checkout pay",
            "checkout confirm",
        ]
        assert {f"{found.context.trace_id:032x}" for found in ours} == {trace}


async def test_metrics_count_starts_tries_and_ends(quick: Placed) -> None:
    """By the saga's name, and by the end it came to."""
    before = _counted()
    async with quick.service.running():
        await (await quick.service.sagas.start(quick.saga, Order("o1"), id="o1")).result(5)
        quick.shop.plans["pay"] = [DeclinedError("ABORTED", "no")]
        with pytest.raises(CompensatedError):
            await (await quick.service.sagas.start(quick.saga, Order("o2"), id="o2")).result(5)
        await quick.service.sagas.start(quick.saga, Order("o2"), id="o2")
    grown = {name: value - before[name] for name, value in _counted().items()}
    assert grown == dict.fromkeys(grown, 1.0) | {"started": 2.0}


def _counted() -> dict[str, float]:
    return {
        "started": _metric("fairway_sagas_started_total"),
        "completed": _metric("fairway_sagas_ended_total", outcome="completed"),
        "compensated": _metric("fairway_sagas_ended_total", outcome="compensated"),
        "pay done": _metric("fairway_saga_tries_total", step="pay", outcome="done"),
        "pay declined": _metric("fairway_saga_tries_total", step="pay", outcome="declined"),
        "reserve undone": _metric("fairway_saga_tries_total", step="reserve", outcome="undone"),
        "lasted": _metric("fairway_saga_duration_seconds_count", outcome="completed"),
    }


async def test_more_sagas_than_places_wait_in_the_store(quick: Placed) -> None:
    """They run as soon as a place is free; never more at once than the binding allows."""
    part, most = quick.service.sagas.part, 0

    async def count() -> None:
        nonlocal most
        most = max(most, sum(part.running(f"o{each}") is not None for each in range(12)))
        await asyncio.sleep(0.02)

    quick.shop.plans["pay"] = count
    async with quick.service.running():
        runs = [await quick.service.sagas.start(quick.saga, Order(f"o{each}"), id=f"o{each}") for each in range(12)]
        await asyncio.gather(*(run.result(10) for run in runs))
    assert most == 3


async def test_another_replica_with_free_places_helps(quick: Placed, tmp_path: Path) -> None:
    """What waits belongs to nobody yet."""
    store, shop, going = quick.service.binding.stores["shop"], Shop(timeout=30.0), asyncio.Event()
    one, other = (place(store, tmp_path, shop, at_once=3) for _ in range(2))

    async def hold() -> None:
        await going.wait()

    shop.plans["reserve"] = hold
    names = [f"o{each}" for each in range(5)]
    async with other.service.running(), one.service.running():
        runs = [await one.service.sagas.start(one.saga, Order(name), id=name) for name in names]

        async def all_run() -> bool:
            here, there = ([name for name in names if at.service.sagas.part.running(name)] for at in (one, other))
            return len(here) + len(there) == 5 and max(len(here), len(there)) == 3

        await until(all_run)
        going.set()
        await asyncio.gather(*(run.result(10) for run in runs))


async def test_an_ended_saga_is_forgotten_after_its_time(quick: Placed) -> None:
    """Until then its id is known to be the same saga; one that is stuck is never forgotten."""
    quick.shop.plans |= {"confirm": [DeclinedError("ABORTED", "no")], "refund": [OSError("reset")] * 3}
    async with quick.service.running():
        for name in ("o1", "o2"):
            run = await quick.service.sagas.start(quick.saga, Order(name), id=name)
            await asyncio.wait([asyncio.ensure_future(run.result(5))])
        log = quick.service.sagas.part.log
        quick.clock.advance(29 * 86400)
        assert await log.forget() == 0
        quick.clock.advance(2 * 86400)
        assert await log.forget() == 1
        kept = await log.read("o1")
        assert kept is not None
        assert kept.state == "stuck"
        assert await log.read("o2") is None
