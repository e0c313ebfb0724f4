"""Payments: a card is charged once for each order, and what goes back goes back once, whatever is lost on the way."""

import asyncio
from typing import TYPE_CHECKING

import grpc
import pytest
from examples.bookshop.conftest import Outside, Shop, refusal

from bookshop_protos import payments_pb2 as pb
from bookshop_protos.payments_pb2_grpc import PaymentsStub

if TYPE_CHECKING:
    from bookshop_protos.payments_pb2_grpc import PaymentsAsyncStub


@pytest.fixture
async def payments(shop: Shop) -> "PaymentsAsyncStub":
    """Give a client of the running service."""
    await shop.open("payments")
    return shop.stub("payments", PaymentsStub)


@pytest.fixture
def network(shop: Shop, payments: "PaymentsAsyncStub") -> Outside:  # noqa: ARG001 - it must run
    """Give the card network."""
    return shop.outside["card-network"]


def _charge(order: str = "o-1", cents: int = 1798, card: str = "good") -> pb.ChargeRequest:
    return pb.ChargeRequest(order_id=order, reader="ada", amount_cents=cents, card_token=card)


async def test_an_order_that_is_charged_twice_pays_once(payments: "PaymentsAsyncStub", network: Outside) -> None:
    """One after the other and at once; the amount is that of the first time."""
    first = await payments.Charge(_charge())
    again = await asyncio.gather(*(payments.Charge(_charge(cents=5)) for _ in range(5)))
    assert all(one == first for one in again)
    assert (first.amount_cents, first.state) == (1798, pb.STATE_CHARGED)
    assert network.effects == [{"kind": "charge", "order": "o-1", "cents": 1798}]


async def test_charges_at_once_of_one_order_take_the_money_once(
    payments: "PaymentsAsyncStub", network: Outside
) -> None:
    """Also where none of them knows of another yet."""
    await asyncio.gather(*(payments.Charge(_charge()) for _ in range(8)))
    assert network.kinds("o-1") == ["charge"]


async def test_a_refused_card_is_declined_and_stays_declined(payments: "PaymentsAsyncStub", network: Outside) -> None:
    """Its order is over: a good card later would charge an order that was called off."""
    no = (grpc.StatusCode.FAILED_PRECONDITION, "the card was refused")
    assert await refusal(payments.Charge(_charge(card="refused"))) == no
    assert await refusal(payments.Charge(_charge(card="good"))) == no
    assert network.effects == []


async def test_an_order_that_is_refunded_twice_gets_its_money_once(
    payments: "PaymentsAsyncStub", network: Outside
) -> None:
    """All of it."""
    await payments.Charge(_charge())
    for _ in range(2):
        back = await payments.Refund(pb.RefundRequest(order_id="o-1"))
        assert (back.amount_cents, back.state) == (1798, pb.STATE_REFUNDED)
    assert [effect["cents"] for effect in network.effects] == [1798, -1798]


async def test_a_refund_that_overtakes_its_charge_blocks_it(payments: "PaymentsAsyncStub", network: Outside) -> None:
    """The money of an order that was called off must not be taken afterwards."""
    await payments.Refund(pb.RefundRequest(order_id="o-1"))
    no = (grpc.StatusCode.FAILED_PRECONDITION, "the order was called off")
    assert await refusal(payments.Charge(_charge())) == no
    assert sum(effect["cents"] for effect in network.effects) == 0


async def test_a_refund_while_the_network_is_still_charging_leaves_no_money_behind(
    payments: "PaymentsAsyncStub", network: Outside
) -> None:
    """A slow card: the refund is through before the network has answered."""
    charging = asyncio.ensure_future(payments.Charge(_charge(card="slow")))
    await asyncio.sleep(0.5)
    await payments.Refund(pb.RefundRequest(order_id="o-1"))
    code, _ = await refusal(charging)
    assert code == grpc.StatusCode.FAILED_PRECONDITION
    assert await refusal(payments.Charge(_charge())) == (code, "the order was called off")
    assert sum(effect["cents"] for effect in network.effects) == 0


async def test_a_charge_waits_for_a_network_that_is_down_and_is_taken_when_it_is_back(
    shop: Shop, payments: "PaymentsAsyncStub", network: Outside
) -> None:
    """The caller is told to come again; its next try finds the payment noted, and charges it once."""
    await network.stop()
    code, _ = await refusal(payments.Charge(_charge()))
    assert code == grpc.StatusCode.UNAVAILABLE
    await network.start()
    shop.clock.advance(60)  # the breaker's pause
    assert (await payments.Charge(_charge())).state == pb.STATE_CHARGED
    assert network.kinds("o-1") == ["charge"]


async def test_a_refund_survives_a_network_that_is_down(
    shop: Shop, payments: "PaymentsAsyncStub", network: Outside
) -> None:
    """In between the order is called off already: no charge comes through."""
    await payments.Charge(_charge())
    await network.stop()
    code, _ = await refusal(payments.Refund(pb.RefundRequest(order_id="o-1")))
    assert code == grpc.StatusCode.UNAVAILABLE
    assert await refusal(payments.Charge(_charge())) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "the order was called off",
    )
    await network.start()
    shop.clock.advance(60)
    await payments.Refund(pb.RefundRequest(order_id="o-1"))
    assert network.kinds("o-1") == ["charge", "refund"]


@pytest.mark.parametrize("cents", [0, -1798])
async def test_nothing_or_less_is_not_charged(payments: "PaymentsAsyncStub", network: Outside, cents: int) -> None:
    """A negative charge would be a gift."""
    assert await refusal(payments.Charge(_charge(cents=cents))) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "there is nothing to charge",
    )
    assert network.effects == []
