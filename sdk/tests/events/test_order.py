"""Whatever order a broker delivers in, and how often: one effect each, and each key in the order it was caused."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairway_sdk import Event, Service, Transaction
from fairway_sdk.contract.binding import Consumed, Published, Retries, Store
from fairway_sdk.events.brokers.memory import Hub
from fairway_sdk.testing.events import eventually, settled

Place = Callable[..., Awaitable[Service]]

RETRIES = Retries(tries=5, first_pause=0.01, longest_pause=0.02)


class Moved(Event, frozen=True):
    """A parcel moved."""

    channel = "moved"

    parcel: str
    step: int


class Belt:
    """A service that emits and handles moves, and fails now and then."""

    def __init__(self) -> None:
        self.service = Service("belt")
        self.got: dict[str, list[int]] = {}
        self.fails = random.Random(0)  # noqa: S311 - repeatable on purpose
        self.busy: set[str] = set()

        @self.service.on(Moved)
        async def keep(event: Moved, tx: Transaction) -> None:
            assert event.parcel not in self.busy, "two of one key at once"
            self.busy.add(event.parcel)
            try:
                await asyncio.sleep(self.fails.random() * 0.003)
                if self.fails.random() < 0.2:
                    raise ConnectionError
            finally:
                self.busy.discard(event.parcel)
            assert tx is not None
            self.got.setdefault(event.parcel, []).append(event.step)

    async def emit(self, parcels: list[str]) -> dict[str, list[int]]:
        """Emit a move for each parcel named; gives what each key must come to."""
        wanted: dict[str, list[int]] = {}
        for parcel in parcels:
            steps = wanted.setdefault(parcel, [])
            steps.append(len(steps))
        made: dict[str, int] = dict.fromkeys(wanted, 0)
        for at in range(0, len(parcels), 3):
            async with self.service.transaction() as tx:
                for parcel in parcels[at : at + 3]:
                    await tx.emit(Moved(parcel, made[parcel]))
                    made[parcel] += 1
        return wanted


@pytest.fixture
def binding() -> dict[str, object]:
    """Give the channel's part of a binding."""
    return {
        "publishes": {"moved": Published(ordered_by="parcel", retries=Retries(tries=9, first_pause=0.01))},
        "consumes": {"moved": Consumed(retries=RETRIES, ordered_by="parcel")},
    }


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parcels=st.lists(st.sampled_from("abc"), max_size=30), seed=st.integers(0, 1000), times=st.integers(1, 3))
def test_each_key_keeps_its_order_and_each_event_its_one_effect(  # noqa: D103 - the module says it
    parcels: list[str], seed: int, times: int, database: Store, place: Place, the_hub: Hub, binding: dict[str, object]
) -> None:
    async def check() -> None:
        belt = Belt()
        the_hub.clear()
        the_hub.misdeliver(times=times, seed=seed)
        refusing = random.Random(seed)  # noqa: S311 - repeatable on purpose
        the_hub.refuses = lambda _envelope: refusing.random() < 0.1
        await place(belt.service, database, **binding)
        async with belt.service.running():
            the_hub.held = True  # all of it is there before any of it is delivered: the order is truly random
            wanted = await belt.emit(parcels)
            await _published(the_hub, len(parcels))
            the_hub.held = False
            await settled(belt.service)
        assert belt.got == wanted

    asyncio.run(check())


async def test_an_event_waits_for_the_one_before_it_but_not_for_ever(
    database: Store, place: Place, the_hub: Hub, binding: dict[str, object]
) -> None:
    """The one before may be on its way through another replica, or lost by a broker."""
    belt = Belt()
    belt.fails.random = lambda: 0.9  # type: ignore[method-assign]  # it fails never
    binding["consumes"] = {"moved": Consumed(late=30.0)}
    await place(belt.service, database, **binding)
    the_hub.loses = lambda envelope: b'"step":1' in bytes(envelope.content)
    async with belt.service.running():
        await belt.emit(["a", "a", "a", "b"])
        with pytest.raises(AssertionError, match="1 in the inbox"):
            await settled(belt.service, within=1.0)
        assert belt.got == {"a": [0], "b": [0]}
        belt.service.clock.ahead = 31.0
        await settled(belt.service)
    assert belt.got == {"a": [0, 2], "b": [0]}


async def test_replicas_share_the_work_and_keep_each_keys_order(
    database: Store, place: Place, the_hub: Hub, binding: dict[str, object]
) -> None:
    """Two replicas, two relays, everything twice and in any order."""
    one, two = Belt(), Belt()
    two.got, two.busy = one.got, one.busy
    the_hub.misdeliver(times=2, seed=7)
    await place(one.service, database, **binding)
    await place(two.service, database, **binding)
    parcels = [random.Random(3).choice("abcdefgh") for _ in range(200)]  # noqa: S311 - repeatable on purpose
    async with one.service.running(), two.service.running():
        wanted = await one.emit(parcels)
        await settled(one.service, two.service, within=60.0)
    assert one.got == wanted


async def _published(hub: Hub, count: int) -> None:
    await eventually(lambda: len(hub.published) >= count)
