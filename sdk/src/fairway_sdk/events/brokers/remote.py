"""What all brokers across a network share: one connection, opened in the background and opened again for ever.

An adapter says how to open a connection, how to hand envelopes over, and how to get documents and have them forgotten.
"""

import asyncio
import contextlib
import logging
import ssl
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Generic, TypeVar

import structlog

from fairway_sdk.contract.binding import Published
from fairway_sdk.errors import UnavailableError
from fairway_sdk.events.brokers.intake import Intake, Subscription, take_batch
from fairway_sdk.events.brokers.metrics import broker_up
from fairway_sdk.events.brokers.outcomes import CONFIRMED_WITHIN, unavailable
from fairway_sdk.events.brokers.pauses import pause
from fairway_sdk.events.event import Envelope
from fairway_sdk.lifecycle import Background, Level

if TYPE_CHECKING:
    from fairway_sdk.contract.binding import Broker as Bound
    from fairway_sdk.events.broker import Take
    from fairway_sdk.service import Service

log = structlog.get_logger("fairway")


def hush(client: str) -> None:
    """Silence a client that logs every try of an outage, which is told once already; unless somebody set its level."""
    logger = logging.getLogger(client)
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.CRITICAL)


UNKNOWN = Published()  # what holds for a channel that the service does not publish to

C = TypeVar("C")


class RemoteBroker(ABC, Generic[C]):
    """A broker as a part of a service; C is what an adapter keeps of one connection."""

    name = "broker"
    level = Level.BROKER

    def __init__(self, service: "Service") -> None:
        bound = service.binding.broker
        assert bound is not None, "open_broker has looked"
        self.service = service
        self.bound: Bound = bound
        self._subscriptions: dict[tuple[str, str], Subscription] = {}
        self._consuming: list[Background] = []
        self._keeping = Background()
        self._connection: C | None = None
        self._up, self._tried = asyncio.Event(), asyncio.Event()
        self._reached = False  # since the start, at least once
        self._outage = ""  # the reason, once told

    # What an adapter says

    @abstractmethod
    async def open(self) -> C:
        """Connect and log in, with the credentials of now; raise whatever goes wrong."""

    @abstractmethod
    async def lost(self, connection: C) -> None:
        """Return, or raise the reason, when a connection is of no more use."""

    @abstractmethod
    async def close(self, connection: C) -> None:
        """Let go of a connection, working or not."""

    @abstractmethod
    async def hand_over(self, connection: C, envelopes: Sequence[Envelope]) -> Sequence[Exception | None]:
        """Publish in one go; for each envelope, none once it is safe, or what went wrong."""

    @abstractmethod
    def intake(self, connection: C, subscription: Subscription) -> AbstractAsyncContextManager[Intake]:
        """Get ready to take documents in, making what is missing at the broker."""

    # A part of a service

    async def start(self) -> None:
        """Begin to connect, and wait for nothing."""
        self._reached, self._outage, self._up, self._tried = False, "", asyncio.Event(), asyncio.Event()
        self._keeping.start(self._keep_up(), "broker")
        for subscription in self._subscriptions.values():
            self._consume(subscription)

    async def stop(self) -> None:
        """Finish the batches being taken in, have them forgotten, and disconnect."""
        with contextlib.suppress(TimeoutError):  # a batch that takes longer comes again
            async with asyncio.timeout(CONFIRMED_WITHIN):
                await asyncio.gather(*(subscription.busy.acquire() for subscription in self._subscriptions.values()))
        await asyncio.gather(*(consuming.stop() for consuming in self._consuming))
        await self._keeping.stop()
        self._consuming.clear()
        for subscription in self._subscriptions.values():
            subscription.busy = asyncio.Lock()

    async def unready(self) -> str | None:
        """Say so while a consuming service has not reached the broker yet; a later outage is no reason.

        A replica with a wrong address or password is not rolled out further. Once it was connected, outbox and inbox
        wait out any outage: taking replicas out of traffic would turn the broker's outage into everybody's.
        """
        if not self._consuming or self._reached:
            return None
        return self._outage or "it is connecting"

    def subscribe(self, channel: str, group: str, take: "Take") -> None:
        """Give every document of a channel to one member of a group; a second call replaces who takes them in."""
        if found := self._subscriptions.get((channel, group)):
            found.take = take
            return
        consumed = self.service.binding.consumes.get(channel)
        subscription = Subscription(channel, group, take, ordered=bool(consumed and consumed.ordered_by))
        self._subscriptions[channel, group] = subscription
        if self._keeping.running:
            self._consume(subscription)

    async def publish(self, envelopes: Sequence[Envelope]) -> Sequence[Exception | None]:
        """Hand envelopes over; in error at once while the broker is known to be away, else after a bounded wait."""
        try:
            async with asyncio.timeout(2 * CONFIRMED_WITHIN):  # what is missing at the broker is made first
                connection = await self._connected()
                return await self.hand_over(connection, envelopes) if envelopes else []
        except UnavailableError as error:
            return [error] * len(envelopes)
        except Exception as error:  # noqa: BLE001 - whatever went wrong is the outcome of each
            return [unavailable(error)] * len(envelopes)

    # The connection

    async def _connected(self) -> C:
        await self._tried.wait()
        if self._connection is None:
            raise UnavailableError(f"the broker does not answer: {self._outage or 'the connection was lost'}")
        return self._connection

    async def _keep_up(self) -> None:
        failures = 0
        while True:
            reason = "the connection was lost"
            try:
                async with asyncio.timeout(CONFIRMED_WITHIN):
                    connection = await self.open()
                failures = 0
                await self._use(connection)
            except Exception as error:  # noqa: BLE001 - all that can be done is to try again, for ever
                reason = f"{type(error).__name__}: {error}"
            failures += 1
            if not self._outage:
                log.warning("broker does not answer", kind=self.bound.kind, reason=reason)
            self._outage = reason
            self._tried.set()
            await asyncio.sleep(pause(failures))

    async def _use(self, connection: C) -> None:
        if self._outage:
            log.info("broker answers again", kind=self.bound.kind)
        self._connection, self._outage, self._reached = connection, "", True
        self._up.set()
        self._tried.set()
        broker_up.set(1)
        try:
            await self.lost(connection)
        finally:
            self._connection = None
            self._up.clear()
            broker_up.set(0)
            with contextlib.suppress(Exception):  # it may be broken, and is of no more use
                async with asyncio.timeout(CONFIRMED_WITHIN):
                    await self.close(connection)

    def _consume(self, subscription: Subscription) -> None:
        consuming = Background()
        consuming.start(self._take_in(subscription), f"take in {subscription.channel}")
        self._consuming.append(consuming)

    async def _take_in(self, subscription: Subscription) -> None:
        failures = 0
        while True:
            await self._up.wait()
            if (connection := self._connection) is None:
                continue
            try:
                async with self.intake(connection, subscription) as intake:
                    while True:
                        await take_batch(intake, subscription)
                        failures = 0
            except Exception as error:  # noqa: BLE001 - all that can be done is to try again, for ever
                failures += 1
                if failures == 2 and connection is self._connection:  # noqa: PLR2004 - not an outage, and not a moment's
                    reason = f"{type(error).__name__}: {error}"
                    log.warning("channel cannot be read", channel=subscription.channel, reason=reason)
                await asyncio.sleep(pause(failures))

    # What a connection needs

    def credentials(self) -> tuple[str, str]:
        """Give user and password as they are now, so that a rotation needs no restart; empty where there are none."""
        bound, secrets = self.bound, self.service.placement.secrets
        user = secrets.text(bound.user_secret) if bound.user_secret else bound.user
        return user, secrets.text(bound.password_secret) if bound.password_secret else ""

    def tls(self) -> ssl.SSLContext | None:
        """Give what proves the broker's name, or none where the connection is in the clear."""
        if not self.bound.tls:
            return None
        return ssl.create_default_context(cafile=self.bound.tls_authority or None)

    def published(self, channel: str) -> Published:
        """Give what the binding says of a channel that is published to, or what holds where it says nothing."""
        return self.service.binding.publishes.get(channel, UNKNOWN)
