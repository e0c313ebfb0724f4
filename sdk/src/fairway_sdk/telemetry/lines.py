"""Logs: one JSON line an event on standard output, in one shape, whether we, the author or a library wrote it."""

import logging
import sys
import time
from collections.abc import Callable, MutableMapping
from typing import Any, Final

import orjson
import structlog
from opentelemetry import trace

from fairway_sdk.telemetry.failure import describe
from fairway_sdk.telemetry.output import output

Event = MutableMapping[str, Any]

_OPTIONS: Final = orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS


class Lines:
    """How one service writes its log."""

    def __init__(self, service: str, replica: str, level: str, now: Callable[[], float]) -> None:
        self.level = logging.getLevelNamesMapping()[level.upper()]
        self.informs = self.level <= logging.INFO
        self._fixed = {"service": service, "replica": replica}
        self._inside = inside(self._fixed)
        self._messages = self.level <= logging.DEBUG
        self._now = now
        self._second = 0
        self._prefix = ""

    def timestamp(self) -> str:
        """Give the time of now as ISO 8601 in UTC with milliseconds."""
        now = self._now()
        second = int(now)
        if second != self._second:  # a busy service writes many lines a second
            self._prefix = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._second = second
        return f"{self._prefix}.{int((now - second) * 1000):03d}Z"

    def access(self, trace_id: str, span_id: str, kind: str, seconds: float, further: dict[str, str]) -> None:
        """Write the line of a request that ended: in the shape of all lines, but by hand since each request has one.

        `kind` is the inside of a JSON object that says what kind of request it was; see `inside`.
        """
        rest = f",{inside(further)}" if further else ""
        write(
            f'{{"timestamp":"{self.timestamp()}","level":"info","event":"request",{self._inside},'
            f'"trace_id":"{trace_id}","span_id":"{span_id}",{kind},"ms":{seconds * 1000:.3f}{rest}}}\n'.encode()
        )

    def complete(self, _logger: object, _method: str, event: Event) -> Event:
        """Add to an event when, where and in which trace it happened, and what failed."""
        line: Event = {
            "timestamp": self.timestamp(),
            "level": event.pop("level", "info"),
            "event": event.pop("event", ""),
            **self._fixed,
        }
        found = trace.get_current_span().get_span_context()
        if found.is_valid:
            line["trace_id"] = f"{found.trace_id:032x}"
            line["span_id"] = f"{found.span_id:016x}"
        error = event.pop("exc_info", None)
        if error is True:
            error = sys.exc_info()[1]
        elif isinstance(error, tuple):
            error = error[1]
        for name in line.keys() & event.keys():
            event[f"{name}_"] = event.pop(name)  # the author's own word must not hide whose line it is
        line.update(event)
        if isinstance(error, BaseException):
            line["error"] = type(error).__qualname__
            line["traceback"] = describe(error, messages=self._messages)
        return line


def put(line: Event) -> None:
    """Write a line, whatever is in it."""
    try:
        text = orjson.dumps(line, str, _OPTIONS)
    except (TypeError, ValueError, RecursionError):  # half a character, a number beyond 64 bits, a circle
        text = orjson.dumps({_ascii(key): _ascii(value) for key, value in line.items()}, str, _OPTIONS)
    write(text)


def _ascii(value: object) -> str:
    return value.encode("ascii", "backslashreplace").decode() if isinstance(value, str) else ascii(value)


def inside(members: Event) -> str:
    """Write the members of a JSON object without the braces around them."""
    return orjson.dumps(members).decode()[1:-1]


def write(text: bytes) -> None:
    """Write a finished line."""
    output.write(text)
    if output.lost:
        _tell_lost()


def finish(within: float) -> None:
    """Write what still waits, for so many seconds at most, and how much was lost; blocks."""
    output.drain(within)
    if output.lost:
        _tell_lost()
        output.drain(within)


def _tell_lost() -> None:
    if lost := output.take_lost():
        structlog.get_logger("fairway").warning("lines of the log were lost: nobody read them in time", lost=lost)


class Records(logging.Handler):
    """Brings what libraries write through `logging` into the same shape."""

    def __init__(self, processors: list[Callable[[object, str, Event], Event]]) -> None:
        super().__init__()
        self._processors = processors

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record as a line."""
        try:
            text = record.getMessage()
        except (TypeError, ValueError):
            text = str(record.msg)
        event: Event = {"event": text, "level": record.levelname.lower(), "logger": record.name}
        if record.exc_info:
            event["exc_info"] = record.exc_info
        for process in self._processors:
            event = process(None, "", event)
        put(event)


class _Sink:
    """The end of structlog's chain: takes finished lines of any level."""

    def msg(self, line: Event) -> None:
        put(line)

    debug = info = warning = error = critical = exception = fatal = log = msg


_installed: list[tuple[Lines, Records]] = []
_levels: dict[str, int] = {}
_before: dict[str, Any] = {}  # how an author had structlog write
_LIBRARIES: Final = {"opentelemetry": logging.CRITICAL}  # Delivery says it once; the exporter would for each batch


def current() -> Lines | None:
    """Give what writes the log now; none while no service runs."""
    return _installed[-1][0] if _installed else None


def install(lines: Lines) -> None:
    """Write all logs of the process this way, from now on."""
    from fairway_sdk.telemetry.redaction import redact

    chain: list[Any] = [lines.complete, redact]
    records = Records(chain)
    # Libraries tell at info what they do with whose data; only their troubles are ours.
    records.setLevel(lines.level if lines.level <= logging.DEBUG else max(lines.level, logging.WARNING))
    if not _installed:
        _before.update(structlog.get_config() if structlog.is_configured() else {})
        _levels.update({name: logging.getLogger(name).level for name in ("", *_LIBRARIES)})
        for name, level in _LIBRARIES.items():
            logging.getLogger(name).setLevel(level)
    logging.getLogger().addHandler(records)
    logging.getLogger().setLevel(records.level)
    _installed.append((lines, records))
    _configure(lines, chain)


def _configure(lines: Lines, chain: list[Any]) -> None:
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, *chain, _as_line],
        wrapper_class=structlog.make_filtering_bound_logger(lines.level),
        logger_factory=lambda *_: _Sink(),
        cache_logger_on_first_use=False,  # the loggers of modules outlive a service that stops and starts
    )


def _as_line(_logger: object, _method: str, event: Event) -> tuple[tuple[Event], dict[str, Any]]:
    return (event,), {}


def remove(lines: Lines) -> None:
    """Write as before `install`; the last one installed that is still there goes on."""
    for entry in [entry for entry in _installed if entry[0] is lines]:
        _installed.remove(entry)
        logging.getLogger().removeHandler(entry[1])
    if _installed:
        last, records = _installed[-1]
        _configure(last, records._processors)  # noqa: SLF001 - our own, a few lines above
    else:
        structlog.reset_defaults()
        if _before:
            structlog.configure(**_before)
            _before.clear()
        for name, level in _levels.items():
            logging.getLogger(name).setLevel(level)
