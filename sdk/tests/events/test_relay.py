"""The relay: nothing is lost while the broker is away, one event that it refuses blocks no other, replicas share."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from time import monotonic

import msgspec
import pytest
import sqlalchemy as sa

from fairway_sdk import Event, Service
from fairway_sdk.contract.binding import Published, Retries, Store
from fairway_sdk.errors import SetupError, UnavailableError
from fairway_sdk.events import dead_letters as letters
from fairway_sdk.events.brokers.memory import Hub
from fairway_sdk.events.event import Envelope
from fairway_sdk.events.tables import OUTBOX
from fairway_sdk.testing.events import dead_letters, eventually, settled

Place = Callable[..., Awaitable[Service]]

PUBLISHES = {"said": Published(ordered_by="by", retries=Retries(tries=3, first_pause=0.01, longest_pause=0.05))}


class Said(Event, frozen=True):
    """Somebody said something."""

    channel = "said"

    by: str
    count: int = 0


async def emit(service: Service, *events: Said) -> None:
    """Emit events in one transaction."""
    async with service.transaction() as tx:
        await tx.emit(*events)


def heard(hub: Hub, by: str = "") -> list[int]:
    """Give what the hub was told, of one author or of all."""
    found = [msgspec.json.decode(envelope.content, type=Said) for envelope in hub.published]
    return [said.count for said in found if by in {"", said.by}]


async def test_events_wait_while_the_broker_is_away_and_the_service_stays_ready(
    any_store: Store, place: Place, the_hub: Hub
) -> None:
    """An outage is no fault of an event: none is parked, however long it lasts."""
    service = await place(Service("shop"), any_store, publishes=PUBLISHES)
    the_hub.away = True
    async with service.running():
        for count in range(5):
            await emit(service, Said("a", count), Said("b", count))
        await asyncio.sleep(1.0)
        reasons = await service.life.unready()
        assert "relay" not in reasons
        assert the_hub.published == []
        the_hub.away = False
        await settled(service)
        assert await dead_letters(service) == []
    assert (heard(the_hub, "a"), heard(the_hub, "b")) == ([0, 1, 2, 3, 4], [0, 1, 2, 3, 4])


async def test_an_event_that_the_broker_refuses_is_parked_and_blocks_no_other(
    any_store: Store, place: Place, the_hub: Hub
) -> None:
    """Its key waits for it as long as it is tried; the operator puts it back."""
    service = await place(Service("shop"), any_store, publishes=PUBLISHES)
    the_hub.refuses = lambda envelope: b'"count":13' in bytes(envelope.content)
    async with service.running():
        await emit(service, Said("a", 13))
        await emit(service, Said("a", 14), *(Said(f"b{count}", count) for count in range(5)))
        await settled(service)
        assert sorted(heard(the_hub)) == [0, 1, 2, 3, 4, 14]
        (letter,) = await dead_letters(service)
        assert (letter.id[:4], letter.channel, letter.attempts) == ("out-", "said", 3)
        assert letter.error.startswith("ValueError at memory.py:")
        the_hub.refuses = lambda _envelope: False
        assert await letters.redrive(service, [letter.id]) == 1
        await settled(service)
    assert heard(the_hub, "a") == [14, 13]


async def test_an_event_that_breaks_every_batch_is_found_out_and_parked(
    sqlite: Store, place: Place, the_hub: Hub
) -> None:
    """A broker may close the connection on it, and so look as if it was away to all that are sent along."""
    service = await place(Service("shop"), sqlite, publishes=PUBLISHES)
    broken = service.broker.publish

    async def publish(envelopes: Sequence[Envelope]) -> Sequence[Exception | None]:
        if any(b'"count":13' in bytes(envelope.content) for envelope in envelopes):
            raise UnavailableError("the connection is lost")
        return await broken(envelopes)

    service.broker.publish = publish  # type: ignore[method-assign]  # a broker's misbehaviour, not ours
    async with service.running():
        await emit(service, *(Said(f"a{count}", count) for count in range(20)))
        for count in range(20, 40):
            await asyncio.sleep(0.1)
            await emit(service, Said("others", count))
        await settled(service)
        assert sorted(heard(the_hub)) == [count for count in range(40) if count != 13]
        (letter,) = await dead_letters(service)
    assert letter.attempts == 3


async def test_relays_of_several_replicas_share_and_keep_each_key_in_order(
    any_store: Store, place: Place, the_hub: Hub
) -> None:
    """None sends what another one has, nor what comes after it."""
    replicas = [await place(Service("shop"), any_store, publishes=PUBLISHES) for _ in range(3)]
    async with replicas[0].running(), replicas[1].running(), replicas[2].running():
        for count in range(60):
            await emit(replicas[count % 3], Said("a", count), Said(f"b{count % 7}", count))
        await settled(*replicas)
    assert len(the_hub.published) == len({envelope.id for envelope in the_hub.published}) == 120
    assert heard(the_hub, "a") == list(range(60))
    for author in range(7):
        assert heard(the_hub, f"b{author}") == sorted(heard(the_hub, f"b{author}"))


async def test_a_relay_that_died_with_a_batch_is_relieved_when_its_lease_ends(
    any_store: Store, place: Place, the_hub: Hub
) -> None:
    """Until then nobody sends what comes after it, so the order holds."""
    service = await place(Service("shop"), any_store, publishes=PUBLISHES)
    the_hub.away = True
    async with service.running():
        await emit(service, Said("a", 0))
        await asyncio.sleep(0.3)
        async with service.sql().connection() as connection:
            lease = {"owner": "dead", "due_at": service.clock.now() + 60}
            await connection.execute(sa.update(OUTBOX).values(lease))
        the_hub.away = False
        await emit(service, Said("a", 1), Said("b", 2))
        with pytest.raises(AssertionError, match="2 in the outbox"):
            await settled(service, within=2.0)
        assert heard(the_hub) == [2]
        service.clock.ahead = 61
        await settled(service)
    assert heard(the_hub, "a") == [0, 1]


async def test_a_process_without_a_relay_wakes_the_others_by_notify(
    database: Store, place: Place, the_hub: Hub
) -> None:
    """A job or a command emits, too; nobody waits for the next look."""
    relaying = await place(Service("shop"), database, publishes=PUBLISHES)
    job = await place(Service("shop"), database, publishes=PUBLISHES)
    waits = []
    async with relaying.running(), letters.opened(job):
        await asyncio.sleep(0.5)
        for count in range(10):
            await emit(job, Said("a", count))
            begun = monotonic()
            await eventually(partial(_heard, the_hub, count + 1))
            waits.append(monotonic() - begun)
    assert sorted(waits)[5] < 0.2, f"the median of {waits}"


async def test_what_was_emitted_last_is_sent_before_the_service_ends(sqlite: Store, place: Place, the_hub: Hub) -> None:
    """Nobody needs to start it again for that."""
    service = await place(Service("shop"), sqlite, publishes=PUBLISHES)
    async with service.running():
        await emit(service, *(Said(f"a{count}", count) for count in range(500)))
    assert len(the_hub.published) == 500


async def test_a_stop_does_not_wait_for_a_broker_that_is_away(sqlite: Store, place: Place, the_hub: Hub) -> None:
    """The events stay where they are."""
    service = await place(Service("shop"), sqlite, publishes=PUBLISHES)
    the_hub.away = True
    async with service.running():
        await emit(service, Said("a"))
        await asyncio.sleep(0.2)
        begun = monotonic()
    assert monotonic() - begun < 1.5


async def test_a_service_that_publishes_without_a_sql_store_is_refused(place: Place, sqlite: Store) -> None:
    """An event in no transaction would be lost or told of what did not happen."""
    service = await place(Service("shop"), sqlite, publishes=PUBLISHES, stores={})
    with pytest.raises(SetupError, match=r"has no store for its outbox\. Declare a PostgreSQL or MySQL store"):
        await service.start()


def _heard(hub: Hub, count: int) -> bool:
    return len(hub.published) >= count
