"""What is served when a callee is down, hangs or is slow: in time, marked, and never another person's."""

# ruff: noqa: ANN401, N802 - code that protoc writes has no types, and names methods as the proto does

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pytest
from msgspec import Struct
from pydantic import BaseModel

from fairway_sdk import PERSONAL, Caller, CallError, DeclinedCallError, DeclinedError, Service, SetupError, within
from fairway_sdk.calls import marks
from fairway_sdk.calls.fallback import fallback
from fairway_sdk.contract.binding import Breaker, Call, Listen, Store
from fairway_sdk.identity.caller import caller
from fairway_sdk.testing import placed
from fairway_sdk.testing.servers import Valkey


class Book(Struct):
    """What is recommended."""

    title: str


def hangs(proto: Any) -> Callable[..., Any]:  # noqa: ARG001 - like the others
    """Make a method that never answers."""

    async def take(_request: Any, _context: Any) -> Any:
        await asyncio.sleep(60)

    return take


def slow(proto: Any) -> Callable[..., Any]:
    """Make a method that answers too late."""

    async def take(request: Any, _context: Any) -> Any:
        await asyncio.sleep(0.8)
        return proto.Reply(book=request.book)

    return take


@pytest.mark.parametrize("trouble", ["hangs", "slow", "down"])
@pytest.mark.parametrize("declared", [0.2, 30.0])  # seconds: nearer than the caller's deadline, and beyond
async def test_an_answer_is_there_before_the_callers_time_is_over(
    proto: Any, shelves: Any, folder: Path, trouble: str, declared: float
) -> None:
    """Whatever is wrong with the callee: over gRPC, the caller with its half second gets the default, and is told."""
    callee = placed(
        shelves({"hangs": hangs, "slow": slow}[trouble](proto) if trouble != "down" else None),
        folder,
        listen=Listen(grpc=f"unix:{folder}/callee"),
    )
    middle = Service("middle")
    behind = middle.client("shelves", proto.Stub)

    @middle.fallback("shelves", default=[])
    async def recommended(reader: str) -> list[Book]:
        return [Book((await behind.Take(proto.Request(book=reader))).book)]

    class Middle(proto.Servicer):  # type: ignore[misc] # generated, without types
        async def Take(self, request: Any, _context: Any) -> Any:
            return proto.Reply(book=",".join(book.title for book in await recommended(request.book)))

    middle.grpc.add(proto.add, Middle())
    call = Call(address=f"unix:{folder}/callee", timeout=declared, when_down="cached")
    placed(middle, folder, listen=Listen(grpc=f"unix:{folder}/middle"), calls={"shelves": call})
    front = Service("front")
    stub = front.client("middle", proto.Stub)
    placed(front, folder, calls={"middle": Call(address=f"unix:{folder}/middle", timeout=0.5)})
    async with middle.running(), front.running():
        if trouble != "down":
            await callee.start()
        try:
            marks.begin()
            begun = time.monotonic()
            assert (await stub.Take(proto.Request(book="ada"))).book == ""
            assert time.monotonic() - begun < 0.5
            assert marks.marks() == [(b"x-fairway-skipped", b"shelves")]
        finally:
            await callee.stop()


class Switch:
    """A callee that can be turned off, and counts."""

    def __init__(self, proto: Any) -> None:
        self.on = True
        self.calls = 0
        self._proto = proto

    async def __call__(self, request: Any, _context: Any) -> Any:
        """Answer while it is on."""
        self.calls += 1
        if not self.on:
            raise CallError("its store", "does not answer")
        return self._proto.Reply(book=f"{request.book} {self.calls}")


CACHED: dict[str, Any] = {"when_down": "cached", "stale": 600.0, "breaker": Breaker(failures=2, pause=3600)}


async def test_the_last_good_answer_is_served_up_to_its_age_and_marked(proto: Any, shelves: Any, paired: Any) -> None:
    """Then the default; with the breaker open the callee is not even asked."""
    switch, orders = Switch(proto), Service("orders")
    stub = orders.client("shelves", proto.Stub)

    @orders.fallback("shelves", default=Book("none"))
    async def recommended(reader: str, count: int = 1) -> Book:  # noqa: ARG001 - tells answers apart
        return Book((await stub.Take(proto.Request(book=reader))).book)

    async with paired(shelves(switch), orders, **CACHED):
        assert await recommended("a") == Book("a 1")
        assert await recommended("a") == Book("a 2")
        assert await recommended("b") == Book("b 3")
        switch.on = False
        orders.clock.ahead = 100.0
        marks.begin()
        for _ in range(5):
            assert await recommended(reader="a", count=1) == Book("a 2")
        assert marks.marks() == [(b"x-fairway-stale", b"101")] or marks.marks() == [(b"x-fairway-stale", b"100")]
        assert switch.calls == 5
        assert await recommended("a", 2) == Book("none")
        orders.clock.ahead = 700.0
        assert await recommended("a") == Book("none")


async def test_nobody_gets_the_answer_of_another_person_or_tenant(proto: Any, shelves: Any, paired: Any) -> None:
    """Though the arguments are the same; `shared` is for what is the same for all, within a tenant."""
    switch, orders = Switch(proto), Service("orders")
    stub = orders.client("shelves", proto.Stub)

    @orders.fallback("shelves", default="")
    async def mine() -> str:
        return str((await stub.Take(proto.Request(book=caller.get().person))).book)

    @orders.fallback("shelves", default="", shared=True)
    async def everybodys() -> str:
        return str((await stub.Take(proto.Request(book="best"))).book)

    ada, bob, eve = (Caller(person=name, tenant=tenant) for name, tenant in (("ada", "n"), ("bob", "n"), ("eve", "s")))
    async with paired(shelves(switch), orders, **CACHED):
        caller.set(ada)
        assert (await mine(), await everybodys()) == ("ada 1", "best 2")
        switch.on = False
        found = {}
        for who in (ada, bob, eve):
            caller.set(who)
            found[who.person] = (await mine(), await everybodys())
    assert found == {"ada": ("ada 1", "best 2"), "bob": ("", "best 2"), "eve": ("", "")}


@pytest.mark.parametrize("when_down", ["fail", "queue", "skip"])
async def test_the_facts_say_what_happens_when_the_callee_is_down(
    proto: Any, shelves: Any, paired: Any, when_down: str
) -> None:
    """Fail and queue let the error through; skip leaves the part out. A no is never hidden."""
    orders = Service("orders")
    stub = orders.client("shelves", proto.Stub)

    @orders.fallback("shelves")
    async def title(book: str) -> str | None:
        return str((await stub.Take(proto.Request(book=book))).book)

    async def take(request: Any, _context: Any) -> Any:
        if request.book == "no":
            raise DeclinedError("NOT_FOUND", "no such book")
        raise ValueError

    async with paired(shelves(take), orders, when_down=when_down):
        if when_down == "skip":
            assert await title("x") is None
        else:
            with pytest.raises(CallError):
                await title("x")
        with pytest.raises(DeclinedCallError):
            await title("no")


def replica(proto: Any, folder: Path, cache: Store) -> tuple[Service, Callable[..., Any]]:
    """Make a replica of a service with a fallback whose answers are shared in a store."""
    orders = Service("orders")
    stub = orders.client("shelves", proto.Stub)

    @orders.fallback("shelves", default=[])
    async def titles(reader: str) -> list[Book]:
        return [Book((await stub.Take(proto.Request(book=reader))).book)]

    call = Call(address=f"unix:{folder}/callee", cache="older", **CACHED)
    return placed(orders, folder, calls={"shelves": call}, stores={"older": cache}), titles


async def test_replicas_share_older_answers(proto: Any, shelves: Any, folder: Path, valkey: Valkey) -> None:
    """What one replica has seen another serves, also after it was started anew."""
    switch = Switch(proto)
    callee = placed(shelves(switch), folder, listen=Listen(grpc=f"unix:{folder}/callee"))
    (one, titles), (other, others) = replica(proto, folder, valkey.store()), replica(proto, folder, valkey.store())
    async with callee.running(), one.running():
        assert await titles("ada") == [Book("ada 1")]
        switch.on = False
        for _ in range(2):
            async with other.running():
                assert await others("ada") == [Book("ada 1")]
                assert await others("bob") == []


async def test_a_store_of_older_answers_that_hangs_holds_nobody_up(proto: Any, shelves: Any, folder: Path) -> None:
    """It is asked for a moment, then left alone; the process's own memory serves meanwhile."""

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    switch = Switch(proto)
    callee = placed(shelves(switch), folder, listen=Listen(grpc=f"unix:{folder}/callee"))
    orders, titles = replica(proto, folder, Store(kind="redis", address=f"unix:{folder}/silent"))
    server = await asyncio.start_unix_server(silent, f"{folder}/silent")
    async with server, callee.running(), orders.running():
        begun = time.monotonic()
        for number in range(20):
            assert await titles("ada") == [Book(f"ada {number + 1}")]
        switch.on = False
        with within(0.5):
            for _ in range(20):
                assert await titles("ada") == [Book("ada 20")]
        assert time.monotonic() - begun < 0.6


async def test_answers_with_personal_fields_are_kept_in_the_process_alone(
    proto: Any, shelves: Any, folder: Path, valkey: Valkey
) -> None:
    """An erased person's data must not be found in a store that nobody thinks of."""

    class Reader(Struct):
        email: Annotated[str, PERSONAL]

    class Public(BaseModel):
        title: str

    orders = Service("orders")
    stub = orders.client("shelves", proto.Stub)

    @orders.fallback("shelves")
    async def readers(count: int) -> list[Reader]:
        await stub.Take(proto.Request())
        return [Reader("ada@example.org")] * count

    @orders.fallback("shelves")
    async def books(count: int) -> list[Public]:
        await stub.Take(proto.Request())
        return [Public(title="the-title-of-a-book")] * count

    switch = Switch(proto)
    callee = placed(shelves(switch), folder, listen=Listen(grpc=f"unix:{folder}/s"))
    call = Call(address=f"unix:{folder}/s", cache="older", **CACHED)
    placed(orders, folder, calls={"shelves": call}, stores={"older": valkey.store()})
    async with callee.running(), orders.running():
        await readers(1)
        await books(2)
        switch.on = False
        assert await readers(1) == [Reader("ada@example.org")]
        assert await books(2) == [Public(title="the-title-of-a-book")] * 2
        store = orders.stores.redis("older")
        written = [await store.get(key) async for key in store.scan_iter(_type="string")]  # others' keys are there, too
    assert any(b"the-title-of-a-book" in value for value in written if isinstance(value, bytes))
    assert not any(b"ada@example.org" in value for value in written if isinstance(value, bytes))


async def test_a_cache_that_is_not_bound_stops_the_start(folder: Path) -> None:
    """With a sentence, not with the first failure of the callee."""
    service = Service("orders")
    service.http("shelves")
    placed(service, folder, calls={"shelves": Call(address="unix:/x", protocol="rest", cache="older")})
    with pytest.raises(SetupError, match="older answers of 'shelves' in the store 'older'"):
        await service.start()


async def test_without_facts_a_fallback_has_its_own_rules() -> None:
    """An age, a default that nobody can change for the next one, or a part left out."""
    down = False

    @fallback(cached="1h", default=[])
    async def titles(reader: str) -> list[str]:
        if down:
            await asyncio.sleep(60)
        return [reader]

    @fallback(skip=True)
    async def part() -> str:
        raise CallError("somebody", "is down")

    assert await titles("a") == ["a"]
    down = True
    begun = time.monotonic()
    with within(0.3):
        assert await titles("a") == ["a"]
        assert time.monotonic() - begun < 0.3
    with within(0.1):
        (await titles("b")).append("changed")
    with within(0.1):
        assert await titles("b") == []
    marks.begin()
    assert await part() is None
    assert marks.marked().skipped == {"part": None}
    with pytest.raises(TypeError, match="Annotate what it returns"):

        @fallback(cached=60)
        async def unclear():  # type: ignore[no-untyped-def]  # noqa: ANN202 - that is the fault
            pass

    with pytest.raises(ValueError, match="an age is wanted"):
        fallback(cached="soon")


async def test_an_answer_that_rests_on_an_older_one_is_not_kept_as_good() -> None:
    """Else its age would begin anew at each service on the way."""
    ages = [50.0, None]
    fails = False

    @fallback(cached="1h")
    async def page() -> str:
        if fails:
            raise CallError("somebody", "is down")
        marks.take_over(str(int(ages[0])) if ages[0] else None, None)
        return "page"

    marks.begin()
    assert await page() == "page"
    assert marks.marked().stale == 50.0
    fails = True
    with pytest.raises(CallError):
        await page()
