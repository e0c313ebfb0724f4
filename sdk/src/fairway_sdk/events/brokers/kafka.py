"""Kafka: a topic for each channel, and a consumer group for each group.

An event is confirmed once all replicas in step have it. Events with one key go to one partition, and a partition to
one member of a group, so keys stay in order while members share. A group that reads a channel for the first time begins
with the oldest event that is still kept. Events older than that are removed, taken in or not. A topic that is there is
left as it is; where the broker lets nobody make topics, make them before, or let it make them by itself.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer  # type: ignore[import-untyped] # it says nothing of types
from aiokafka.admin import AIOKafkaAdminClient, NewTopic  # type: ignore[import-untyped] # likewise
from aiokafka.client import AIOKafkaClient  # type: ignore[import-untyped] # likewise
from aiokafka.errors import (  # type: ignore[import-untyped] # likewise
    CommitFailedError,
    IllegalStateError,
    MessageSizeTooLargeError,
)

from fairway_sdk.contract import EVENT_PREFIX
from fairway_sdk.errors import UnavailableError
from fairway_sdk.events.brokers.intake import LARGEST_BATCH, Subscription
from fairway_sdk.events.brokers.outcomes import CONFIRMED_WITHIN, UnfitError, headers, outcomes, routing_key
from fairway_sdk.events.brokers.remote import RemoteBroker, hush
from fairway_sdk.events.event import Envelope

if TYPE_CHECKING:
    from fairway_sdk.service import Service

log = structlog.get_logger("fairway")

SETTLES = 0.1  # seconds, after a producer was stopped
PROBED_EVERY = 2.0  # seconds
BATCH_BYTES = 262_144  # sent to a partition at once
TOPIC_IS_THERE = 36  # Kafka's code


def topic(channel: str) -> str:
    """Name the topic of a channel."""
    return f"{EVENT_PREFIX}{channel}"


async def undisturbed(opening: Coroutine[object, object, object]) -> None:
    """Let a client finish what it opens before a cancellation goes on: cut off, it leaves connections behind."""
    task = asyncio.ensure_future(opening)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task], timeout=CONFIRMED_WITHIN)
        raise


class Link:
    """One set of clients that logged in with the same credentials; the producer is made when it is first asked for."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.client = AIOKafkaClient(**settings, request_timeout_ms=int(CONFIRMED_WITHIN * 1000))
        self.topics: set[str] = set()
        self.broken = asyncio.Event()
        self._producer: AIOKafkaProducer | None = None

    async def producer(self) -> AIOKafkaProducer:
        """Give the producer; it numbers what it sends, so that its own repetitions are stored once and in order."""
        if self._producer is None:
            producer = AIOKafkaProducer(
                **self.settings,
                acks="all",
                enable_idempotence=True,
                max_batch_size=BATCH_BYTES,
                request_timeout_ms=int(CONFIRMED_WITHIN * 1000),
            )
            await undisturbed(producer.start())
            self._producer = producer
        return self._producer

    async def close(self) -> None:
        """Let go of all clients."""
        if self._producer is not None:
            await self._producer.stop()
            await asyncio.sleep(SETTLES)
            await self._producer.client.close()  # of a connection that a batch under way has opened meanwhile
        await self.client.close()


class KafkaBroker(RemoteBroker[Link]):
    """Topics of a Kafka cluster."""

    def __init__(self, service: "Service") -> None:
        super().__init__(service)
        self._closing: set[asyncio.Task[None]] = set()

    async def open(self) -> Link:
        """Connect, and learn which brokers there are."""
        hush("aiokafka")
        link = Link(self._settings())
        try:
            await undisturbed(link.client.bootstrap())
        except BaseException:
            await link.client.close()
            raise
        return link

    async def lost(self, connection: Link) -> None:
        """Ask now and then whether a broker is there; new clients log in with the credentials of their time."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PROBED_EVERY):
                    await connection.broken.wait()
                    return
            await undisturbed(connection.client.fetch_all_metadata())

    async def close(self, connection: Link) -> None:
        """Let go of all clients, without waiting: a producer first waits for what it could not send."""
        closing = asyncio.create_task(connection.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def stop(self) -> None:
        """Finish what is being taken in, and disconnect."""
        await super().stop()
        if self._closing:
            await asyncio.wait(self._closing, timeout=2 * CONFIRMED_WITHIN)

    async def hand_over(self, connection: Link, envelopes: Sequence[Envelope]) -> Sequence[Exception | None]:
        """Send all, then wait until the replicas in step have them."""
        producer = await connection.producer()
        for name in {envelope.channel for envelope in envelopes} - connection.topics:
            await self._make_topic(connection, name)
        found = await outcomes([await self._send(producer, envelope) for envelope in envelopes])
        if all(isinstance(error, UnavailableError) for error in found):
            connection.broken.set()  # a producer may be of no more use after what it could not send
        return found

    @asynccontextmanager
    async def intake(self, connection: Link, subscription: Subscription) -> AsyncIterator["_Intake"]:
        """Join the group; leaving it hands the partitions over at once."""
        await self._make_topic(connection, subscription.channel)
        takeover = int(self.bound.takeover * 1000)
        consumer = AIOKafkaConsumer(
            topic(subscription.channel),
            **connection.settings,
            group_id=subscription.group,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            session_timeout_ms=takeover,
            heartbeat_interval_ms=takeover // 3,
        )
        try:
            await undisturbed(consumer.start())
            yield _Intake(consumer)
        finally:
            await consumer.stop()

    async def _send(self, producer: AIOKafkaProducer, envelope: Envelope) -> "asyncio.Future[Any]":
        key = routing_key(envelope).encode() or None
        seen = [(name, value.encode()) for name, value in headers(envelope).items()]
        try:
            sent: asyncio.Future[Any] = await producer.send(
                topic(envelope.channel), envelope.encode(), key=key, headers=seen
            )
        except MessageSizeTooLargeError:
            sent = asyncio.get_running_loop().create_future()
            sent.set_exception(UnfitError("the event is larger than the broker takes"))
        return sent

    async def _make_topic(self, connection: Link, channel: str) -> None:
        """Make a channel's topic, once for each connection; where that is not allowed, say so and go on."""
        if channel in connection.topics:
            return
        settings = {"retention.ms": str(int(self.published(channel).kept * 1000))}
        if self.bound.replicas > 2:  # noqa: PLR2004 - with two, one down would stop all
            settings["min.insync.replicas"] = str(self.bound.replicas - 1)
        wanted = NewTopic(topic(channel), self.bound.partitions, self.bound.replicas, topic_configs=settings)
        admin = AIOKafkaAdminClient(**connection.settings)
        try:
            await undisturbed(admin.start())
            answer = await admin.create_topics([wanted])
            for _, code, reason, *_ in answer.topic_errors:
                if code not in (0, TOPIC_IS_THERE):
                    log.warning("topic could not be made", channel=channel, reason=f"{code}: {reason}")
        except Exception as error:  # noqa: BLE001 - it may be there, or be made by the first event
            log.warning("topic could not be made", channel=channel, reason=f"{type(error).__name__}: {error}")
        finally:
            await admin.close()
        connection.topics.add(channel)

    def _settings(self) -> dict[str, Any]:
        """Say how clients connect and log in."""
        bound, tls = self.bound, self.tls()
        user, password = self.credentials()
        settings: dict[str, Any] = {
            "bootstrap_servers": bound.address,
            "client_id": self.service.replica,
            "security_protocol": ("SASL_" if user else "") + ("SSL" if tls else "PLAINTEXT"),
            "ssl_context": tls,
        }
        if user:
            settings |= {
                "sasl_mechanism": bound.sasl,
                "sasl_plain_username": user,
                "sasl_plain_password": password,
            }
        return settings


class _Intake:
    """Documents of the partitions that the group gives to this member."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self._held: dict[Any, int] = {}  # where to go on, in each partition

    async def holds(self) -> bool:
        """Documents are ours as long as their partitions are."""
        return self._assigned() == self._held

    async def more(self, wait: float) -> Sequence[bytes]:
        """Give what was fetched, partition after partition."""
        fetched = await self._consumer.getmany(timeout_ms=int(wait * 1000), max_records=LARGEST_BATCH)
        self._held = {partition: records[-1].offset + 1 for partition, records in fetched.items() if records}
        return [record.value for records in fetched.values() for record in records]

    async def forget(self) -> None:
        """Commit how far we are; a partition that went to another member meanwhile comes again there."""
        with contextlib.suppress(CommitFailedError, IllegalStateError):
            if assigned := self._assigned():
                await self._consumer.commit(assigned)

    def _assigned(self) -> dict[Any, int]:
        """Give what is held of partitions that are still ours."""
        ours = self._consumer.assignment()
        return {partition: offset for partition, offset in self._held.items() if partition in ours}
