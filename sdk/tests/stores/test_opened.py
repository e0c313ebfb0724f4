"""A service's stores by their names: the right one, or a sentence that says what to do."""

from collections.abc import Callable
from pathlib import Path

import pytest
from redis.asyncio import Redis

from fairway_sdk import Service, SetupError
from fairway_sdk.contract.binding import Store
from fairway_sdk.stores.cassandra import CassandraStore
from fairway_sdk.stores.dynamodb import DynamoStore
from fairway_sdk.stores.sql import SqlStore
from fairway_sdk.testing.placing import placed

NOWHERE = "127.0.0.1:1"


@pytest.fixture
def bound(tmp_path: Path) -> dict[str, Store]:
    """Give one store of each kind; nobody listens there."""
    return {
        "orders-db": Store(kind="sqlite", database=str(tmp_path / "orders.db")),
        "sessions": Store(kind="redis", address=NOWHERE),
        "activity": Store(kind="dynamodb", address=f"http://{NOWHERE}"),
        "reviews": Store(kind="cassandra", address=NOWHERE),
    }


async def test_each_store_is_given_as_what_its_kind_has(bound: dict[str, Store], tmp_path: Path) -> None:
    """By its name or, where it is the only one of its kind, without."""
    service = placed(Service("orders"), tmp_path, stores=bound)
    parts = service.stores.open()
    assert [part.name for part in parts] == ["store orders-db", "store sessions", "store activity", "store reviews"]
    assert isinstance(service.sql(), SqlStore)
    assert isinstance(service.redis(), Redis)
    assert isinstance(service.dynamodb(), DynamoStore)
    assert isinstance(service.cassandra(), CassandraStore)
    assert service.store("orders-db") is service.sql("orders-db")
    assert service.store("sessions") is service.redis()
    assert service.store("activity") is service.dynamodb()
    assert service.store("reviews") is service.cassandra()


async def test_a_service_starts_while_all_its_stores_are_away_and_is_unready(
    bound: dict[str, Store], tmp_path: Path
) -> None:
    """Starting waits for nothing outside; the probe then tells which store keeps it."""
    service = placed(Service("orders"), tmp_path, stores=bound)
    parts = service.stores.open()
    for part in parts:
        await part.start()
    try:
        assert "none" not in [part.name for part in parts]
        for part in parts[1:]:
            assert part.name.removeprefix("store ") in str(await part.unready())
    finally:
        for part in reversed(parts):
            await part.stop()


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (lambda service: service.sql("oders-db"), "has no store 'oders-db'. Did you mean 'orders-db'?"),
        (lambda service: service.store("x"), "has no store 'x'. It is bound to: orders-db, sessions, cache."),
        (
            lambda service: service.sql("sessions"),
            "is a redis store, not a transactional one. Ask for it with service.redis",
        ),
        (lambda service: service.redis(), "is bound to 2 Redis stores: sessions, cache. Name the one that is meant."),
        (lambda service: service.dynamodb(), "is bound to no DynamoDB store. Declare one in its facts, under stores."),
        (lambda service: service.sql(), "store 'orders-db' is asked for before the service has started."),
    ],
)
def test_a_store_that_cannot_be_given_is_told_in_a_sentence(
    ask: Callable[[Service], object], sentence: str, bound: dict[str, Store], tmp_path: Path
) -> None:
    """Unknown, of another kind, one of several, or asked for too early."""
    stores = {"orders-db": bound["orders-db"], "sessions": bound["sessions"], "cache": bound["sessions"]}
    service = placed(Service("orders"), tmp_path, stores=stores)
    with pytest.raises(SetupError) as told:
        ask(service)
    assert sentence in str(told.value)
    assert "service 'orders'" in str(told.value)


def test_every_store_that_cannot_be_made_is_told_at_once(tmp_path: Path) -> None:
    """A line for each."""
    stores = {"one": Store(kind="sqlite"), "two": Store(kind="sqlite", database=":memory:")}
    service = placed(Service("orders"), tmp_path, stores=stores)
    with pytest.raises(SetupError, match=r"(?s)store 'one'.*\n.*store 'two'"):
        service.stores.open()
