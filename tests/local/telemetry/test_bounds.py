"""However much is told, telemetry takes no more memory than was said, and the newest is what it keeps."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fairway.local.telemetry.lines import Lines
from fairway.local.telemetry.records import Line, Span
from fairway.local.telemetry.traces import MOST_IN_ONE, Traces
from fairway.local.telemetry.values import LONGEST_TEXT

MILLION = 1_000_000
MEGABYTES = 20  # spans and lines together, after a million of each


def _span(trace: int, number: int, **more: object) -> Span:
    told: dict[str, object] = {
        "trace": f"{trace:032x}",
        "span": f"{number:016x}",
        "parent": f"{number - 1:016x}" if number % 10 else "",
        "service": f"service-{number % 10}",
        "replica": f"service-{number % 10}-0",
        "name": "POST /a/path/of/some/length",
        "kind": "server",
        "start": 1e9 + trace + number / MILLION,
        "duration": 0.01,
        "attributes": {"http.request.method": "POST", "http.route": "/a/path", "http.response.status_code": 200},
    }
    return Span(**(told | more))  # type: ignore[arg-type] # a test's own words


def _fill(count: int) -> tuple[Traces, Lines]:
    traces, lines = Traces(), Lines()
    for trace in range(count // 10):
        traces.add(_span(trace, trace * 10 + one) for one in range(10))
    processes = [f"service-{number}-0" for number in range(20)]
    for number in range(count):
        process = processes[number % 20]
        lines.add([Line(number=0, when=number, process=process, message=f"request {number}", fields={"ms": 1})])
    return traces, lines


def _resident() -> float:
    """Tell how many megabytes the process takes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def _measured() -> None:
    """Fill the stores with a million of each, and write what that took; in a process of its own."""
    before = _resident()
    traces, lines = _fill(MILLION)
    taken = _resident() - before
    [newest] = traces.summaries(limit=1)
    [last] = lines.newest(limit=1)
    used = (traces.used + lines.used) / 2**20
    sys.stdout.write(json.dumps({"taken": taken, "used": used, "newest": newest.trace, "last": last.number}))


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux tells a process's memory this way")
def test_after_a_million_spans_and_lines_the_memory_is_what_was_said() -> None:
    """Measured of a process, not only counted; and the newest of both are there."""
    done = subprocess.run([sys.executable, __file__], check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    assert found["taken"] < MEGABYTES
    assert found["used"] > found["taken"] * 0.7, "what it believes to take must not be far less than the truth"
    assert found["newest"] == f"{MILLION // 10 - 1:032x}"
    assert found["last"] == MILLION


def test_values_of_the_greatest_length_push_out_no_more_than_their_size() -> None:
    """The room is of bytes, not of records."""
    traces = Traces(room=1 << 20)
    long = {f"key-{number}": random.Random(number).randbytes(LONGEST_TEXT // 2).hex() for number in range(64)}  # noqa: S311 - any text
    for trace in range(100):
        traces.add([_span(trace, trace, attributes=long)])
        assert traces.used <= 1 << 20
    assert 10 <= len(traces.summaries(limit=100)) < 20


def test_one_endless_trace_leaves_the_others_their_room() -> None:
    """It keeps its first spans, and what it loses is counted."""
    traces = Traces()
    traces.add([_span(1, 1)])
    traces.add(_span(2, number) for number in range(100_000))
    assert [summary.spans for summary in traces.summaries()] == [MOST_IN_ONE, 1]
    assert traces.dropped == 100_000 - MOST_IN_ONE


def test_one_process_that_never_stops_talking_leaves_the_others_their_lines() -> None:
    """Each has a share of its own."""
    lines = Lines(room=1 << 20)
    lines.add([Line(number=0, when=0, process="quiet-0", level="error", message="the one that matters")])
    lines.add(Line(number=0, when=1, process="loud-0", message="x" * 500) for _ in range(100_000))
    assert [line.process for line in lines.newest(level="error")] == ["quiet-0"]
    assert lines.used <= 1 << 20


def test_strangers_names_are_as_bounded_as_their_lines() -> None:
    """A process for each line is not a process."""
    lines = Lines()
    lines.add(Line(number=0, when=0, process=f"p{number}", message="x") for number in range(10_000))
    assert len({line.process for line in lines.newest(process="p9999", limit=100_000)}) == 0
    assert len(lines.newest(limit=100_000)) < 10_000


def test_answers_are_immediate_when_all_is_full() -> None:
    """The page asks every second."""
    traces, lines = Traces(), Lines()
    for trace in range(6_000):
        traces.add(_span(trace, trace * 10 + one, failed=one == 9 and not trace % 100) for one in range(10))
    lines.add(Line(number=0, when=0, process=f"p{number % 20}", message=f"line {number}") for number in range(60_000))
    began = time.process_time()
    assert len(traces.summaries(limit=50)) == 50
    assert len(lines.newest(limit=200)) == 200
    assert time.process_time() - began < 0.05
    began = time.process_time()
    assert len(traces.summaries(failed=True, service="service-3")) > 0
    assert not traces.summaries(text="nobody says this")
    assert lines.newest(text="line 59999")
    assert not lines.newest(text="nobody says this")
    assert time.process_time() - began < 1.5


if __name__ == "__main__":
    _measured()
