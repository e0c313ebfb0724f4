"""The checkout survives a crash at any moment of any step, forwards and backwards: nothing is lost, nothing twice."""

import pytest

from bookshop_protos import orders_pb2 as pb
from fairway_sdk.testing.crash import crash_after, crash_before
from fairway_sdk.testing.events import emitted
from orders.events import OrderPlaced
from orders.service import service

from .conftest import JANE, PRIDE, Desk

MOMENTS = {"before": crash_before, "after": crash_after}


@pytest.mark.parametrize("step", ["open", "reserve", "charge", "book", "confirm"])
@pytest.mark.parametrize("moment", MOMENTS)
async def test_an_order_whose_checkout_crashes_is_confirmed_all_the_same(desk: Desk, moment: str, step: str) -> None:
    """With one charge, one parcel, and one piece of news."""
    with MOMENTS[moment](service, step), emitted(service) as told:
        order = await desk.end(await desk.place(desk.wanted("order-0001")))
    assert (order.state, order.price_cents) == (pb.STATE_CONFIRMED, 2797)
    assert (desk.done("order-0001"), await desk.gone()) == (["charge", "parcel"], {PRIDE: 2, JANE: 1})
    assert len(told.of(OrderPlaced)) == 1


@pytest.mark.parametrize("undo", ["refund", "release", "cancel"])
@pytest.mark.parametrize("moment", MOMENTS)
async def test_an_order_that_crashes_on_its_way_back_is_cancelled_all_the_same(
    desk: Desk, moment: str, undo: str
) -> None:
    """Nobody delivers there; the money goes back once."""
    with MOMENTS[moment](service, undo), emitted(service) as told:
        order = await desk.end(await desk.place(desk.wanted("order-0001", address="Nowhere 1")))
    assert order.state == pb.STATE_CANCELLED
    assert (desk.done("order-0001"), await desk.gone(), list(told)) == (["charge", "refund"], {}, [])


async def test_an_order_whose_checkout_crashes_again_and_again_is_confirmed(desk: Desk) -> None:
    """Three times at the moment that hurts most: the money is taken, and nobody noted it."""
    with crash_after(service, "charge", times=3):
        order = await desk.end(await desk.place(desk.wanted("order-0001")))
    assert order.state == pb.STATE_CONFIRMED
    assert desk.done("order-0001") == ["charge", "parcel"]
