"""The consumers of a service: what its broker brings goes into the inbox, and from there to its handlers.

An event is delivered at least once; its effect through `tx` happens once, in a SQL store or DynamoDB. What else a
handler does, it may do again. Events with equal keys are handled one after the other in the order they were caused; a
failing one makes the others of its key wait, until it succeeds or is parked as a dead letter. What a handler undoes, it
undoes by an event of its own: a compensating event is an event like any other, emitted with `tx.emit`.

An event of a kind that no handler here knows is kept aside, not refused: a newer version of the service may run beside
this one, or come soon, and takes it up. It is forgotten when handled events are.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
import structlog

from fairway_sdk.contract.binding import Consumed
from fairway_sdk.errors import SetupError
from fairway_sdk.events import metrics
from fairway_sdk.events.event import Envelope, Event
from fairway_sdk.events.failures import Failure
from fairway_sdk.events.handlers import Handlers, Kind
from fairway_sdk.events.inbox import Arrived, Inbox, inbox_store, open_inbox
from fairway_sdk.events.personal import alias
from fairway_sdk.events.tables import TASKS, digest, fitting, lane_of
from fairway_sdk.events.wake import INBOX_RUNG, Listening, bell
from fairway_sdk.events.worker import Worker
from fairway_sdk.lifecycle import Background, Level
from fairway_sdk.stores.opened import SQL

if TYPE_CHECKING:
    from fairway_sdk.service import Service
    from fairway_sdk.stores.dynamodb_declared import DynamoTable
    from fairway_sdk.stores.transaction import Transaction

log = structlog.get_logger("fairway")

F = TypeVar("F", bound=Callable[..., Any])


LARGEST_NUMBER: Final = 1 << 62
SETTLE_EVERY: Final = 60.0  # seconds
COUNT_EVERY: Final = 10.0
OWN_CONNECTIONS: Final = 2  # of the store's: for taking what is due, and for the relay


class Consumers:
    """The handlers of a service, its inbox, and the workers between."""

    name = "consumers"
    level = Level.EVENTS

    def __init__(self, service: "Service") -> None:
        self._service = service
        self.handlers = Handlers(service.name)
        self._store = ""
        self._inbox: Inbox | None = None
        self._workers: list[Worker] = []
        self._listening: Listening | None = None
        self._house = Background()

    # What a service's author says

    def on(self, event: type[Event]) -> Callable[[F], F]:
        """Handle a kind of event; several handlers of a kind share its transaction and its tries."""

        def add(function: F) -> F:
            self.handlers.add(event, function)
            return function

        return add

    def task(self, function: F) -> F:
        """Declare work that a transaction may defer; its name is what waiting work is known by."""
        self.handlers.add_task(function)
        return function

    def keep_in(self, store: str) -> None:
        """Keep the inbox in this store; else the first SQL store, or DynamoDB, or Redis keeps it."""
        self._store = store

    async def defer(
        self, transaction: "Transaction", function: Callable[..., Any], payload: msgspec.Struct, delay: float
    ) -> None:
        """Add deferred work to a transaction; a `SetupError` where the inbox is kept in another store."""
        from fairway_sdk.events.outbox import defer

        name = self.handlers.task_name(function, payload)
        held = transaction.info["store"].name
        if held != f"store {self.inbox.store}":
            raise SetupError(
                f"service '{self._service.name}': task '{name}' is deferred in a transaction of {held}, and the inbox"
                f" is in store '{self.inbox.store}'. Use one store, or choose it with service.consumers.keep_in()."
            )
        await defer(transaction, name, payload, delay)

    # Its life

    @property
    def inbox(self) -> Inbox:
        """The inbox, in the store of now."""
        if self._inbox is None:
            self._inbox = open_inbox(self._service, self._store)
        return self._inbox

    def subscribe(self) -> None:
        """Tell the broker what is wanted, before it starts; a `SetupError` has a line for each wrong channel."""
        service = self._service
        self.renew()
        wrong = [
            f"service '{service.name}': handles events of channel '{channel}', which it does not consume."
            " Add the channel to the service's consumes in the facts."
            for channel in self.handlers.events
            if channel not in service.binding.consumes
        ]
        if self.handlers.events and service.binding.broker is None:
            wrong.append(f"service '{service.name}': handles events and is bound to no broker. Bind one.")
        asking = [
            handler.call.__name__
            for kinds in self._channels().values()
            for kind in kinds.values()
            for handler in kind.handlers
            if handler.transaction
        ]
        if asking and not wrong and not self.inbox.transactional:
            wrong.append(
                f"service '{service.name}': {', '.join(asking)} asks for `tx`, and the inbox is in store"
                f" '{self.inbox.store}', which has no transactions. Leave `tx` out, and let the handler be idempotent."
            )
        if wrong:
            raise SetupError("\n".join(wrong))
        for channel in self.handlers.events:
            service.broker.subscribe(channel, service.name, partial(self.receive, channel))

    def dynamodb_tables(self, store: str) -> "list[DynamoTable]":
        """Give the tables that this store of DynamoDB needs for the inbox: none where another store keeps it."""
        if not self._channels() or inbox_store(self._service, self._store) != store:
            return []
        from fairway_sdk.events.inbox_dynamodb import inbox_table

        return [inbox_table(store)]

    def renew(self) -> None:
        """Open the inbox anew when it is next asked for: the stores were made anew."""
        self._inbox = None

    async def receive(self, channel: str, documents: Sequence[bytes]) -> None:
        """Take documents in for good; what cannot be read is parked, so that nothing is lost and nothing is blocked."""
        if self._service.binding.personal is not None:
            await self._service.keyring.open()
        arrived = [self._arrived(channel, document) for document in documents]
        new = await self.inbox.accept(arrived)
        if new < len(arrived):
            metrics.HANDLED.labels(channel, "repeated").inc(len(arrived) - new)
        if new:
            bell(self._service, channel).ring()

    async def start(self) -> None:
        """Begin to handle what is due."""
        service = self._service
        inbox = self.inbox
        self._workers = [
            Worker(service, inbox, channel, kinds, self._bound(channel), bell(service, _rung(channel)))
            for channel, kinds in self._channels().items()
        ]
        for worker in self._workers:
            worker.start()
        if self.handlers.tasks and service.binding.stores[inbox.store].kind == "postgresql":
            self._listening = Listening(service.stores.sql(inbox.store), INBOX_RUNG, bell(service, INBOX_RUNG).ring)
            self._listening.start()
        self._house.start(self._keep_house(), "inbox's house")

    async def stop(self) -> None:
        """Take no more, and finish what is being handled, as long as the drain lasts."""
        await self._house.stop()
        if self._listening is not None:
            await self._listening.stop()
        await asyncio.gather(*(worker.stop(self._service.binding.drain) for worker in self._workers))
        self._workers = []

    async def unready(self) -> str | None:
        """Say that a worker died."""
        alive = self._house.running and all(worker.running for worker in self._workers)
        return None if alive else "a worker of the inbox died"

    # Inside

    def _channels(self) -> Mapping[str, Mapping[str, Kind]]:
        tasks = {TASKS: self.handlers.tasks} if self.handlers.tasks else {}
        return {**self.handlers.events, **tasks}

    def _bound(self, channel: str) -> Consumed:
        """Give a channel's figures; a handler with `tx` holds a connection, so as many run as there are to spare."""
        bound = self._service.binding.consumes.get(channel, self._service.binding.tasks)
        store = self._service.binding.stores[self.inbox.store]
        channels = self._channels()
        if store.kind not in SQL or not any(kind.transaction for kind in channels[channel].values()):
            return bound
        share = max(1, (store.connections - OWN_CONNECTIONS) // len(channels))
        return msgspec.structs.replace(bound, at_once=min(bound.at_once, share))

    def _arrived(self, channel: str, document: bytes) -> Arrived:
        consumer = self._service.name
        try:
            envelope = Envelope.decode(document)
            if not (0 <= envelope.number < LARGEST_NUMBER and 0 <= envelope.after < LARGEST_NUMBER):
                raise msgspec.ValidationError("its number is out of range")
        except msgspec.DecodeError as error:
            event = digest(document.hex())
            failure = Failure.of(error, "it is not an envelope")
            return Arrived(
                id=digest(consumer, channel, event),
                channel=channel,
                kind="",
                event=event,
                document=document,
                failure=failure,
            )
        return Arrived(
            id=digest(consumer, channel, envelope.id),
            channel=channel,
            kind=fitting(envelope.kind),
            event=fitting(envelope.id, 64),
            lane=lane_of(channel, envelope.key),
            number=envelope.number,
            after=envelope.after,
            alias=alias(self._service, envelope.person),
            document=document,
            known=envelope.kind in self.handlers.events.get(channel, ()),
        )

    async def _keep_house(self) -> None:
        settled = 0.0
        clock = self._service.clock
        channels = {channel: list(kinds) for channel, kinds in self._channels().items()}
        while True:
            try:
                if clock.now() - settled > SETTLE_EVERY:
                    settled = clock.now()
                    await self.inbox.settle(channels, {channel: self._bound(channel) for channel in channels})
                waiting, parked = await self.inbox.waiting(), await self.inbox.parked()
                for channel in channels:
                    metrics.INBOX_WAITING.labels(channel).set(waiting.get(channel, 0))
                    metrics.DEAD_LETTERS.labels(channel, "in").set(parked.get(channel, 0))
            except Exception as error:  # noqa: BLE001 - it goes on when the store is back
                log.warning("inbox cannot be counted", error=type(error).__name__)
            await clock.sleep(COUNT_EVERY)


def _rung(channel: str) -> str:
    return INBOX_RUNG if channel == TASKS else channel
