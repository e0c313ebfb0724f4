"""Shipping: one parcel for each order, told to others once, and none for an order that was called back."""

import asyncio
from typing import TYPE_CHECKING

import grpc
import pytest
from examples.bookshop.conftest import Outside, Shop, refusal

from bookshop_protos import shipping_pb2 as pb
from bookshop_protos.shipping_pb2_grpc import ShippingStub
from fairway_sdk.testing.events import emitted, settled
from shipping.events import ParcelSent
from shipping.service import service

if TYPE_CHECKING:
    from bookshop_protos.shipping_pb2_grpc import ShippingAsyncStub


@pytest.fixture
async def shipping(shop: Shop) -> "ShippingAsyncStub":
    """Give a client of the running service."""
    await shop.open("shipping")
    return shop.stub("shipping", ShippingStub)


@pytest.fixture
def carrier(shop: Shop, shipping: "ShippingAsyncStub") -> Outside:  # noqa: ARG001 - it must run
    """Give the carrier."""
    return shop.outside["carrier"]


def _book(order: str = "o-1", address: str = "Road 1") -> pb.BookParcelRequest:
    return pb.BookParcelRequest(order_id=order, reader="ada", name="Ada", address=address, copies=2)


async def test_an_order_that_is_booked_twice_is_one_parcel(shop: Shop, shipping: "ShippingAsyncStub") -> None:
    """One after the other and at once: the same tracking number, and others hear of it once."""
    with emitted(service) as told:
        first = await shipping.BookParcel(_book())
        again = await asyncio.gather(*(shipping.BookParcel(_book()) for _ in range(5)))
    assert all(one == first for one in again)
    assert shop.outside["carrier"].kinds("o-1") == ["parcel"]
    told.assert_only(ParcelSent(order_id="o-1", reader="ada", tracking=first.tracking))
    await settled(service)
    assert [envelope.channel for envelope in shop.hub.published] == ["parcel-sent"]


async def test_bookings_at_once_of_one_order_are_one_parcel(shipping: "ShippingAsyncStub", carrier: Outside) -> None:
    """Also where none of them knows of another yet."""
    with emitted(service) as told:
        parcels = await asyncio.gather(*(shipping.BookParcel(_book()) for _ in range(8)))
    assert len({parcel.tracking for parcel in parcels}) == 1
    assert carrier.kinds("o-1") == ["parcel"]
    assert len(told) == 1


async def test_where_nobody_delivers_the_parcel_is_declined_and_nothing_is_told(
    shipping: "ShippingAsyncStub", carrier: Outside
) -> None:
    """The order has had its answer: it gets the same again, whatever it asks."""
    with emitted(service) as told:
        assert await refusal(shipping.BookParcel(_book(address="Nowhere 1"))) == (
            grpc.StatusCode.FAILED_PRECONDITION,
            "nobody delivers to that address",
        )
        code, _ = await refusal(shipping.BookParcel(_book()))
    assert code == grpc.StatusCode.FAILED_PRECONDITION
    assert (list(told), carrier.effects) == ([], [])


async def test_a_parcel_that_is_called_back_twice_comes_back_once(
    shipping: "ShippingAsyncStub", carrier: Outside
) -> None:
    """A booking that comes late is refused."""
    await shipping.BookParcel(_book())
    for _ in range(2):
        await shipping.RecallParcel(pb.RecallParcelRequest(order_id="o-1"))
    code, _ = await refusal(shipping.BookParcel(_book()))
    assert code == grpc.StatusCode.FAILED_PRECONDITION
    assert carrier.kinds("o-1") == ["parcel", "recall"]


async def test_a_recall_that_overtakes_its_booking_blocks_it(shipping: "ShippingAsyncStub", carrier: Outside) -> None:
    """No parcel leaves for an order that was called off."""
    await shipping.RecallParcel(pb.RecallParcelRequest(order_id="o-1"))
    with emitted(service) as told:
        code, _ = await refusal(shipping.BookParcel(_book()))
    assert code == grpc.StatusCode.FAILED_PRECONDITION
    assert (list(told), carrier.kinds("o-1")) == ([], ["recall"])


async def test_a_booking_waits_for_a_carrier_that_is_down_and_is_one_parcel_when_it_is_back(
    shop: Shop, shipping: "ShippingAsyncStub", carrier: Outside
) -> None:
    """The caller is told to come again."""
    await carrier.stop()
    code, _ = await refusal(shipping.BookParcel(_book()))
    assert code == grpc.StatusCode.UNAVAILABLE
    await carrier.start()
    shop.clock.advance(60)  # the breaker's pause
    with emitted(service) as told:
        assert (await shipping.BookParcel(_book())).tracking
    assert (len(told), carrier.kinds("o-1")) == (1, ["parcel"])


async def test_the_address_is_sealed_in_the_store(shop: Shop, shipping: "ShippingAsyncStub") -> None:
    """Who reads the table sees who may be asked about it, and no address."""
    await shipping.BookParcel(_book(address="Secret Lane 7"))
    assert shop.holds("shipping-db", "ada")
    assert not shop.holds("shipping-db", "Secret Lane")
