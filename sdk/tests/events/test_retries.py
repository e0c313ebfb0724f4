"""A handler that fails is tried again, its key waits, others flow; what is hopeless is parked and can be put back."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from fairway_sdk import Event, PoisonError, Service
from fairway_sdk.contract.binding import Consumed, Published, Retries, Store
from fairway_sdk.events import dead_letters as letters
from fairway_sdk.events.brokers.memory import Hub
from fairway_sdk.testing.events import dead_letters, eventually, settled

Place = Callable[..., Awaitable[Service]]

QUICK = Retries(tries=3, first_pause=0.01, longest_pause=0.05)
BOUND = {"publishes": {"sent": Published(ordered_by="parcel")}, "consumes": {"sent": Consumed(retries=QUICK)}}


class Sent(Event, frozen=True):
    """A parcel was sent."""

    channel = "sent"

    parcel: str
    step: int = 0
    to: str = ""


class Post:
    """A service that handles parcels, and fails for those it is told to."""

    def __init__(self) -> None:
        self.service = Service("post")
        self.fails: dict[str, Exception] = {}
        self.tried: list[tuple[str, int]] = []
        self.got: list[tuple[str, int]] = []

        @self.service.on(Sent)
        async def keep(event: Sent) -> None:
            self.tried.append((event.parcel, event.step))
            if event.parcel in self.fails and event.step == 0:
                raise self.fails[event.parcel]
            self.got.append((event.parcel, event.step))

    async def emit(self, *events: Sent) -> None:
        """Emit events in one transaction."""
        async with self.service.transaction() as tx:
            await tx.emit(*events)


async def test_poison_is_parked_after_its_tries_while_others_flow(any_store: Store, place: Place) -> None:
    """Its key goes on then, and the operator sees why."""
    post = Post()
    post.fails["bad"] = ConnectionError("the post office at 12 Elm Street is closed")
    await place(post.service, any_store, **BOUND)
    async with post.service.running():
        await post.emit(Sent("bad", 0, to="12 Elm Street"), Sent("bad", 1), *(Sent(f"good {n}") for n in range(5)))
        await settled(post.service)
        (letter,) = await dead_letters(post.service, "sent")
    assert post.tried.count(("bad", 0)) == 3
    assert post.got.index(("bad", 1)) == 5, "the others do not wait for it, its key does"
    assert (letter.channel, letter.kind, letter.attempts) == ("sent", "Sent", 3)
    assert letter.error.startswith("ConnectionError at test_retries.py:")
    assert letter.message == "the post office at … is closed", "nothing of the event is in it"
    assert letter.reason == "it failed 3 times"


async def test_a_redriven_event_has_all_its_tries_again(any_store: Store, place: Place) -> None:
    """Once the reason is gone it succeeds; until then it is parked again."""
    post = Post()
    post.fails["bad"] = ConnectionError()
    await place(post.service, any_store, **BOUND)
    async with post.service.running():
        await post.emit(Sent("bad"))
        await settled(post.service)
        (first,) = await dead_letters(post.service)
        assert await letters.redrive(post.service, [first.id]) == 1
        await settled(post.service)
        (again,) = await dead_letters(post.service)
        post.fails.clear()
        assert await letters.redrive(post.service, [again.id, "in-unknown", "out-7", "x"]) == 1
        await settled(post.service)
        assert await dead_letters(post.service) == []
    assert len(post.tried) == 7
    assert post.got == [("bad", 0)]


async def test_a_dropped_event_is_known_when_it_comes_again(any_store: Store, place: Place, the_hub: Hub) -> None:
    """The operator's word is final."""
    post = Post()
    post.fails["bad"] = PoisonError("there is no such parcel")
    await place(post.service, any_store, **BOUND)
    async with post.service.running():
        await post.emit(Sent("bad"))
        await settled(post.service)
        (letter,) = await dead_letters(post.service)
        assert await letters.drop(post.service, [letter.id]) == 1
        the_hub.inject("sent", the_hub.published[0].encode())
        await settled(post.service)
        assert await dead_letters(post.service) == []
    assert post.tried == [("bad", 0)], "poison has one try"


async def test_old_dead_letters_are_purged(any_store: Store, place: Place) -> None:
    """Retention reaches them, too."""
    post = Post()
    post.fails["bad"] = PoisonError("there is no such parcel")
    await place(post.service, any_store, **BOUND)
    async with post.service.running():
        await post.emit(Sent("bad"))
        await settled(post.service)
        assert await letters.purge(post.service, 3600) == 0
        post.service.clock.ahead = 3601
        assert await letters.purge(post.service, 3600) == 1
        assert await dead_letters(post.service) == []


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"not even JSON", "it is not an envelope"),
        (b'{"id":"1"}', "it is not an envelope"),
        (b'{"id":"1","channel":"sent","kind":"Sent","content":{},"number":-5}', "it is not an envelope"),
        (b'{"id":"1","channel":"sent","kind":"Sent","content":{}}', "its content does not fit the event's class"),
        (b'{"id":"\\u0000","channel":"sent","kind":"Sent","content":[]}', "its content does not fit the event's class"),
    ],
)
async def test_what_cannot_be_read_is_parked_and_blocks_nothing(
    database: Store, place: Place, the_hub: Hub, document: bytes, reason: str
) -> None:
    """The broker is rid of it, and the operator can look at it."""
    post = Post()
    await place(post.service, database, **BOUND)
    async with post.service.running():
        await settled(post.service)
        the_hub.inject("sent", document)
        await post.emit(Sent("good"))
        await settled(post.service)
        (letter,) = await dead_letters(post.service)
        (whole,) = await letters.find(post.service, ids=[letter.id])
    assert letter.reason == reason
    assert whole.document == document
    assert post.got == [("good", 0)]


async def test_a_handler_that_hangs_is_cut_off_and_tried_again(sqlite: Store, place: Place) -> None:
    """Its time-out is the channel's."""
    service, begun = Service("post"), []

    @service.on(Sent)
    async def keep(event: Sent) -> None:
        begun.append(event)
        if len(begun) == 1:
            await asyncio.sleep(60)

    consumed = {"sent": Consumed(retries=QUICK, timeout=0.1)}
    await place(service, sqlite, publishes={"sent": Published()}, consumes=consumed)
    async with service.running():
        async with service.transaction() as tx:
            await tx.emit(Sent("a"))
        await settled(service)
    assert len(begun) == 2


async def test_stopping_lets_handlers_finish_and_gives_back_what_cannot(sqlite: Store, place: Place) -> None:
    """What was cut off has lost no try, and the next start handles it at once."""
    service, begun, done = Service("post"), [], []

    @service.on(Sent)
    async def keep(event: Sent) -> None:
        begun.append(event.parcel)
        await asyncio.sleep(60 if event.parcel == "slow" and begun.count("slow") == 1 else 0.2)
        done.append(event.parcel)

    consumed = {"sent": Consumed(retries=Retries(tries=1))}
    await place(service, sqlite, publishes={"sent": Published()}, consumes=consumed, drain=0.5)
    async with service.running():
        async with service.transaction() as tx:
            await tx.emit(Sent("slow"), Sent("quick"))
        await eventually(lambda: len(begun) == 2)
    assert done == ["quick"]
    async with service.running():
        await settled(service)
        assert await dead_letters(service) == []
    assert done == ["quick", "slow"]
