"""A client's promises: typed errors, deadlines, retries, the limit, what it passes on."""

# ruff: noqa: ANN401, N802 - code that protoc writes has no types, and names methods as the proto does

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from prometheus_client import REGISTRY

from fairway_sdk import Caller, CallError, DeclinedCallError, DeclinedError, Service, SetupError, idempotency, within
from fairway_sdk import idempotency_key as received_key
from fairway_sdk.calls.failures import BreakerOpenError, DeadlineError, TooManyCallsError
from fairway_sdk.contract.binding import Breaker, Call, Listen, Retries
from fairway_sdk.identity.caller import caller
from fairway_sdk.telemetry.traces import trace_id
from fairway_sdk.testing import placed

QUICK = Retries(tries=3, first_pause=0.01, longest_pause=0.02)


def failing(proto: Any, codes: list[grpc.StatusCode], seen: list[str]) -> Callable[..., Any]:
    """Make a method that fails with these codes in turn, then answers."""

    async def take(request: Any, context: Any) -> Any:
        seen.append(request.book)
        if codes:
            await context.abort(codes.pop(0), "as the test says")
        return proto.Reply(book=request.book)

    return take


async def test_every_kind_of_method_is_called_through_a_generated_stub(proto: Any, shelves: Any, paired: Any) -> None:
    """A stub takes our channel for a real one, with streams in and out."""

    async def watch(_self: Any, request: Any, _context: Any) -> Any:
        for number in range(3):
            yield proto.Reply(book=f"{request.book}{number}")

    async def put(_self: Any, requests: Any, _context: Any) -> Any:
        return proto.Reply(book=",".join([request.book async for request in requests]))

    async def talk(_self: Any, requests: Any, _context: Any) -> Any:
        async for request in requests:
            yield proto.Reply(book=request.book.upper())

    async with paired(shelves(Watch=watch, Put=put, Talk=talk)) as stub:
        books = [proto.Request(book="a"), proto.Request(book="b")]
        assert (await stub.Take(books[0])).book == "a"
        assert [reply.book async for reply in stub.Watch(books[0])] == ["a0", "a1", "a2"]
        assert (await stub.Put(iter(books))).book == "a,b"
        assert [reply.book async for reply in stub.Talk(iter(books))] == ["A", "B"]


async def test_a_callee_that_the_facts_do_not_declare_stops_the_start_with_its_nearest_name(
    proto: Any, folder: Path
) -> None:
    """All undeclared callees are named at once, with those that are declared."""
    service = placed(Service("orders"), folder, calls={"shelves": Call(address="unix:/nowhere")})
    service.client("shelvs", proto.Stub)
    service.client("payments", proto.Stub)
    service.http("shelves")
    with pytest.raises(SetupError) as told:
        await service.start()
    lines = str(told.value).splitlines()
    assert "'shelvs'" in lines[0]
    assert "Did you mean 'shelves'?" in lines[0]
    assert "'payments'" in lines[1]
    assert "service.client('shelves')" in lines[2]


async def test_a_no_is_told_with_its_code_and_does_not_open_the_breaker(shelves: Any, paired: Any, proto: Any) -> None:
    """A callee that says no is well."""

    async def take(_request: Any, _context: Any) -> Any:
        raise DeclinedError("FAILED_PRECONDITION", "the card is refused")

    async with paired(shelves(take), breaker=Breaker(failures=2, pause=60)) as stub:
        for _ in range(5):
            with pytest.raises(DeclinedCallError) as told:
                await stub.Take(proto.Request())
            assert (told.value.code, told.value.message) == ("FAILED_PRECONDITION", "the card is refused")


async def test_an_idempotent_call_is_tried_again_until_it_succeeds(shelves: Any, paired: Any, proto: Any) -> None:
    """Unavailable twice, then an answer: the caller sees the answer alone."""
    seen: list[str] = []
    codes = [grpc.StatusCode.UNAVAILABLE] * 2
    async with paired(shelves(failing(proto, codes, seen)), idempotent=True, retries=QUICK) as stub:
        assert (await stub.Take(proto.Request(book="x"))).book == "x"
    assert seen == ["x"] * 3


@pytest.mark.parametrize(
    ("code", "call"),
    [
        (grpc.StatusCode.UNAVAILABLE, {"retries": QUICK}),  # not idempotent
        (grpc.StatusCode.UNAVAILABLE, {"idempotent": True}),  # the mesh does it
        (grpc.StatusCode.INTERNAL, {"idempotent": True, "retries": QUICK}),  # no use
        (grpc.StatusCode.NOT_FOUND, {"idempotent": True, "retries": QUICK}),
    ],
)
async def test_nothing_else_is_tried_twice(
    shelves: Any, paired: Any, proto: Any, code: grpc.StatusCode, call: dict[str, Any]
) -> None:
    """A second call may be a second effect, or is in vain."""
    seen: list[str] = []
    async with paired(shelves(failing(proto, [code] * 3, seen)), **call) as stub:
        with pytest.raises((CallError, DeclinedCallError)):
            await stub.Take(proto.Request(book="x"))
    assert seen == ["x"]


async def test_a_service_that_has_tried_enough_is_not_tried_again_by_its_caller(
    shelves: Any, paired: Any, proto: Any
) -> None:
    """Retries of retries would multiply on the way up: only the one next to the fault tries again."""
    seen: list[str] = []

    async def take(request: Any, _context: Any) -> Any:
        seen.append(request.book)
        raise CallError("somebody behind", "does not answer")

    async with paired(shelves(take), idempotent=True, retries=QUICK) as stub:
        with pytest.raises(CallError) as told:
            await stub.Take(proto.Request(book="x"))
    assert told.value.code == "UNAVAILABLE"
    assert seen == ["x"]


async def test_the_time_of_a_call_shrinks_on_the_way_and_is_seen_by_the_last_service(
    shelves: Any, proto: Any, folder: Path
) -> None:
    """Two services on the way: each sees what is left of the first one's time, and no time is left after it."""

    async def take(_request: Any, context: Any) -> Any:
        return proto.Reply(seconds=context.time_remaining())

    last = placed(
        shelves(take),
        folder,
        listen=Listen(grpc=f"unix:{folder}/last"),
    )
    middle = Service("middle")
    behind = middle.client("shelves", proto.Stub)

    class Middle(proto.Servicer):  # type: ignore[misc] # generated, without types
        async def Take(self, request: Any, _context: Any) -> Any:
            await asyncio.sleep(0.2)
            return await behind.Take(request)

    middle.grpc.add(proto.add, Middle())
    long = {"shelves": Call(address=f"unix:{folder}/last", timeout=30)}
    placed(middle, folder, listen=Listen(grpc=f"unix:{folder}/middle"), calls=long)
    first = Service("first")
    stub = first.client("middle", proto.Stub)
    placed(first, folder, calls={"middle": Call(address=f"unix:{folder}/middle", timeout=30)})
    async with last.running(), middle.running(), first.running():
        with within(2.0):
            seen = (await stub.Take(proto.Request())).seconds
        assert 1.0 < seen < 1.81
        with within(0.0), pytest.raises(DeadlineError, match="no time is left"):
            await stub.Take(proto.Request())


async def test_a_callee_that_hangs_costs_no_more_than_the_declared_time(shelves: Any, paired: Any, proto: Any) -> None:
    """The error says who and how long, and counts at the breaker."""

    async def take(_request: Any, _context: Any) -> Any:
        await asyncio.sleep(60)

    async with paired(shelves(take), timeout=0.1, breaker=Breaker(failures=2, pause=60)) as stub:
        begun = time.monotonic()
        for _ in range(2):
            with pytest.raises(DeadlineError, match=r"shelves: gave no answer within 0.1 s"):
                await stub.Take(proto.Request())
        assert time.monotonic() - begun < 1.0
        with pytest.raises(BreakerOpenError) as told:
            await stub.Take(proto.Request())
        assert 50 < told.value.wait <= 60


async def test_a_callee_given_a_moment_only_is_not_blamed(shelves: Any, paired: Any, proto: Any) -> None:
    """Callers in a hurry do not open the breaker for all others."""

    async def take(request: Any, _context: Any) -> Any:
        await asyncio.sleep(0.15)
        return proto.Reply(book=request.book)

    async with paired(shelves(take), timeout=2.0, breaker=Breaker(failures=1, pause=60)) as stub:
        for _ in range(3):
            with within(0.05), pytest.raises(DeadlineError):
                await stub.Take(proto.Request())
        assert (await stub.Take(proto.Request(book="x"))).book == "x"


async def test_more_calls_at_once_than_declared_are_refused_at_once(shelves: Any, paired: Any, proto: Any) -> None:
    """The next one does not wait in line, and a place that is given back is taken again."""
    go = asyncio.Event()

    async def take(request: Any, _context: Any) -> Any:
        await go.wait()
        return proto.Reply(book=request.book)

    async with paired(shelves(take), at_once=2, timeout=5) as stub:
        waiting = [asyncio.create_task(stub.Take(proto.Request(book="x"))) for _ in range(2)]
        await asyncio.sleep(0.05)
        with pytest.raises(TooManyCallsError):
            await stub.Take(proto.Request())
        go.set()
        assert [reply.book for reply in await asyncio.gather(*waiting)] == ["x", "x"]
        assert (await stub.Take(proto.Request(book="y"))).book == "y"


async def test_a_cancelled_call_is_cancelled_at_the_callee_and_is_no_failure(
    shelves: Any, paired: Any, proto: Any
) -> None:
    """Whoever hangs up says nothing about the callee, and leaves no work there."""
    begun, ended = asyncio.Event(), asyncio.Event()

    async def take(request: Any, _context: Any) -> Any:
        if request.book:
            return proto.Reply(book=request.book)
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    async with paired(shelves(take), timeout=30, at_once=1, breaker=Breaker(failures=1, pause=60)) as stub:
        call = asyncio.create_task(stub.Take(proto.Request()))
        await begun.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.wait_for(ended.wait(), 5)
        assert (await stub.Take(proto.Request(book="x"))).book == "x"


@pytest.mark.parametrize("internal", [True, False])
async def test_only_our_own_services_are_told_who_is_calling(
    shelves: Any,
    paired: Any,
    proto: Any,
    internal: bool,  # noqa: FBT001 - a case
) -> None:
    """The token goes to no system outside; the idempotency key goes to both."""
    seen: dict[str, Any] = {}

    async def take(request: Any, context: Any) -> Any:
        seen.update(dict(context.invocation_metadata()), key=received_key())
        return proto.Reply(book=request.book)

    async with paired(shelves(take), internal=internal) as stub:
        who = caller.set(Caller(person="ada", tenant="north", token="her-token"))  # noqa: S106 - no real one
        with idempotency("order-7:charge"):
            await stub.Take(proto.Request(), metadata=(("x-more", "1"),))
        caller.reset(who)
    assert seen.get("authorization") == ("Bearer her-token" if internal else None)
    assert seen.get("x-tenant") == ("north" if internal else None)
    assert seen["key"] == seen["idempotency-key"] == "order-7:charge"
    assert seen["x-more"] == "1"


async def test_a_key_that_came_in_is_not_sent_on_by_itself(shelves: Any, paired: Any, proto: Any) -> None:
    """Two effects for one request need two keys."""
    keys: list[str] = []

    async def take(request: Any, _context: Any) -> Any:
        keys.append(received_key())
        return proto.Reply(book=request.book)

    async with paired(shelves(take)) as stub:
        with idempotency("one"):
            await stub.Take(proto.Request())
        await stub.Take(proto.Request())
    assert keys == ["one", ""]


async def test_an_error_in_the_messages_that_are_sent_is_the_authors_own(shelves: Any, paired: Any, proto: Any) -> None:
    """The library would tell it as a cancellation, which would end the task of whoever called."""

    async def talk(_self: Any, requests: Any, _context: Any) -> Any:
        async for request in requests:
            yield proto.Reply(book=request.book)

    async def put(_self: Any, requests: Any, _context: Any) -> Any:
        async for _ in requests:
            pass
        return proto.Reply()

    async def broken() -> Any:
        yield proto.Request(book="a")
        raise KeyError("mine")

    async with paired(shelves(Talk=talk, Put=put)) as stub:
        with pytest.raises(KeyError, match="mine"):
            await stub.Put(broken())
        with pytest.raises(KeyError, match="mine"):
            _ = [reply async for reply in stub.Talk(broken())]


async def test_a_reader_who_leaves_a_stream_early_ends_it_at_the_callee(shelves: Any, paired: Any, proto: Any) -> None:
    """Its place among the calls at once is free again."""
    ended = asyncio.Event()

    async def watch(_self: Any, _request: Any, _context: Any) -> Any:
        try:
            while True:
                yield proto.Reply()
                await asyncio.sleep(0.001)
        finally:
            ended.set()

    async with paired(shelves(Watch=watch), at_once=1, timeout=30) as stub:
        messages = stub.Watch(proto.Request())
        async for _ in messages:
            break
        await messages.aclose()
        await asyncio.wait_for(ended.wait(), 5)
        assert (await stub.Take(proto.Request(book="x"))).book == "x"


async def test_calls_are_counted_by_how_they_ended_and_the_breaker_shows(shelves: Any, paired: Any, proto: Any) -> None:
    """A no counts as an answer; the names are those that dashboards ask for."""

    async def take(request: Any, _context: Any) -> Any:
        if request.book == "no":
            raise DeclinedError("NOT_FOUND", "no such book")
        if request.book == "slow":
            await asyncio.sleep(60)
        if request.book == "bad":
            raise ValueError
        return proto.Reply(book=request.book)

    def count(outcome: str) -> float:
        labels = {"callee": "shelves", "outcome": outcome}
        return REGISTRY.get_sample_value("fairway_call_duration_seconds_count", labels) or 0.0

    outcomes = ("ok", "error", "timeout", "open", "refused", "cancelled")
    before = {outcome: count(outcome) for outcome in outcomes}
    async with paired(shelves(take), timeout=0.2, breaker=Breaker(failures=2, pause=60)) as stub:
        for book in ("yes", "no", "bad", "slow", "late"):
            with contextlib.suppress(CallError, DeclinedCallError):
                await stub.Take(proto.Request(book=book))
        assert REGISTRY.get_sample_value("fairway_breaker_open", {"callee": "shelves"}) == 1.0
        assert REGISTRY.get_sample_value("fairway_calls_active", {"callee": "shelves"}) == 0.0
    found = {outcome: count(outcome) - before[outcome] for outcome in outcomes}
    assert found == {"ok": 2, "error": 1, "timeout": 1, "open": 1, "refused": 0, "cancelled": 0}


async def test_a_call_and_what_it_causes_are_one_trace(shelves: Any, proto: Any, folder: Path) -> None:
    """Over two services, the last is told the trace that the first one began."""
    seen: list[str] = []

    async def take(request: Any, context: Any) -> Any:
        seen.append(dict(context.invocation_metadata())["traceparent"].split("-")[1])
        seen.append(trace_id())
        return proto.Reply(book=request.book)

    last = placed(shelves(take), folder, listen=Listen(grpc=f"unix:{folder}/last"))
    middle = Service("middle")
    behind = middle.client("shelves", proto.Stub)

    async def through(request: Any, context: Any) -> Any:
        seen.append(dict(context.invocation_metadata())["traceparent"].split("-")[1])
        return await behind.Take(request)

    class Middle(proto.Servicer):  # type: ignore[misc] # generated, without types
        Take = staticmethod(through)

    middle.grpc.add(proto.add, Middle())
    calls = {"shelves": Call(address=f"unix:{folder}/last")}
    placed(middle, folder, listen=Listen(grpc=f"unix:{folder}/middle"), calls=calls)
    first = Service("first")
    stub = first.client("middle", proto.Stub)
    placed(first, folder, calls={"middle": Call(address=f"unix:{folder}/middle")})
    async with last.running(), middle.running(), first.running():
        await stub.Take(proto.Request())
        assert len(seen) == 3
        assert len(set(seen)) == 1
