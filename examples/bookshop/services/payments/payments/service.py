"""Payments as its callers see it: charge an order, refund it.

A payment is noted, the network asked, and noted what came of it, with no transaction open meanwhile: after a crash the
same question comes again, and the network knows it by its key.
"""

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert

from bookshop_protos import payments_pb2 as pb
from bookshop_protos.payments_pb2_grpc import PaymentsServicer, add_PaymentsServicer_to_server
from fairway_sdk import DeclinedError, Service
from payments.network import CardNetwork
from payments.tables import Payment

service = Service("payments")
network = CardNetwork(service)

NO = {
    "refused": "the card was refused",
    "refunding": "the order was called off",
    "refunded": "the order was called off",
}


class Payments(PaymentsServicer):
    """Charges and refunds, as often as they are asked for, each with one effect."""

    async def Charge(self, request: pb.ChargeRequest, context: object) -> pb.Payment:
        """Take money for an order."""
        if request.amount_cents < 1:
            raise DeclinedError("INVALID_ARGUMENT", "there is nothing to charge")
        noted = await _note(request)
        if noted.state == "asked":
            try:
                await network.charge(noted.order_id, request.card_token, noted.amount_cents)
            except DeclinedError:
                await _turn(noted.order_id, "asked", "refused")
                raise
            noted = await _turn(noted.order_id, "asked", "charged")
        if noted.state in NO:
            raise DeclinedError("FAILED_PRECONDITION", NO[noted.state])
        return pb.Payment(order_id=noted.order_id, amount_cents=noted.amount_cents, state=pb.STATE_CHARGED)

    async def Refund(self, request: pb.RefundRequest, context: object) -> pb.Payment:
        """Give back all that was taken for an order; a charge that comes late takes nothing."""
        noted = await _call_off(request.order_id)
        if noted.state == "refunding":
            await network.refund(noted.order_id)
            noted = await _turn(noted.order_id, "refunding", "refunded")
        return pb.Payment(order_id=noted.order_id, amount_cents=noted.amount_cents, state=pb.STATE_REFUNDED)


async def _note(request: pb.ChargeRequest) -> Payment:
    """Note a payment unless the order has one, and give the order's."""
    async with service.transaction() as tx:
        noting = insert(Payment).values(
            order_id=request.order_id, reader=request.reader, amount_cents=request.amount_cents, state="asked"
        )
        await tx.execute(noting.on_conflict_do_nothing())
        return await tx.get_one(Payment, request.order_id)


async def _call_off(order_id: str) -> Payment:
    """Note that an order's money goes back, also where nothing is known of it yet."""
    async with service.transaction() as tx:
        noting = insert(Payment).values(order_id=order_id, reader="", amount_cents=0, state="refunding")
        unless = Payment.state.not_in(("refused", "refunded"))
        await tx.execute(
            noting.on_conflict_do_update(index_elements=["order_id"], set_={"state": "refunding"}, where=unless)
        )
        return await tx.get_one(Payment, order_id)


async def _turn(order_id: str, before: str, after: str) -> Payment:
    """Turn a payment from one state into another unless it has left the first, and give it as it then is."""
    async with service.transaction() as tx:
        turning = update(Payment).where(Payment.order_id == order_id, Payment.state == before)
        await tx.execute(turning.values(state=after))
        return await tx.get_one(Payment, order_id)


service.grpc.add(add_PaymentsServicer_to_server, Payments())
