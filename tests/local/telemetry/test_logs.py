"""The logs of all kinds of programs, read while they are written, cut off and begun anew."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fairway.local.processes import shorten
from fairway.local.telemetry import Telemetry
from fairway.local.telemetry.log_lines import Process, access
from fairway.local.telemetry.settings import Settings
from fairway.local.telemetry.tailing import AT_FIRST, AT_ONCE, Tail

from .conftest import until

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
NOON = 1_795_435_200.0  # 2026-11-23T12:00:00Z


@pytest.mark.parametrize(
    ("written", "level", "message", "when"),
    [
        ("[2026-11-23 12:00:00.500][7][warning][config] [source/a.cc:5] bad thing", "warning", "bad thing", 0.5),
        ("2026-11-23 12:00:00.250 UTC [7] LOG:  checkpoint", "info", None, 0.25),
        ("2026-11-23 12:00:00.250 UTC [7] ERROR:  no such table", "error", None, 0.25),
        ("2026-11-23T14:00:00+02:00 WARN pool is full", "warning", None, 0),
        ("7:M 23 Nov 2026 12:00:00.100 # low memory", "warning", "low memory", 99),
        ("7:M 23 Nov 2026 12:00:00.100 * Ready", "info", "Ready", 99),
        ("[7] 2026/11/23 12:00:00.5 [ERR] lost a peer", "error", None, None),
        ("INFO:     Started server process", "info", None, 99),
        ("time=12 level=error msg=broken", "error", None, 99),
        ("there was no error at all", "info", None, 99),
        ("0 errors, 2 warnings", "info", None, 99),
        ("", "info", "", 99),
        ("{not json", "info", "{not json", 99),
        ('{"level":"fatal","msg":"out","ts":1795435200.5}', "error", "out", 0.5),
        ('{"severity":"NOTICE","message":"in","time":1795435200500}', "info", "in", 0.5),
        ('{"level":7,"message":["a"]}', "info", "['a']", 99),
    ],
)
def test_a_line_tells_its_level_and_time_whoever_wrote_it(
    written: str, level: str, message: str | None, when: float | None
) -> None:
    """As Envoy, PostgreSQL, Valkey, NATS and strangers write them."""
    line = Process("web-0", "web").line(written.encode(), NOON + 99)
    assert line.level == level
    assert line.message == (written if message is None else message)
    assert when is None or line.when == pytest.approx(NOON + when)


def test_a_line_of_the_sdk_keeps_its_trace_and_its_fields() -> None:
    """Which are what the page links by."""
    told = {
        "timestamp": "2026-11-23T12:00:00.125Z",
        "level": "info",
        "event": "request",
        "service": "orders",
        "replica": "orders-0",
        "trace_id": TRACE,
        "span_id": "00f067aa0ba902b7",
        "method": "GET",
        "route": "/books",
        "status": 200,
        "ms": 5.935,
    }
    line = Process("orders-0", "orders").line(json.dumps(told).encode(), 0)
    assert (line.when, line.trace, line.span) == (NOON + 0.125, TRACE, "00f067aa0ba902b7")
    assert line.message == "GET /books 200 in 5.935 ms"
    assert line.fields["status"] == 200


def test_a_traceback_is_one_line_and_an_error() -> None:
    """What comes after it is not."""
    text = 'Traceback (most recent call last):\n  File "a.py", line 1\n    x\nValueError: no\nall is well again'
    error, after = Process("web-0", "web").lines(text.encode().split(b"\n"), NOON)
    assert (error.level, error.message.count("\n")) == ("error", 3)
    assert (after.level, after.message) == ("info", "all is well again")


def test_what_is_long_or_deep_in_a_line_is_cut() -> None:
    """One line never takes the room of thousands."""
    deep: object = "end"
    for _ in range(200):
        deep = [deep]
    told = {"message": "m" * 10**6, "deep": deep, "big": 10**30, **{f"f{n}": "v" * 1_000 for n in range(1_000)}}
    line = Process("web-0", "web").line(json.dumps(told).encode(), NOON)
    assert len(line.message) <= 4_000
    assert len(str(line.fields)) < 20_000


@pytest.mark.parametrize(
    ("proxy", "status", "flags", "shown"),
    [
        ("gateway", 200, "-", "info"),
        ("gateway", 429, "RL", "warning"),
        ("gateway", 503, "UH", "error"),
        ("orders-0.to.stock", 200, "-", None),
        ("orders-0.to.stock", 504, "UT", "error"),
        ("stock-0", 200, "-", None),
        ("stock-0", 404, "-", None),
        ("stock-0", 0, "DC", "warning"),
        ("foreign-0", 200, "-", "info"),
    ],
)
def test_of_the_proxies_requests_those_are_shown_that_nobody_else_tells_of(
    proxy: str, status: int, flags: str, shown: str | None
) -> None:
    """All at the gateway, all that failed, and all of a service whose log nobody can read."""
    told = {"proxy": proxy, "status": status, "flags": flags, "method": "GET", "path": "/a", "milliseconds": 3}
    told |= {"time": "2026-11-23T12:00:00.000Z", "trace_id": TRACE, "caller": None}
    line = access(json.dumps(told).encode(), "envoy", 0, whole=frozenset({"foreign"}))
    assert (line.level if line else None) == shown
    if line:
        assert (line.trace, line.when) == (TRACE, NOON)


def test_a_tail_reads_on_over_half_lines_and_a_log_begun_anew(tmp_path: Path) -> None:
    """Nothing is lost or read twice when a log is shortened, and half a line waits for its other half."""
    log, tail = tmp_path / "web.log", Tail(tmp_path)
    log.write_bytes(b"one\ntw")
    assert [added.lines for added in tail.look()] == [[b"one"]]
    with log.open("ab") as file:
        file.write(b"o\nthree\n")
    assert [added.lines for added in tail.look()] == [[b"two", b"three"]]
    with log.open("ab") as file:
        file.write(b"four\n")
    shorten(log, largest=1)
    with log.open("ab") as file:
        file.write(b"five\n")
    assert [added.lines for added in tail.look()] == [[b"four", b"five"]]
    assert list(tail.look()) == []
    log.rename(tmp_path / "web.log.2")
    log.write_bytes(b"six is longer than all before it was\n")
    assert [added.lines for added in tail.look()] == [[b"six is longer than all before it was"]]
    log.unlink()
    assert list(tail.look()) == []


def test_a_tail_reads_no_more_than_it_can_hold(tmp_path: Path) -> None:
    """Of a long file that was there only the end, and of one that grows too fast the end of what came."""
    log, tail = tmp_path / "web.log", Tail(tmp_path)
    log.write_bytes(b"0123456789\n" * 100_000)
    [first] = tail.look()
    assert sum(map(len, first.lines)) < AT_FIRST
    assert set(first.lines) == {b"0123456789"}
    with log.open("ab") as file:
        file.write(b"9876543210\n" * 500_000)
    [second] = tail.look()
    assert second.skipped > AT_ONCE
    assert sum(map(len, second.lines)) < AT_ONCE
    with log.open("ab") as file:
        file.write(b"x" * 300_000)
    [third] = tail.look()
    assert max(map(len, third.lines)) <= 64 << 10


async def test_lines_are_found_by_process_level_trace_and_text(make_settings: Callable[..., Settings]) -> None:
    """Each file is a process, or a second one of it; a service's replicas and jobs are found by its name."""
    settings = make_settings()
    logs = Path(settings.logs)
    (logs / "orders-0.log").write_text(json.dumps({"event": "paid", "trace_id": TRACE, "level": "warning"}) + "\n")
    (logs / "orders.migrate.log").write_text("1 applied\n")
    (logs / "gateway.output.log").write_text("starts\n")
    async with Telemetry(settings) as telemetry:
        await until(lambda: len(telemetry.lines()) == 3)
        [paid] = telemetry.lines(trace=TRACE)
        assert (paid.process, paid.service, paid.message) == ("orders-0", "orders", "paid")
        assert telemetry.lines(level="warning") == [paid]
        assert telemetry.lines(text="PAID") == [paid]
        assert {line.process for line in telemetry.lines(process="orders")} == {"orders-0", "orders.migrate"}
        assert {line.process for line in telemetry.lines()} == {"orders-0", "orders.migrate", "gateway"}
        last = max(line.number for line in telemetry.lines())
        with (logs / "stock-0.log").open("a") as file:
            for number in range(10):
                file.write(f"line {number}\n")
                file.flush()
                await asyncio.sleep(0.01)
        await until(lambda: len(telemetry.lines(after=last)) == 10)
        assert [line.message for line in telemetry.lines(after=last, limit=3)] == ["line 7", "line 8", "line 9"]
