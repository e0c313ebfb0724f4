"""Notifications: tells readers that their order is taken, and that their parcel is on its way. Nobody calls it.

News of a parcel may come before the order's: then nobody is known to be told, and it is tried again a little later.
"""

from fairway_sdk import NotYetError, Service, Transaction
from fairway_sdk.personal import ERASED
from notifications.events import OrderPlaced, ParcelSent
from notifications.mail import Mail
from notifications.tables import Recipient

service = Service("notifications")
mail = Mail(service)


@service.on(OrderPlaced)
async def thank(event: OrderPlaced, tx: Transaction) -> None:
    """Remember who is told about the order, and thank for it."""
    tx.add(Recipient(order_id=event.order_id, reader=event.reader, name=event.name, email=event.email))
    await mail.send(
        f"placed-{event.order_id}",
        event.email,
        "Your order",
        f"Dear {event.name},\n\nthank you for your order {event.order_id} for {event.price_cents / 100:.2f}.\n",
    )


@service.on(ParcelSent)
async def announce(event: ParcelSent, tx: Transaction) -> None:
    """Tell that the parcel is on its way."""
    recipient = await tx.get(Recipient, event.order_id)
    if recipient is None:
        raise NotYetError("the order's own news has not come yet")
    if recipient.email == ERASED:
        return  # nobody is known any more whom to tell
    await mail.send(
        f"sent-{event.order_id}",
        recipient.email,
        "Your parcel",
        f"Dear {recipient.name},\n\nyour order {event.order_id} is on its way: {event.tracking}.\n",
    )
