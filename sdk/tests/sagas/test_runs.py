"""Runs of sagas, forwards and backwards, on each kind of store."""

import asyncio

import pytest
import sqlalchemy as sa
from sdk.tests.sagas.conftest import ORDERS, Order, Placed

from fairway_sdk import CompensatedError, StuckError
from fairway_sdk.calls.deadline import remaining
from fairway_sdk.calls.failures import BreakerOpenError, CallError, DeclinedCallError
from fairway_sdk.errors import DeclinedError


async def _orders(shop: Placed) -> list[str]:
    async with shop.service.sql().connection() as connection:
        return list(await connection.scalars(sa.select(ORDERS.c.id)))


async def _end(shop: Placed, name: str) -> object:
    run = await shop.service.sagas.start(shop.saga, Order(name), id=name)
    return await run.result(10)


async def test_all_steps_run_in_order_and_the_last_result_is_the_sagas(shop: Placed) -> None:
    """Forwards: each step sees the results before it; the step with a transaction writes its own row."""
    async with shop.service.running():
        assert await _end(shop, "o1") == {"order": "o1"}
        assert shop.shop.did == ["reserve", "pay", "confirm"]
        assert await _orders(shop) == ["o1"]


async def test_a_declined_step_undoes_what_was_done_before_it_in_reverse_order(shop: Placed) -> None:
    """Backwards: the declined step itself is not undone, since it had no effect."""
    shop.shop.plans["confirm"] = [DeclinedError("FAILED_PRECONDITION", "sold out")]
    async with shop.service.running():
        with pytest.raises(CompensatedError, match="was undone: sold out") as caught:
            await _end(shop, "o1")
        assert (caught.value.step, caught.value.reason) == ("confirm", "sold out")
        assert shop.shop.did == ["reserve", "pay", "refund", "release"]
        assert await _orders(shop) == []


async def test_a_callees_no_at_the_first_step_leaves_nothing_to_undo(quick: Placed) -> None:
    """Nothing was done, so nothing is undone, and it is not tried again."""
    quick.shop.plans["reserve"] = [DeclinedCallError("inventory", "NOT_FOUND", "no such book")]
    async with quick.service.running():
        with pytest.raises(CompensatedError, match="inventory declined: NOT_FOUND: no such book"):
            await _end(quick, "o1")
        assert quick.shop.did == []


async def test_a_passing_error_is_tried_again(shop: Placed) -> None:
    """Two failures and a success are a success; the run shows no trace of trouble."""
    shop.shop.plans["pay"] = [OSError("reset"), ValueError("what")]
    async with shop.service.running():
        await _end(shop, "o1")
        assert shop.shop.did == ["reserve", "pay", "confirm"]
        kept = await shop.service.sagas.part.log.read("o1")
        assert kept is not None
        assert (kept.state, kept.tries, kept.trouble, kept.owner) == ("completed", 0, "", "")


async def test_a_step_whose_tries_are_used_up_is_undone_too_since_it_may_have_had_an_effect(shop: Placed) -> None:
    """Of an error without an answer nobody knows: the undo gets None for a result."""
    shop.shop.plans["pay"] = [OSError("reset")] * 3
    async with shop.service.running():
        with pytest.raises(CompensatedError, match="OSError"):
            await _end(shop, "o1")
        assert shop.shop.did == ["reserve", "refund nothing", "release"]


async def test_a_step_that_takes_too_long_is_ended_and_undone(quick: Placed) -> None:
    """The time-out holds for a try; what the step calls sees the same deadline."""
    seen: list[float | None] = []

    async def hang() -> None:
        seen.append(remaining())
        await asyncio.sleep(60)

    quick.shop.plans["pay"] = hang
    async with quick.service.running():
        with pytest.raises(CompensatedError, match="TimeoutError"):
            await _end(quick, "o1")
        assert quick.shop.did == ["reserve", "refund nothing", "release"]
        assert len(seen) == 3
        assert all(left is not None and 0.3 < left <= 0.5 for left in seen)


async def test_a_call_that_was_never_sent_needs_no_undoing(quick: Placed) -> None:
    """An open breaker lets nothing through, so the step certainly did not happen."""
    quick.shop.plans["pay"] = [BreakerOpenError("payments", 0.1) for _ in range(3)]
    async with quick.service.running():
        with pytest.raises(CompensatedError, match="payments: BreakerOpenError"):
            await _end(quick, "o1")
        assert quick.shop.did == ["reserve", "release"]


async def test_a_no_after_a_lost_answer_leaves_the_step_in_doubt(quick: Placed) -> None:
    """The first try may have had its effect, whatever the second was told."""
    quick.shop.plans["pay"] = [CallError("payments", "broke"), DeclinedError("ABORTED", "too late")]
    async with quick.service.running():
        with pytest.raises(CompensatedError, match="too late"):
            await _end(quick, "o1")
        assert quick.shop.did == ["reserve", "refund nothing", "release"]


async def test_a_step_with_a_transaction_is_never_in_doubt(shop: Placed) -> None:
    """Its row is rolled back with its record, for each failed try."""
    shop.shop.plans["confirm"] = [OSError("reset")] * 3
    async with shop.service.running():
        with pytest.raises(CompensatedError):
            await _end(shop, "o1")
        assert shop.shop.did == ["reserve", "pay", "refund", "release"]
        assert await _orders(shop) == []


async def test_an_undo_that_fails_for_good_leaves_the_saga_stuck_where_it_is(shop: Placed) -> None:
    """What was done before it is not undone behind its back: order holds."""
    shop.shop.plans |= {"confirm": [DeclinedError("ABORTED", "no")], "refund": [OSError("reset")] * 3}
    async with shop.service.running():
        with pytest.raises(StuckError, match="step 'pay' could not be undone: OSError"):
            await _end(shop, "o1")
        assert shop.shop.did == ["reserve", "pay"]


async def test_an_error_tells_no_value(quick: Placed) -> None:
    """Only an author's own words are kept: an error's text may hold a person's name."""
    quick.shop.plans["reserve"] = [RuntimeError("Jane Austen, Chawton")] * 3
    async with quick.service.running():
        with pytest.raises(CompensatedError, match="RuntimeError") as caught:
            await _end(quick, "o1")
        assert "Austen" not in str(caught.value)


async def test_a_step_that_is_cancelled_from_within_has_failed_and_no_more(quick: Placed) -> None:
    """A library that raises CancelledError by itself does not take the run with it."""

    async def give_up() -> None:
        raise asyncio.CancelledError

    quick.shop.plans["reserve"] = give_up
    async with quick.service.running():
        with pytest.raises(CompensatedError, match="RuntimeError"):
            await _end(quick, "o1")


async def test_many_sagas_at_once_end_each_for_itself(shop: Placed) -> None:
    """Writes of many runs go together; each gets its own answer."""
    async with shop.service.running():
        found = await asyncio.gather(*(_end(shop, f"o{number}") for number in range(60)))
        assert found == [{"order": f"o{number}"} for number in range(60)]
        assert len(await _orders(shop)) == 60
