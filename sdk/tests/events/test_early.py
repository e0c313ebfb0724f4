"""An event that comes before something it needs is no failure: it waits, and is parked where that never comes."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from opentelemetry.trace import StatusCode
from prometheus_client import REGISTRY

from fairway_sdk import Event, NotYetError, Service
from fairway_sdk.contract.binding import Consumed, Published, Retries, Store, Telemetry
from fairway_sdk.events import dead_letters as letters
from fairway_sdk.events.failures import patience
from fairway_sdk.testing.events import dead_letters, deliver, eventually, settled
from fairway_sdk.testing.placing import migrate
from fairway_sdk.testing.traces import recorded_spans

if TYPE_CHECKING:
    from fairway_sdk.testing.servers import DynamoDB, Valkey

Place = Callable[..., Awaitable[Service]]

ONCE = Retries(tries=1, first_pause=0.01, longest_pause=0.05)  # the first failure parks


class Left(Event, frozen=True):
    """A parcel is on its way."""

    channel = "left"

    parcel: str


class Desk:
    """A service that tells of parcels it knows."""

    def __init__(self) -> None:
        self.service = Service(f"desk-{uuid4().hex[:8]}")
        self.known: set[str] = set()
        self.tried: list[str] = []
        self.told: list[str] = []

        @self.service.on(Left)
        async def tell(event: Left) -> None:
            self.tried.append(event.parcel)
            if event.parcel not in self.known:
                raise NotYetError("the parcel is not known yet")
            self.told.append(event.parcel)


@pytest.fixture(params=["sqlite", "postgresql", "redis", "dynamodb"])
def store(request: pytest.FixtureRequest, sqlite: Store) -> Store:
    """Give a store of each kind of inbox in turn."""
    match request.param:
        case "redis":
            valkey: Valkey = request.getfixturevalue("valkey")
            return valkey.store()
        case "dynamodb":
            dynamodb: DynamoDB = request.getfixturevalue("dynamodb")
            return dynamodb.store(f"{uuid4().hex[:8]}-")
        case "postgresql":
            found: Store = request.getfixturevalue("database")
            return found
    return sqlite


@pytest.fixture
async def desk(place: Place, store: Store) -> Desk:
    """Give a service with one try for each event, and half a minute for what comes early."""
    found = Desk()
    consumed, all_of_them = {"left": Consumed(retries=ONCE, late=30.0)}, Telemetry(share=1.0)
    await place(found.service, store, consumes=consumed, telemetry=all_of_them, secrets={"dynamodb-key": "test"})
    if store.kind == "dynamodb":
        await migrate(found.service)
    return found


def counted(outcome: str) -> float:
    """Tell how many events of the channel had an outcome."""
    return REGISTRY.get_sample_value("fairway_events_handled_total", {"channel": "left", "outcome": outcome}) or 0.0


def timed() -> float:
    """Tell how many were timed."""
    return REGISTRY.get_sample_value("fairway_event_duration_seconds_count", {"channel": "left"}) or 0.0


async def test_what_comes_early_waits_and_costs_no_try(desk: Desk) -> None:
    """It is handled once what it needs is there; no count, span or dead letter says that anything failed."""
    before = {outcome: counted(outcome) for outcome in ("handled", "failed", "parked")}
    early, seen = counted("early"), timed()
    with recorded_spans() as spans:
        async with desk.service.running():
            await deliver(desk.service, Left("a"), Left("b"))
            await eventually(lambda: desk.tried.count("a") >= 3)
            desk.known |= {"a", "b"}
            await settled(desk.service)
            assert await dead_letters(desk.service) == []
    assert sorted(desk.told) == ["a", "b"]
    grown = {outcome: counted(outcome) - count for outcome, count in before.items()}
    assert grown == {"handled": 2, "failed": 0, "parked": 0}
    assert counted("early") - early == len(desk.tried) - 2
    assert timed() - seen == 2, "only what was handled has a duration"
    tries = [found for found in spans if found.name == "process left"]
    assert len(tries) == len(desk.tried)
    assert not any(found.status.status_code is StatusCode.ERROR for found in tries)
    outcomes = [(found.attributes or {}).get("fairway.outcome") for found in tries]
    assert outcomes.count("early") == len(desk.tried) - 2


async def test_what_never_comes_parks_the_event_with_what_it_waited_for(desk: Desk) -> None:
    """After the channel's `late`; put back it has a try more, which succeeds where all is there meanwhile."""
    async with desk.service.running():
        await deliver(desk.service, Left("a"))
        await eventually(lambda: len(desk.tried) >= 2)
        desk.service.clock.ahead += 31
        await settled(desk.service)
        (letter,) = await dead_letters(desk.service)
        assert (letter.attempts, letter.reason) == (1, "what it needs did not come within 30 s")
        assert letter.error.startswith("NotYetError at test_early.py:")
        assert letter.message == "the parcel is not known yet"
        desk.known.add("a")
        assert await letters.redrive(desk.service, [letter.id]) == 1
        await settled(desk.service)
        assert await dead_letters(desk.service) == []
    assert desk.told == ["a"]


async def test_a_failure_after_waiting_has_all_its_tries(sqlite: Store, place: Place) -> None:
    """Waiting and failing are counted apart."""
    service, tried = Service("desk"), []

    @service.on(Left)
    async def tell(event: Left) -> None:
        tried.append(event.parcel)
        if len(tried) <= 4:
            raise NotYetError("the parcel is not known yet")
        raise ConnectionError

    quick = Retries(tries=2, first_pause=0.01, longest_pause=0.02)
    await place(service, sqlite, publishes={"left": Published()}, consumes={"left": Consumed(retries=quick)})
    async with service.running():
        await deliver(service, Left("a"))
        await settled(service)
        (letter,) = await dead_letters(service)
    assert (len(tried), letter.attempts, letter.reason) == (6, 2, "it failed 2 times")


def test_pauses_grow_with_the_wait_and_end_about_when_it_may_wait_no_longer() -> None:
    """Each is about as long as it has waited: some ten tries in half a minute, the last one hardly later."""
    bound, waited, tries = Consumed(late=30.0), 0.0, 0
    while waited < bound.late:
        pause = patience(bound, waited)
        assert 0.5 <= pause <= max(1.0, waited)
        waited, tries = waited + pause, tries + 1
    assert 5 <= tries <= 15
    assert waited <= bound.late + bound.retries.first_pause
