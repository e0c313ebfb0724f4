"""An inbox in Redis or DynamoDB keeps the promises of one in SQL, as far as its store can."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest

from fairway_sdk import Event, PoisonError, Service
from fairway_sdk.contract.binding import Consumed, Published, Retries, Store
from fairway_sdk.errors import SetupError
from fairway_sdk.events import dead_letters as letters
from fairway_sdk.events.brokers.memory import Hub
from fairway_sdk.events.inbox_dynamodb import DynamoTransaction
from fairway_sdk.stores.dynamodb_declared import DynamoTable
from fairway_sdk.testing.events import dead_letters, eventually, settled
from fairway_sdk.testing.placing import migrate
from fairway_sdk.testing.servers import DynamoDB, Valkey

Place = Callable[..., Awaitable[Service]]
Pair = tuple[Service, "Viewer"]

PUBLISHES = {"viewed": Published(ordered_by="reader")}
QUICK = {"viewed": Consumed(retries=Retries(tries=3, first_pause=0.01, longest_pause=0.05))}


class Viewed(Event, frozen=True):
    """A reader looked at a book."""

    channel = "viewed"
    person = "reader"

    reader: str
    count: int = 0


class Viewer:
    """A service that remembers who looked, and fails for those it is told to."""

    def __init__(self) -> None:
        self.service = Service(f"viewer-{uuid4().hex[:8]}")
        self.fails: dict[str, Exception] = {}
        self.tried: list[tuple[str, int]] = []
        self.got: dict[str, list[int]] = {}

        @self.service.on(Viewed)
        async def keep(event: Viewed) -> None:
            self.tried.append((event.reader, event.count))
            await asyncio.sleep(0.001)
            if event.reader in self.fails and event.count == 0:
                raise self.fails[event.reader]
            self.got.setdefault(event.reader, []).append(event.count)


@pytest.fixture(params=["redis", "dynamodb"])
def other_store(request: pytest.FixtureRequest) -> Store:
    """Give a store of each kind without SQL in turn."""
    if request.param == "redis":
        valkey: Valkey = request.getfixturevalue("valkey")
        return valkey.store()
    server: DynamoDB = request.getfixturevalue("dynamodb")
    return server.store(f"{uuid4().hex[:8]}-")


@pytest.fixture
async def pair(place: Place, sqlite: Store, other_store: Store) -> Pair:
    """Give an author of events, and a viewer whose inbox is not in SQL; both are placed, and not started."""
    author = await place(Service("author"), sqlite, publishes=PUBLISHES)
    viewer = Viewer()
    await place_viewer(place, viewer.service, other_store)
    return author, viewer


async def place_viewer(place: Place, service: Service, store: Store) -> None:
    """Place a consumer, and make its tables."""
    await place(service, store, consumes=QUICK, secrets={"dynamodb-key": "test"})
    if store.kind == "dynamodb":
        await migrate(service)


async def emit(service: Service, *events: Viewed) -> None:
    """Emit events in one transaction."""
    async with service.transaction() as tx:
        await tx.emit(*events)


async def test_each_event_is_handled_once_and_each_key_in_order(pair: Pair, the_hub: Hub) -> None:
    """Delivered twice and in any order, with a failure in between."""
    author, viewer = pair
    viewer.fails["b"] = ConnectionError()
    the_hub.misdeliver(times=2, seed=5)
    async with author.running(), viewer.service.running():
        for count in range(8):
            await emit(author, Viewed("a", count), Viewed("b", count), Viewed("c", count))
        await settled(author, viewer.service, within=30.0)
        (letter,) = await dead_letters(viewer.service)
    assert viewer.got == {"a": list(range(8)), "b": list(range(1, 8)), "c": list(range(8))}
    assert viewer.tried.count(("b", 0)) == letter.attempts == 3
    assert (letter.kind, letter.ordered) == ("Viewed", True)


async def test_a_dead_letter_can_be_put_back_and_dropped(pair: Pair, the_hub: Hub) -> None:
    """What is put back has all its tries; what is dropped is known again."""
    author, viewer = pair
    viewer.fails |= {"a": PoisonError("no such reader"), "b": PoisonError("no such reader")}
    async with author.running(), viewer.service.running():
        await emit(author, Viewed("a"), Viewed("b"), Viewed("a", 1))
        await settled(author, viewer.service)
        first, second = await dead_letters(viewer.service)
        viewer.fails.clear()
        assert await letters.redrive(viewer.service, [first.id, "in-nothing"]) == 1
        assert await letters.drop(viewer.service, [second.id]) == 1
        for envelope in the_hub.published:
            the_hub.inject("viewed", envelope.encode())
        await settled(viewer.service)
        assert await dead_letters(viewer.service) == []
    assert len(viewer.tried) == 4
    assert sorted(count for counts in viewer.got.values() for count in counts) == [0, 1], (
        "one was put back, one is gone"
    )


async def test_what_is_not_an_envelope_is_parked_and_shown_and_purged(pair: Pair, the_hub: Hub) -> None:
    """The operator sees the document as it came."""
    _, viewer = pair
    async with viewer.service.running():
        the_hub.inject("viewed", b"\xff\x00 not JSON")
        await settled(viewer.service)
        (letter,) = await dead_letters(viewer.service, "viewed")
        (whole,) = await letters.find(viewer.service, ids=[letter.id])
        assert (letter.reason, whole.document) == ("it is not an envelope", b"\xff\x00 not JSON")
        viewer.service.clock.ahead = 100
        assert await letters.purge(viewer.service, 3600) == 0
        assert await letters.purge(viewer.service, 50) == 1
        assert await dead_letters(viewer.service) == []


async def test_who_died_with_an_event_is_relieved_and_in_the_end_it_is_parked(pair: Pair) -> None:
    """A lease ends by itself, and a taking counts as a try."""
    author, viewer = pair
    bound = QUICK["viewed"]
    async with author.running(), viewer.service.running():
        viewer.service.life.draining = True
        inbox = viewer.service.consumers.inbox
        await viewer.service.consumers.stop()
        await emit(author, Viewed("a"), Viewed("a", 1))
        await settled(author)
        await _until_waiting(viewer.service, 2)
        for attempt in range(1, 4):
            (taken,) = await inbox.take("viewed", ["Viewed"], 10, bound)
            assert taken.attempts == attempt
            assert not await inbox.take("viewed", ["Viewed"], 10, bound), "its key waits for it"
            viewer.service.clock.ahead += bound.timeout + 11
        found = await inbox.take("viewed", ["Viewed"], 10, bound) or await inbox.take("viewed", ["Viewed"], 10, bound)
        assert [each.attempts for each in found] == [1], "the next of its key"
        (letter,) = await dead_letters(viewer.service)
        assert "died, or hung, each time" in letter.reason


async def test_a_person_is_exported_and_erased(pair: Pair) -> None:
    """From what waits and from dead letters; what was handled holds nothing any more."""
    author, viewer = pair
    viewer.fails["a"] = PoisonError("no such reader")
    async with author.running(), viewer.service.running():
        await emit(author, Viewed("a"), Viewed("b"))
        await settled(author, viewer.service)
        (document,) = await letters.of_person(viewer.service, "a")
        assert document["content"]["reader"] == "a"
        assert await letters.erase_person(viewer.service, "a") == 1
        assert await letters.of_person(viewer.service, "a") == await letters.of_person(viewer.service, "b") == []
        assert await dead_letters(viewer.service) == []


async def test_an_unknown_kind_waits_for_a_version_that_knows_it(
    pair: Pair, place: Place, other_store: Store, the_hub: Hub
) -> None:
    """Also where the inbox is not in SQL."""
    author, viewer = pair
    async with author.running(), viewer.service.running():
        await emit(author, Viewed("a"))
        await settled(author, viewer.service)
        the_hub.inject(
            "viewed", the_hub.published[0].encode().replace(b'"Viewed"', b'"Closed"').replace(b'"id":"', b'"id":"x')
        )
        await settled(viewer.service)

    class Closed(Viewed, frozen=True):
        """A reader closed a book."""

    new, got = Service(viewer.service.name), []

    @new.on(Closed)
    async def keep(event: Closed) -> None:
        got.append(event.reader)

    await place_viewer(place, new, other_store)
    async with new.running():
        await eventually(lambda: bool(got))
    assert got == ["a"]


async def test_an_effect_in_dynamodb_and_its_mark_are_one(place: Place, sqlite: Store, dynamodb: DynamoDB) -> None:
    """A handler that fails after it wrote has written nothing."""
    author = await place(Service("author"), sqlite, publishes=PUBLISHES)
    service, tries = Service("views"), []
    views = service.dynamodb_table(DynamoTable(name="views", partition="reader"))

    @service.on(Viewed)
    async def count(event: Viewed, tx: DynamoTransaction) -> None:
        tries.append(event)
        tx.add(views.to_update({"reader": event.reader}, adding={"views": 1}))
        if len(tries) == 1:
            raise ConnectionError

    await place_viewer(place, service, dynamodb.store(f"{uuid4().hex[:8]}-"))
    async with author.running(), service.running():
        await emit(author, Viewed("a"), Viewed("a", 1))
        await settled(author, service)
        found = await views.get({"reader": "a"})
    assert (len(tries), found) == (3, {"reader": "a", "views": 2})


async def test_a_handler_that_asks_redis_for_a_transaction_is_refused(place: Place, valkey: Valkey) -> None:
    """There is none, and an author who counts on one is told at once."""
    service = Service("views")

    @service.on(Viewed)
    async def count(event: Viewed, tx: object) -> None:
        """Never runs."""

    await place(service, valkey.store(), consumes=QUICK)
    with pytest.raises(SetupError, match="count asks for `tx`, and the inbox is in store 'main'"):
        await service.start()


async def _until_waiting(service: Service, count: int) -> None:
    async def waiting() -> bool:
        return (await service.consumers.inbox.waiting()).get("viewed") == count

    await eventually(waiting)
