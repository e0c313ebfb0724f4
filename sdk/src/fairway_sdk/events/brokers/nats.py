"""NATS: a JetStream stream for each channel, and a durable consumer for each group.

An event is confirmed once the stream has it on disk, in as many replicas as the binding says; one that is sent again
within two minutes is known by its id. A group that reads a channel for the first time begins with the oldest event that
is still kept. Events older than that are removed, taken in or not: NATS keeps no longer for a group that stays away.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import MaxPayloadError, NoServersError
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, StreamConfig
from nats.js.errors import BadRequestError, NotFoundError

from fairway_sdk.contract import EVENT_PREFIX
from fairway_sdk.errors import UnavailableError
from fairway_sdk.events.brokers.intake import Subscription
from fairway_sdk.events.brokers.nats_intake import NatsIntake
from fairway_sdk.events.brokers.nats_turn import Turn, open_turns
from fairway_sdk.events.brokers.outcomes import CONFIRMED_WITHIN, UnfitError, headers, outcomes
from fairway_sdk.events.brokers.remote import RemoteBroker
from fairway_sdk.events.event import Envelope

if TYPE_CHECKING:
    from fairway_sdk.service import Service

OTHERWISE_CONFIGURED = 10058  # JetStream's code: a stream of this name is there with other settings
TOO_LARGE = 10054  # likewise: the stream takes no message of this size
KNOWN_AGAIN = 120.0  # seconds within which an event sent twice is stored once
DROPPED_WITHIN = 0.5  # seconds
PINGED_EVERY = 5  # seconds; two pings without an answer end a connection


def subject(channel: str) -> str:
    """Name the subject of a channel's events."""
    return f"{EVENT_PREFIX}{channel}"


def named(text: str) -> str:
    """Make a name that JetStream takes for a stream or a consumer: without dots."""
    return text.replace(".", "_")


class _Refusal(msgspec.Struct):
    err_code: int = 0
    description: str = ""


class _Answer(msgspec.Struct):
    error: _Refusal | None = None


class Link:
    """One connection: whether it has ended, the streams known to be there, and the confirmations waited for."""

    def __init__(self) -> None:
        self.client = Client()
        self.ended = asyncio.Event()
        self.ending: list[Callable[[], None]] = []  # called then
        self.streams: set[str] = set()
        self._inbox = ""
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._numbers = count()

    async def end(self) -> None:
        """Note that the connection has ended, and tell those who wait for something to come over it."""
        self.ended.set()
        for tell in self.ending:
            tell()
        for future in list(self._waiting.values()):
            if not future.done():
                future.set_exception(UnavailableError("the connection was lost before the broker confirmed it"))

    async def drop(self) -> None:
        """Let go of a connection that never was; the client waits in vain for the end of one that TLS refused."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DROPPED_WITHIN):
                await self.client.close()

    @property
    def jetstream(self) -> JetStreamContext:
        """JetStream over this connection."""
        return self.client.jetstream(timeout=CONFIRMED_WITHIN)

    async def listen(self) -> None:
        """Begin to hear what streams answer to what is sent."""
        self._inbox = self.client.new_inbox()
        await self.client.subscribe(f"{self._inbox}.*", cb=self._answered)

    async def send(self, envelope: Envelope) -> asyncio.Future[None]:
        """Send one envelope; the future is done when the stream has answered."""
        reply = f"{self._inbox}.{next(self._numbers)}"
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[reply] = future
        future.add_done_callback(lambda _: self._waiting.pop(reply))
        try:
            known_by = {"Nats-Msg-Id": f"{envelope.id}-{envelope.attempt}"}
            await self.client.publish(subject(envelope.channel), envelope.encode(), reply, headers(envelope) | known_by)
        except MaxPayloadError:
            future.set_exception(UnfitError("the event is larger than the broker takes"))
        return future

    async def _answered(self, message: Msg) -> None:
        future = self._waiting.get(message.subject)
        if future is None or future.done():
            return
        if message.headers and message.headers.get("Status") == "503":
            self.streams.clear()  # made again before the next
            future.set_exception(UnavailableError("no stream of the broker takes it"))
        elif refusal := msgspec.json.decode(message.data, type=_Answer).error:
            kind = UnfitError if refusal.err_code == TOO_LARGE else UnavailableError
            future.set_exception(kind(f"the broker refuses it: {refusal.description}"))
        else:
            future.set_result(None)


class NatsBroker(RemoteBroker[Link]):
    """JetStream of a NATS server or cluster."""

    def __init__(self, service: "Service") -> None:
        super().__init__(service)
        self._member = f"{service.replica}-{uuid4().hex[:6]}"  # stays over reconnects, and so does its turn

    async def open(self) -> Link:
        """Connect without the client's own reconnecting, which would use the old credentials; ask for JetStream."""
        link = Link()
        user, password = self.credentials()

        reason: Exception | None = None

        async def note(error: Exception) -> None:
            nonlocal reason
            reason = error

        try:
            await link.client.connect(
                [f"nats://{server.strip()}" for server in self.bound.address.split(",")],
                error_cb=note,  # and told at the end of the connection, once
                disconnected_cb=link.end,
                closed_cb=link.end,
                name=self.service.replica,
                allow_reconnect=False,
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                connect_timeout=int(CONFIRMED_WITHIN),
                ping_interval=PINGED_EVERY,
                tls=self.tls(),
                user=user or None,
                password=password or None,
            )
            await link.jetstream.account_info()
            await link.listen()
        except NoServersError:
            await link.drop()
            raise reason or UnavailableError("no server answers") from None
        except BaseException:
            await link.drop()
            raise
        return link

    async def lost(self, connection: Link) -> None:
        """Wait until the client says so."""
        await connection.ended.wait()

    async def close(self, connection: Link) -> None:
        """Send what is buffered, such as acknowledgements, and end."""
        await connection.client.close()

    async def hand_over(self, connection: Link, envelopes: Sequence[Envelope]) -> Sequence[Exception | None]:
        """Send all, then wait for the streams' answers."""
        for channel in {envelope.channel for envelope in envelopes} - connection.streams:
            await self._make_stream(connection.jetstream, channel)
            connection.streams.add(channel)
        return await outcomes([await connection.send(envelope) for envelope in envelopes])

    @asynccontextmanager
    async def intake(self, connection: Link, subscription: Subscription) -> AsyncIterator[NatsIntake]:
        """Make stream and consumer where they are missing, and pull from them."""
        jetstream, bound = connection.jetstream, self.bound
        stream, durable = named(subject(subscription.channel)), named(subscription.group)
        try:
            await jetstream.stream_info(stream)
        except NotFoundError:
            await self._make_stream(jetstream, subscription.channel)
        settings = ConsumerConfig(durable_name=durable, ack_wait=bound.takeover * 2 / 3, max_ack_pending=-1)
        await jetstream.add_consumer(stream, settings)
        turn = None
        if subscription.ordered:
            turns = await open_turns(jetstream, durable, bound.takeover, bound.replicas)
            turn = Turn(turns, stream, self._member, bound.takeover)
        intake = NatsIntake(connection.client, f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}", turn)
        await intake.listen()
        connection.ending.append(intake.end)
        try:
            yield intake
        finally:
            connection.ending.remove(intake.end)
            await intake.leave()

    async def _make_stream(self, jetstream: JetStreamContext, channel: str) -> None:
        """Make a channel's stream; where it is there, give it the settings of the publisher's binding."""
        settings = StreamConfig(
            name=named(subject(channel)),
            subjects=[subject(channel)],
            max_age=(kept := self.published(channel).kept),
            num_replicas=self.bound.replicas,
            duplicate_window=min(KNOWN_AGAIN, kept),
        )
        try:
            await jetstream.add_stream(settings)
        except BadRequestError as error:
            if error.err_code != OTHERWISE_CONFIGURED:
                raise
            if channel in self.service.binding.publishes:
                await jetstream.update_stream(settings)
