"""An event goes from its author's transaction to its handler, on every SQL store; without the commit it does not."""

import contextlib
from collections.abc import Awaitable, Callable

import msgspec
import pytest
import sqlalchemy as sa

from fairway_sdk import Event, Service, Transaction
from fairway_sdk.contract.binding import Consumed, Published, Store
from fairway_sdk.errors import SetupError
from fairway_sdk.events.brokers.memory import Hub
from fairway_sdk.events.event import Envelope
from fairway_sdk.events.outbox import PublishError
from fairway_sdk.telemetry.traces import span
from fairway_sdk.testing.events import emitted, eventually, settled

Place = Callable[..., Awaitable[Service]]

ORDERED = {"placed": Published(ordered_by="order")}
CONSUMED = {"placed": Consumed()}


class Placed(Event, frozen=True):
    """An order was placed."""

    channel = "placed"

    order: str
    copy: int = 0


class Cancelled(Event, frozen=True):
    """An order was taken back; on the same channel."""

    channel = "placed"

    order: str


class Letter(msgspec.Struct, frozen=True):
    """What a task sends."""

    to: str


async def test_events_reach_their_handler_once_each_and_each_key_in_order(any_store: Store, place: Place) -> None:
    """What a user relies on, on each kind of store."""
    service = Service("shop")
    got: list[Placed] = []

    @service.on(Placed)
    async def keep(event: Placed) -> None:
        got.append(event)

    await place(service, any_store, publishes=ORDERED, consumes=CONSUMED)
    async with service.running():
        for copy in range(3):
            async with service.transaction() as tx:
                await tx.emit(Placed("a", 2 * copy), Placed("b", copy), Placed("a", 2 * copy + 1))
        await settled(service)
    assert [event.copy for event in got if event.order == "a"] == [0, 1, 2, 3, 4, 5]
    assert [event.copy for event in got if event.order == "b"] == [0, 1, 2]


async def test_nothing_is_sent_when_the_transaction_rolls_back(any_store: Store, place: Place, the_hub: Hub) -> None:
    """Both or neither: the rows of the author and the event."""
    service = await place(Service("shop"), any_store, publishes=ORDERED)
    async with service.running():
        await fail_to_emit(service)
        await settled(service)
    assert the_hub.published == []


async def test_a_savepoint_that_rolls_back_takes_its_events_along(sqlite: Store, place: Place, the_hub: Hub) -> None:
    """Only what was emitted within it is gone, also where it was nested deeper."""
    service = await place(Service("shop"), sqlite, publishes=ORDERED)
    async with service.running():
        async with service.transaction() as tx:
            await tx.emit(Placed("before"))
            savepoint = await tx.begin_nested()
            await tx.emit(Placed("within"))
            async with tx.begin_nested():
                await tx.emit(Placed("deeper"))
            await savepoint.rollback()
            async with tx.begin_nested():
                await tx.emit(Placed("kept"))
            await tx.emit(Placed("after"))
        await settled(service)
    assert sorted(envelope.key for envelope in the_hub.published) == ["after", "before", "kept"]


async def test_events_of_a_key_follow_the_commits_not_the_emits(database: Store, place: Place, the_hub: Hub) -> None:
    """The transaction that commits first comes first, though it emitted last; each names the one before."""
    service = await place(Service("shop"), database, publishes=ORDERED)
    async with service.running():
        async with service.sql().transaction() as slow, service.sql().transaction() as quick:
            await slow.emit(Placed("a", 2))
            await quick.emit(Placed("a", 1))
            await quick.commit()
            await slow.commit()
        await settled(service)
    first, second = sorted(the_hub.published, key=lambda envelope: envelope.number)
    assert (msgspec.json.decode(first.content, type=Placed).copy, first.after) == (1, 0)
    assert (msgspec.json.decode(second.content, type=Placed).copy, second.after) == (2, first.number)


async def test_a_channel_that_the_service_does_not_publish_is_refused(sqlite: Store, place: Place) -> None:
    """In a sentence that says what to do, and before anything is written."""
    service = await place(Service("shop"), sqlite, publishes={"other": Published()})
    async with service.running():
        with pytest.raises(PublishError, match=r"does not publish \(it publishes: other\)\. Add the channel"):
            async with service.transaction() as tx:
                await tx.emit(Placed("a"))


async def test_an_event_without_the_field_that_orders_its_channel_is_refused(sqlite: Store, place: Place) -> None:
    """A key that is not there would silently be no order."""
    service = await place(Service("shop"), sqlite, publishes={"placed": Published(ordered_by="basket-id")})
    async with service.running():
        with pytest.raises(PublishError, match="ordered by 'basket-id', and Placed has no such field"):
            async with service.transaction() as tx:
                await tx.emit(Placed("a"))


async def test_a_handler_of_a_channel_that_is_not_consumed_refuses_the_start(sqlite: Store, place: Place) -> None:
    """Or its events would never come, and nobody would know."""
    service = Service("shop")

    @service.on(Placed)
    async def keep(event: Placed) -> None:
        """Never runs."""

    await place(service, sqlite)
    with pytest.raises(SetupError, match="handles events of channel 'placed', which it does not consume"):
        await service.start()


async def test_what_a_handler_writes_and_emits_is_one_transaction(any_store: Store, place: Place) -> None:
    """A handler that fails after it wrote leaves nothing behind, and the next try does it once."""
    service = Service("shop")
    notes = sa.Table("notes", sa.MetaData(), sa.Column("text", sa.String(20)))
    tries: list[int] = []

    @service.on(Placed)
    async def keep(event: Placed, tx: Transaction) -> None:
        tries.append(1)
        await tx.execute(notes.insert().values(text=event.order))
        await tx.emit(Cancelled(event.order))
        if len(tries) < 2:
            raise ZeroDivisionError

    undone: list[str] = []

    @service.on(Cancelled)
    async def undo(event: Cancelled) -> None:
        undone.append(event.order)

    consumed = Consumed(retries=msgspec.structs.replace(Consumed().retries, first_pause=0.01))
    await place(service, any_store, publishes=ORDERED, consumes={"placed": consumed})
    async with service.running():
        async with service.sql().connection() as connection:
            await connection.run_sync(notes.create)
        async with service.transaction() as tx:
            await tx.emit(Placed("a"))
        await settled(service)
        async with service.transaction() as tx:
            rows = (await tx.execute(sa.select(notes.c.text))).scalars().all()
    assert (len(tries), rows, undone) == (2, ["a"], ["a"])


async def test_deferred_work_is_done_if_its_transaction_commits(any_store: Store, place: Place) -> None:
    """And not before its delay is over."""
    service = Service("shop")
    sent: list[str] = []

    @service.task
    async def send(letter: Letter) -> None:
        sent.append(letter.to)

    await place(service, any_store)
    async with service.running():
        async with service.sql().transaction() as tx:
            await tx.defer(send, Letter("nobody"))
            await tx.rollback()
        async with service.transaction() as tx:
            await tx.defer(send, Letter("late"), delay=3600)
            await tx.defer(send, Letter("now"))
        with pytest.raises(AssertionError, match="1 in the inbox"):
            await settled(service, within=0.5)
        assert sent == ["now"]
        service.clock.ahead = 3601
        await settled(service)
    assert sent == ["now", "late"]


async def test_an_event_of_an_unknown_kind_waits_for_a_version_that_knows_it(sqlite: Store, place: Place) -> None:
    """During a roll-out an older replica may take in what only the newer one can handle."""
    old, author = Service("mail"), Service("shop")

    @old.on(Placed)
    async def keep(event: Placed) -> None:
        """Know the other kind only."""

    await place(author, sqlite, publishes={"placed": Published()})
    await place(old, sqlite, consumes=CONSUMED)
    async with author.running(), old.running():
        async with author.transaction() as tx:
            await tx.emit(Cancelled("a"))
        await settled(author, old)
    new, got = Service("mail"), []

    @new.on(Cancelled)
    async def undo(event: Cancelled) -> None:
        got.append(event)

    await place(new, sqlite, consumes=CONSUMED)
    async with new.running():
        await eventually(lambda: bool(got))
    assert got == [Cancelled("a")]


async def test_a_service_takes_up_what_came_while_it_was_down(sqlite: Store, place: Place) -> None:
    """Started and stopped again in one process, with the same declarations."""
    service, got = Service("shop"), []

    @service.on(Placed)
    async def keep(event: Placed) -> None:
        got.append(event.order)

    await place(service, sqlite, publishes=ORDERED, consumes=CONSUMED)
    for order in ("a", "b"):
        async with service.running():
            async with service.transaction() as tx:
                await tx.emit(Placed(order))
            await settled(service)
    assert got == ["a", "b"]


async def test_the_trace_goes_on_in_the_handler(sqlite: Store, place: Place, the_hub: Hub) -> None:
    """The envelope carries the traceparent of the transaction."""
    service = await place(Service("shop"), sqlite, publishes=ORDERED)
    async with service.running():
        with span("checkout") as outer:
            async with service.transaction() as tx:
                await tx.emit(Placed("a"))
        await settled(service)
    trace = outer.get_span_context().trace_id
    assert [envelope.trace.split("-")[1] for envelope in the_hub.published] == [f"{trace:032x}"] if trace else True


async def test_emitted_events_can_be_looked_at(sqlite: Store, place: Place) -> None:
    """For tests of a service by itself: committed ones only."""
    service = await place(Service("shop"), sqlite, publishes=ORDERED)
    async with service.running():
        with emitted(service) as events:
            async with service.transaction() as tx:
                await tx.emit(Placed("a"))
            await fail_to_emit(service)
    events.assert_only(Placed("a"))


async def fail_to_emit(service: Service) -> None:
    """Emit in a transaction that fails."""
    with contextlib.suppress(ZeroDivisionError):
        async with service.transaction() as tx:
            await tx.emit(Placed("b"))
            raise ZeroDivisionError


def test_an_envelope_of_before_there_was_a_predecessor_still_reads() -> None:
    """Old documents stay readable: a new field has a default."""
    old = b'{"id":"1","channel":"placed","kind":"Placed","content":{}}'
    assert Envelope.decode(old).after == 0
