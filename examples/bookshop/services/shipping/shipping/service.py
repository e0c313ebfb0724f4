"""Shipping as its callers see it: book a parcel, call it back. What was booked is told to others as sent.

As with payments: noted, asked for, and noted what came of it, with no transaction open while the carrier is asked.
"""

from sqlalchemy import func, select

from bookshop_protos import shipping_pb2 as pb
from bookshop_protos.shipping_pb2_grpc import ShippingServicer, add_ShippingServicer_to_server
from fairway_sdk import DeclinedError, Service, Transaction
from shipping.carrier import Carrier
from shipping.events import ParcelSent
from shipping.tables import Parcel

service = Service("shipping")
carrier = Carrier(service)


class Shipping(ShippingServicer):
    """Parcels, booked and recalled as often as asked, each with one effect."""

    async def BookParcel(self, request: pb.BookParcelRequest, context: object) -> pb.Parcel:
        """Book a parcel with the carrier."""
        parcel = await _note(request)
        if parcel.state == "asked":
            try:
                tracking = await carrier.book(request.order_id, request.address)
            except DeclinedError:
                await _finish(request.order_id, "asked", "refused")
                raise
            parcel = await _finish(request.order_id, "asked", "sent", tracking)
        if parcel.state != "sent":
            raise DeclinedError("FAILED_PRECONDITION", "the parcel was refused or called back")
        return pb.Parcel(order_id=parcel.order_id, tracking=parcel.tracking)

    async def RecallParcel(self, request: pb.RecallParcelRequest, context: object) -> pb.RecallParcelReply:
        """Call a parcel back; a booking that comes late sends nothing."""
        parcel = await _call_back(request.order_id)
        if parcel.state == "recalling":
            await carrier.recall(request.order_id)
            await _finish(request.order_id, "recalling", "recalled")
        return pb.RecallParcelReply()


async def _note(request: pb.BookParcelRequest) -> Parcel:
    """Note a parcel unless the order has one, and give the order's."""
    async with service.transaction() as tx:
        known = await _locked(tx, request.order_id)
        if known is not None:
            return known
        parcel = Parcel(
            order_id=request.order_id,
            reader=request.reader,
            address=f"{request.name}, {request.address}",
            copies=request.copies,
            state="asked",
        )
        tx.add(parcel)
        return parcel


async def _call_back(order_id: str) -> Parcel:
    """Note that an order's parcel comes back, also where nothing is known of it yet."""
    async with service.transaction() as tx:
        parcel = await _locked(tx, order_id)
        if parcel is None:
            parcel = Parcel(order_id=order_id, reader="", copies=0, state="recalling")
            tx.add(parcel)
        elif parcel.state in {"asked", "sent"}:
            parcel.state = "recalling"
        return parcel


async def _finish(order_id: str, before: str, after: str, tracking: str = "") -> Parcel:
    """Turn a parcel from one state into another unless it has left the first; one that is sent is told to others."""
    async with service.transaction() as tx:
        parcel = await _locked(tx, order_id)
        assert parcel is not None, "it was noted before the carrier was asked"
        if parcel.state == before:
            parcel.state, parcel.tracking = after, tracking or parcel.tracking
            if after == "sent":
                await tx.emit(ParcelSent(order_id=order_id, reader=parcel.reader, tracking=tracking))
        return parcel


async def _locked(tx: Transaction, order_id: str) -> Parcel | None:
    """Give an order's parcel if it has one; no other transaction looks at this order until this one has ended."""
    await tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(order_id, 0))))
    return await tx.get(Parcel, order_id)


service.grpc.add(add_ShippingServicer_to_server, Shipping())
