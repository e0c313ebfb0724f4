"""Logs are JSON lines of one shape, whoever writes them, and hold nothing that they should not."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairway_sdk.errors import SetupError
from fairway_sdk.telemetry import lines

log = structlog.get_logger("fairway")


@pytest.fixture
def installed() -> Iterator[lines.Lines]:
    """Write logs as a service does."""
    made = lines.Lines("shop", "shop-1", "info", lambda: 1767225600.5)
    lines.install(made)
    yield made
    lines.remove(made)


def read(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Give the lines since the last reading; each must be JSON."""
    return [json.loads(line) for line in capsys.readouterr().out.split("\n") if line]


@pytest.mark.usefixtures("installed")
def test_a_line_says_when_and_who(capsys: pytest.CaptureFixture[str]) -> None:
    """The time is UTC with milliseconds."""
    log.info("the order is placed", items=3)
    assert read(capsys) == [
        {
            "timestamp": "2026-01-01T00:00:00.500Z",
            "level": "info",
            "event": "the order is placed",
            "service": "shop",
            "replica": "shop-1",
            "items": 3,
        }
    ]


@pytest.mark.usefixtures("installed")
def test_libraries_write_the_same_shape_and_only_their_troubles(capsys: pytest.CaptureFixture[str]) -> None:
    """What a library tells at info, it tells of somebody's data."""
    logging.getLogger("other.package").info("fetched /readers/jane")
    logging.getLogger("other.package").warning("slow: %d ms", 5)
    (line,) = read(capsys)
    assert (line["event"], line["level"], line["logger"]) == ("slow: 5 ms", "warning", "other.package")
    assert line["service"] == "shop"


@pytest.mark.usefixtures("installed")
def test_an_exception_is_told_by_its_class_and_place(capsys: pytest.CaptureFixture[str]) -> None:
    """Its message and its cause's may quote a person; our own sentences do not."""
    try:
        try:
            int("jane@example.org")
        except ValueError as error:
            raise SetupError("binding.json: is wrong. Write it again.") from error
    except SetupError:
        log.exception("it failed")
        logging.getLogger("other.package").exception("it failed, too")
    ours, theirs = read(capsys)
    for line in (ours, theirs):
        assert line["error"] == "SetupError"
        assert "binding.json: is wrong" in line["traceback"]
        assert "caused by: ValueError\n" in line["traceback"]
        assert "test_lines.py" in line["traceback"]
        assert "jane" not in str(line)


def test_messages_of_exceptions_are_told_when_debugging(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever asks for debug on a machine of their own gets everything."""
    made = lines.Lines("shop", "shop-1", "debug", lambda: 0.0)
    lines.install(made)
    try:
        log.error("it failed", exc_info=ExceptionGroup("two", [KeyError("a"), KeyError("b")]))
    finally:
        lines.remove(made)
    (line,) = read(capsys)
    assert "KeyError: 'a'" in line["traceback"]
    assert "KeyError: 'b'" in line["traceback"]


@pytest.mark.usefixtures("installed")
def test_an_authors_key_does_not_hide_whose_line_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """A word that the line has already is kept under another name."""
    log.info("called", service="payments", replica=2)
    (line,) = read(capsys)
    assert (line["service"], line["service_"]) == ("shop", "payments")
    assert (line["replica"], line["replica_"]) == ("shop-1", 2)


@pytest.mark.usefixtures("installed")
def test_what_looks_personal_is_blacked_out(capsys: pytest.CaptureFixture[str]) -> None:
    """The redaction stands in the way of every line."""
    log.warning("odd", email="jane@example.org")
    logging.getLogger("other.package").warning("odd: jane@example.org")
    assert "jane" not in capsys.readouterr().out


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    event=st.text(),
    value=st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text()
        | st.binary()
        | st.sampled_from([object, "\ud800"]),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
        max_leaves=5,
    ),
)
@pytest.mark.usefixtures("installed")
def test_anything_makes_one_line(capsys: pytest.CaptureFixture[str], event: str, value: object) -> None:
    """Half characters, large numbers, bytes and classes included."""
    log.info(event, value=value)
    (line,) = read(capsys)
    assert line["service"] == "shop"


def test_what_is_below_the_level_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither ours nor the lines of requests."""
    made = lines.Lines("shop", "shop-1", "warning", lambda: 0.0)
    lines.install(made)
    try:
        log.info("not this")
        log.warning("this")
    finally:
        lines.remove(made)
    assert not made.informs
    assert [line["event"] for line in read(capsys)] == ["this"]


def test_the_log_is_as_before_afterwards(capsys: pytest.CaptureFixture[str]) -> None:
    """A test that runs a service leaves no handler and no level behind."""
    root = logging.getLogger()
    before = (list(root.handlers), root.level, logging.getLogger("opentelemetry").level)
    first, second = (lines.Lines(name, "1", "info", lambda: 0.0) for name in ("first", "second"))
    lines.install(first)
    lines.install(second)
    lines.remove(first)
    log.info("still JSON")
    assert read(capsys)[0]["service"] == "second"
    lines.remove(second)
    assert (list(root.handlers), root.level, logging.getLogger("opentelemetry").level) == before
    assert lines.current() is None
