"""DynamoDB as a store, on its stand-in: plain values, conditions, transactions, tables that `migrate` makes."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from boto3.dynamodb.conditions import Attr, Key

from fairway_sdk import DynamoIndex, DynamoTable, Service, UnavailableError, within
from fairway_sdk.configuration.files import LOOKED_AT_EVERY
from fairway_sdk.contract.binding import Store
from fairway_sdk.stores.command import migrate_stores
from fairway_sdk.stores.dynamodb import ConditionFailedError
from fairway_sdk.stores.dynamodb_table import DynamoItems
from fairway_sdk.testing.placing import placed, write_secret
from fairway_sdk.testing.servers import DynamoDB

ACTIVITY = DynamoTable(
    name="activity",
    partition="reader",
    sort="at",
    numbers=frozenset({"at"}),
    indexes=(DynamoIndex(name="by-book", partition="book", sort="at"),),
    expires="until",
)
SECRETS = {"dynamodb-key": "test"}


@pytest.fixture
def bound(dynamodb: DynamoDB) -> Store:
    """Give a store whose tables have a prefix of the test's own."""
    return dynamodb.store(f"t{uuid4().hex[:8]}-")


@asynccontextmanager
async def running(service: Service) -> AsyncIterator[Service]:
    """Run the stores of a service."""
    (part,) = service.stores.open()
    await part.start()
    yield service
    await part.stop()


@pytest.fixture
async def service(bound: Store, tmp_path: Path) -> AsyncIterator[Service]:
    """Give a running service whose table is made."""
    service = placed(Service("activity", tmp_path), tmp_path, secrets=SECRETS, stores={"events": bound})
    service.dynamodb_table(ACTIVITY)
    await migrate_stores(service)
    async with running(service):
        yield service


@pytest.fixture
def items(service: Service) -> DynamoItems:
    """Give the table's items."""
    return service.dynamodb().table("activity")


async def test_every_plain_value_comes_back_as_it_was(items: DynamoItems) -> None:
    """Numbers, text, bytes, truth, nothing, lists, sets and what is in them."""
    item: dict[str, Any] = {
        "reader": "ada",
        "at": 1,
        "none": None,
        "true": True,
        "half": 0.5,
        "tiny": 1e-9,
        "big": 12345678901234567890123456789,
        "bytes": b"\0\xff",
        "list": [1, "two", [3.5, None]],
        "map": {"a": {"b": [True]}},
        "words": {"a", "b"},
        "numbers": {1, 2.5},
        "blobs": {b"a"},
        "empty": "",
    }
    await items.put(item)
    assert await items.get({"reader": "ada", "at": 1}, consistent=True) == item
    assert type((await items.get({"reader": "ada", "at": 1}) or {})["at"]) is int
    assert await items.get({"reader": "ada", "at": 2}) is None
    with pytest.raises(TypeError, match="no word for a object"):
        await items.put({"reader": "ada", "at": 1, "odd": object()})


async def test_a_condition_that_fails_is_told_with_what_is_stored(items: DynamoItems) -> None:
    """As an optimistic lock wants it."""
    key = {"reader": "ada", "at": 1}
    await items.put({**key, "version": 1}, Attr("reader").not_exists())
    with pytest.raises(ConditionFailedError, match="condition of put_item") as told:
        await items.put({**key, "version": 2}, Attr("reader").not_exists())
    assert told.value.item == {**key, "version": 1}
    changed = await items.update(key, setting={"version": 2}, condition=Attr("version").eq(1))
    assert changed == {**key, "version": 2}
    with pytest.raises(ConditionFailedError):
        await items.delete(key, Attr("version").eq(1))
    assert await items.delete(key, Attr("version").eq(2)) == {**key, "version": 2}
    assert await items.delete(key) is None


async def test_counters_are_right_under_many_writers(items: DynamoItems) -> None:
    """Fifty at once add to a number and to a set, over five connections."""
    key = {"reader": "ada", "at": 1}
    await asyncio.gather(*(items.update(key, adding={"count": 1, "seen": {number}}) for number in range(50)))
    found = await items.update(key, setting={"by": "us"}, removing=["nothing"])
    assert found == {**key, "count": 50, "seen": set(range(50)), "by": "us"}


async def test_a_partition_is_read_in_order_in_pages(items: DynamoItems) -> None:
    """With bounds, newest first, filtered, and by another index."""
    text = "x" * 60_000
    for at in range(30):
        await items.put({"reader": "ada", "at": at, "book": f"b{at % 2}", "text": text})
    every = [item["at"] async for item in items.query(Key("reader").eq("ada"))]
    assert every == list(range(30))
    bounded = Key("reader").eq("ada") & Key("at").between(3, 9)
    assert [item["at"] async for item in items.query(bounded, newest_first=True, limit=2)] == [9, 8]
    even = items.query(Key("reader").eq("ada"), condition=Attr("book").eq("b0"), limit=3)
    assert [item["at"] async for item in even] == [0, 2, 4]
    odd = [item["at"] async for item in items.query(Key("book").eq("b1"), index="by-book")]
    assert odd == list(range(1, 30, 2))


async def test_a_transaction_writes_all_or_nothing(service: Service, items: DynamoItems) -> None:
    """An item and an event beside it, as an outbox wants them."""
    store = service.dynamodb()
    first, second = {"reader": "ada", "at": 1}, {"reader": "bob", "at": 1}
    await store.transact(items.to_put(first, Attr("at").not_exists()), items.to_update(second, adding={"n": 1}))
    with pytest.raises(ConditionFailedError, match="the condition of write 2 does not hold"):
        await store.transact(
            items.to_update(second, adding={"n": 1}),
            items.to_check(first, Attr("at").eq(7)),
            items.to_delete({"reader": "eve", "at": 1}),
        )
    assert (await items.get(second) or {})["n"] == 1


async def test_an_expired_item_is_gone_at_once(service: Service, items: DynamoItems) -> None:
    """DynamoDB itself takes days to remove it."""
    now = int(time.time())
    await items.put({"reader": "ada", "at": 1, "until": now + 60})
    await items.put({"reader": "ada", "at": 2, "until": now + 600})
    assert await items.get({"reader": "ada", "at": 1}) is not None
    service.clock.ahead = 120
    assert await items.get({"reader": "ada", "at": 1}) is None
    assert [item["at"] async for item in items.query(Key("reader").eq("ada"))] == [2]


async def test_migrate_makes_what_is_declared_and_the_probe_asks_for_it(bound: Store, tmp_path: Path) -> None:
    """First the table, later an index and the expiry; the items stay; jobs may run beside each other."""
    plain = msgspec.structs.replace(ACTIVITY, indexes=(), expires="")
    service = placed(Service("activity", tmp_path), tmp_path, secrets=SECRETS, stores={"events": bound})
    items = service.dynamodb_table(plain)
    async with running(service):
        reason = str(await service.dynamodb().unready())
        assert f"store events: has no table '{bound.database}activity'. Run `python -m fairway_sdk migrate" in reason
        done = await asyncio.gather(*(migrate_stores(service) for _ in range(3)))
        assert {"store": "events", "what": f"table {bound.database}activity"} in [one for some in done for one in some]
        assert await service.dynamodb().unready() is None
        assert await service.dynamodb().unready() is None
        await items.put({"reader": "ada", "at": 1, "book": "b1"})
    service.dynamodb_tables[:] = [ACTIVITY]
    made = [one["what"] for one in await migrate_stores(service)]
    assert made == [f"index by-book of table {bound.database}activity", f"expiry of table {bound.database}activity"]
    assert await migrate_stores(service) == []
    async with running(service):
        found = [item async for item in items.query(Key("book").eq("b1"), index="by-book")]
    assert found == [{"reader": "ada", "at": 1, "book": "b1"}]


async def test_a_rotated_key_signs_the_next_request(bound: Store, tmp_path: Path) -> None:
    """Read from its files whenever a request is signed."""
    store = msgspec.structs.replace(bound, user="", user_secret="dynamodb-id")  # noqa: S106 - the name of a file
    secrets = {"dynamodb-id": "FIRST\n", "dynamodb-key": "first"}
    service = placed(Service("activity", tmp_path), tmp_path, secrets=secrets, stores={"events": store})
    sent: list[str] = []
    async with running(service):
        client = await asyncio.to_thread(service.dynamodb()._made)  # noqa: SLF001 - to see what is sent
        client.meta.events.register(
            "before-send", lambda request, **_: sent.append(str(request.headers["Authorization"]))
        )
        assert await service.dynamodb().unready() is None
        write_secret(tmp_path / "secrets", "dynamodb-id", "SECOND")
        write_secret(tmp_path / "secrets", "dynamodb-key", "second")
        await asyncio.sleep(LOOKED_AT_EVERY + 0.05)
        assert await service.dynamodb().unready() is None
    assert ["Credential=FIRST/" in sent[0], "Credential=SECOND/" in sent[1]] == [True, True]


@pytest.fixture
def silent() -> Iterator[str]:
    """Give an address that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


async def test_a_silent_store_is_given_up_by_the_deadline(silent: str, bound: Store, tmp_path: Path) -> None:
    """And the probe says so; nothing hangs at the end."""
    store = msgspec.structs.replace(bound, address=silent, answer_timeout=0.3, connect_timeout=0.3)
    service = placed(Service("activity", tmp_path), tmp_path, secrets=SECRETS, stores={"events": store})
    async with running(service):
        items = service.dynamodb().table("activity")
        await asyncio.sleep(0.5)
        begun = time.monotonic()
        with within(0.2), pytest.raises(UnavailableError, match="get_item had no answer by the deadline"):
            await items.get({"reader": "ada", "at": 1})
        assert time.monotonic() - begun < 1
        assert "does not answer list_tables" in str(await service.dynamodb().unready())
