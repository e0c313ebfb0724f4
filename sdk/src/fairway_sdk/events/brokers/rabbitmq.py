"""RabbitMQ: a durable exchange for each channel, and a quorum queue for each group.

An event is confirmed once every queue of its channel has it, in most of their replicas. RabbitMQ keeps events in queues
alone, so a group has only what was published since its queue is there: the publisher makes those of the consumers that
its binding names, before its first event. An event of a channel without any queue is refused, and waits in the outbox.
What a group has not taken in is never removed. A queue goes to one member at a time, since a queue cannot be told to
keep its order later on; when that member leaves or dies, the next one follows at once.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import aiormq
from aiormq.abc import AbstractChannel, AbstractConnection, DeliveredMessage
from aiormq.channel import Channel
from aiormq.exceptions import ChannelNotFoundEntity, DeliveryError, PublishError
from pamqp.commands import Basic
from yarl import URL

from fairway_sdk.contract import EVENT_PREFIX
from fairway_sdk.errors import UnavailableError
from fairway_sdk.events.brokers.intake import LARGEST_BATCH, Subscription
from fairway_sdk.events.brokers.outcomes import headers, outcomes
from fairway_sdk.events.brokers.remote import RemoteBroker, hush
from fairway_sdk.events.event import Envelope

PERSISTENT = 2
RECORDED_AFTER = 1.2  # seconds: a lone node that dies sooner after making a queue cannot use it again


def exchange(channel: str) -> str:
    """Name the exchange of a channel."""
    return f"{EVENT_PREFIX}{channel}"


def queue(channel: str, group: str) -> str:
    """Name the queue in which a channel's events wait for a group."""
    return f"{EVENT_PREFIX}{channel}.{group}"


class Link:
    """One connection, the channel that publishes over it, and the exchanges known to be there."""

    def __init__(self, connection: AbstractConnection) -> None:
        self.connection = connection
        self.exchanges: set[str] = set()
        self._publishing: Channel | None = None

    async def publishing(self) -> Channel:
        """Give the channel that publishes; a new one where the broker closed the last."""
        if self._publishing is None or self._publishing.is_closed:
            self.exchanges.clear()
            opened = await self.connection.channel(publisher_confirms=True, on_return_raises=True)
            self._publishing = cast("Channel", opened)  # its interface lacks what makes publishing in one go quick
        return self._publishing


class RabbitMQBroker(RemoteBroker[Link]):
    """Exchanges and queues of a RabbitMQ node or cluster."""

    async def open(self) -> Link:
        """Connect with heartbeats by which a silent end is noticed, on both sides."""
        hush("aiormq")
        host, _, port = self.bound.address.rpartition(":")
        user, password = self.credentials()
        url = URL.build(
            scheme="amqps" if self.bound.tls else "amqp",
            user=user or "guest",
            password=password or "guest",
            host=host.strip("[]"),
            port=int(port),
            path="/",
            query={"heartbeat": str(max(1, round(self.bound.takeover / 2)))},
        )
        return Link(await aiormq.connect(url, context=self.tls()))

    async def lost(self, connection: Link) -> None:
        """Wait until the client says so."""
        await asyncio.shield(connection.connection.closing)

    async def close(self, connection: Link) -> None:
        """Close it; what was not acknowledged goes to another member."""
        await connection.connection.close()

    async def hand_over(self, connection: Link, envelopes: Sequence[Envelope]) -> Sequence[Exception | None]:
        """Send all over one channel, then wait for the confirmations."""
        channel = await connection.publishing()
        for name in {envelope.channel for envelope in envelopes} - connection.exchanges:
            await self._make(connection, channel, name, self.published(name).consumers)
            connection.exchanges.add(name)
        return await outcomes(_published(channel, envelope) for envelope in envelopes)

    @asynccontextmanager
    async def intake(self, connection: Link, subscription: Subscription) -> AsyncIterator["_Intake"]:
        """Make exchange and queue where they are missing, and have documents sent here."""
        channel = await connection.connection.channel(publisher_confirms=False)
        try:
            await self._make(connection, channel, subscription.channel, [subscription.group])
            intake = _Intake(channel)
            await channel.basic_qos(prefetch_count=2 * LARGEST_BATCH)
            await channel.basic_consume(queue(subscription.channel, subscription.group), intake.arrived)
            yield intake
        finally:
            with contextlib.suppress(Exception):  # the broker may have closed it
                await channel.close()

    async def _make(self, connection: Link, channel: AbstractChannel, name: str, groups: Iterable[str]) -> None:
        """Make a channel's exchange, and queues for groups; a queue that is there is left as it is."""
        await channel.exchange_declare(exchange(name), exchange_type="fanout", durable=True)
        arguments: dict[str, Any] = {"x-queue-type": "quorum", "x-single-active-consumer": True}
        if self.bound.replicas > 1:
            arguments["x-quorum-initial-group-size"] = self.bound.replicas
        for group in groups:
            if not await _is_there(connection.connection, queue(name, group)):
                await channel.queue_declare(queue(name, group), durable=True, arguments=arguments)
                if self.bound.replicas == 1:
                    await asyncio.sleep(RECORDED_AFTER)  # before anything is put into it
            await channel.queue_bind(queue(name, group), exchange(name))


async def _is_there(connection: AbstractConnection, name: str) -> bool:
    """Look for a queue on a channel of its own: the broker closes it where there is none."""
    looking = await connection.channel()
    try:
        await looking.queue_declare(name, passive=True)
    except ChannelNotFoundEntity:
        return False
    await looking.close()
    return True


async def _published(channel: Channel, envelope: Envelope) -> None:
    properties = Basic.Properties(
        content_type="application/json",
        delivery_mode=PERSISTENT,
        message_id=envelope.id,
        message_type=envelope.kind,
        headers=dict(headers(envelope)),
    )
    try:
        await channel.basic_publish(
            envelope.encode(), exchange=exchange(envelope.channel), properties=properties, mandatory=True, wait=False
        )
    except PublishError as error:
        raise UnavailableError(
            f"no service has a queue on channel '{envelope.channel}' yet. Start one that consumes it."
        ) from error
    except DeliveryError as error:
        raise UnavailableError("the broker refuses it") from error


class _Intake:
    """Documents as they arrive on one channel; the queue gives no more than two batches before it is told."""

    def __init__(self, channel: AbstractChannel) -> None:
        self._channel = channel
        self._arrived: asyncio.Queue[DeliveredMessage | None] = asyncio.Queue()
        self._last = 0  # delivery tag of the last document given
        channel.closing.add_done_callback(self._end)
        channel.on_consumer_cancel_callbacks.add(self._end)

    async def arrived(self, message: DeliveredMessage) -> None:
        """Keep one until it is asked for."""
        self._arrived.put_nowait(message)

    async def holds(self) -> bool:
        """Documents are ours as long as the channel is open."""
        return not self._channel.is_closed

    async def more(self, wait: float) -> Sequence[bytes]:
        """Give what has arrived, at most a batch."""
        found: list[DeliveredMessage] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                self._keep(found, await self._arrived.get())
        while len(found) < LARGEST_BATCH and not self._arrived.empty():
            self._keep(found, self._arrived.get_nowait())
        return [message.body for message in found]

    async def forget(self) -> None:
        """Acknowledge all that was given so far, at once."""
        await self._channel.basic_ack(self._last, multiple=True)

    def _keep(self, found: list[DeliveredMessage], message: DeliveredMessage | None) -> None:
        if message is None:
            raise UnavailableError("the broker ended the channel, or removed the queue")
        assert isinstance(message.delivery, Basic.Deliver), "only those come to a consumer"
        self._last = message.delivery.delivery_tag or 0
        found.append(message)

    def _end(self, _: object) -> None:
        self._arrived.put_nowait(None)
