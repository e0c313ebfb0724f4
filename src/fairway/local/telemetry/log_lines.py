"""One line of a log, whoever wrote it: the SDK, Envoy, PostgreSQL, Valkey, NATS, or a program that nobody knows."""

import re
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final, Literal

import msgspec

from fairway.local.telemetry.proxy_spans import ends, service_of
from fairway.local.telemetry.records import Line
from fairway.local.telemetry.settings import GATEWAY
from fairway.local.telemetry.values import fields, text

LONGEST: Final = 4_000  # characters of a message
Level = Literal["debug", "info", "warning", "error"]

TIMES: Final = ("timestamp", "time", "ts", "@timestamp", "t")
LEVELS: Final = ("level", "severity", "levelname", "lvl", "log.level")
MESSAGES: Final = ("event", "message", "msg", "body")
TRACES: Final = ("trace_id", "traceId", "traceid", "trace.id", "otelTraceID")
SPANS: Final = ("span_id", "spanId", "spanid", "span.id", "otelSpanID")

_WORDS: Final[dict[str, Level]] = {
    **dict.fromkeys(("trace", "debug", "verbose", "trc", "dbg", "d", "debug1", "debug2"), "debug"),
    **dict.fromkeys(("info", "information", "notice", "inf", "log", "statement", "detail", "hint", "context"), "info"),
    **dict.fromkeys(("warn", "warning", "wrn", "w"), "warning"),
    **dict.fromkeys(("error", "err", "severe", "fatal", "ftl", "panic", "critical", "crit", "alert", "emerg"), "error"),
}
_NAMES: Final = "|".join(sorted((word for word in _WORDS if len(word) > 2), key=len, reverse=True))  # noqa: PLR2004
# At the line's head only, in capitals, between brackets or before a colon: "no error" in a sentence is none.
_GUESS: Final = re.compile(
    rf"(?:^|[\[\s|<(])({_NAMES.upper()})(?=[\]\s|>):]|$)"
    rf"|(?i:(?:[\[<|(]|\blevel=\"?)({_NAMES})(?=[\]>|)\s\"]|$)|(?:^|\s)({_NAMES}): )"
)
_HEAD: Final = 90  # characters
_RAISED: Final = re.compile(
    r"^(Traceback \(most recent call last\)|(\w+\.)*\w*(Error|Exception)\b|panic: |goroutine \d)"
)
_LONG: Final = ("Traceback", "panic:", "goroutine")
_WHEN: Final = re.compile(
    r"(\d{4})[-/](\d\d)[-/](\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?\s?(Z|UTC|[+-]\d\d:?\d\d)?"
)
_ENVOY: Final = re.compile(r"^\[[^\]]+\]\[\d+\]\[(\w+)\]\[(\w+)\] (?:\[([^\]]*)\] )?(.*)$", re.DOTALL)
_VALKEY: Final = re.compile(r"^\d+:[A-Z] \d\d \w{3} \d{4} [\d:.]+ ([.\-*#]) (.*)$", re.DOTALL)
_VALKEY_LEVELS: Final[dict[str, Level]] = {".": "debug", "-": "debug", "*": "info", "#": "warning"}
_TRACE: Final = re.compile(r"^[0-9a-f]{32}$")


class Process:
    """Who writes a file, and what its last line was: what has no head of its own belongs to it."""

    def __init__(self, name: str, service: str) -> None:
        """Take the process's name, and its service's, which is empty where it has none."""
        self.name = name
        self.service = service
        self._level: Level = "info"
        self._raised = False

    def lines(self, raws: Iterable[bytes], when: float) -> Iterator[Line]:
        """Read lines, and bring those of one traceback together; *when* counts where they do not tell their time."""
        whole: Line | None = None
        for raw in raws:
            raised = self._raised
            line = self.line(raw, when)
            if whole is not None and raised and (self._raised or _RAISED.match(line.message)):
                whole = msgspec.structs.replace(whole, message=text(f"{whole.message}\n{line.message}", LONGEST))
                continue
            if whole is not None:
                yield whole
            whole = line
        if whole is not None:
            yield whole

    def line(self, raw: bytes, when: float) -> Line:
        """Read a line by itself."""
        said = raw.decode(errors="replace").rstrip("\r\n")
        if raw.startswith(b"{"):
            try:
                return self._structured(msgspec.json.decode(raw, type=dict[str, Any]), when)
            except (msgspec.DecodeError, ValueError, RecursionError):
                pass
        return self._plain(said, when)

    def _structured(self, found: dict[str, Any], when: float) -> Line:
        level = _WORDS.get(str(_take(found, LEVELS) or "info").lower(), "info")
        trace, span = str(_take(found, TRACES) or ""), str(_take(found, SPANS) or "")
        told = _take(found, TIMES)
        service = found.pop("service", "")
        found.pop("replica", None)
        return Line(
            number=0,
            when=_time(told, when),
            process=self.name,
            service=self.service or (text(service, 100) if isinstance(service, str) else ""),
            level=level,
            message=text(_message(found), LONGEST),
            trace=trace.lower() if _TRACE.match(trace.lower()) else "",
            span=text(span, 16),
            fields=fields(found),
        )

    def _plain(self, said: str, when: float) -> Line:
        message = text(said, LONGEST)
        if found := _ENVOY.match(said):
            self._level, message = _WORDS.get(found[1], "info"), text(found[4], LONGEST)
            more: dict[str, object] = {"component": found[2], **({"source": found[3]} if found[3] else {})}
            return self._made(_time(said[1:24], when), message, more)
        if found := _VALKEY.match(said):
            self._level = _VALKEY_LEVELS[found[1]]
            return self._made(when, text(found[2], LONGEST), {})
        stamp = _WHEN.search(said, 0, _HEAD)
        if _RAISED.match(said):
            self._level, self._raised = "error", said.startswith(_LONG)  # more of it follows
        elif guessed := _GUESS.search(said, 0, _HEAD):
            self._level, self._raised = _WORDS[(guessed[1] or guessed[2] or guessed[3]).lower()], False
        elif stamp or not (said[:1].isspace() or self._raised):
            self._level, self._raised = "info", False
        return self._made(_time(stamp[0], when) if stamp else when, message, {})

    def _made(self, when: float, message: str, more: dict[str, object]) -> Line:
        return Line(
            number=0,
            when=when,
            process=self.name,
            service=self.service,
            level=self._level,
            message=message,
            fields=more,
        )


def access(raw: bytes, process: str, when: float, *, whole: frozenset[str] = frozenset()) -> Line | None:
    """Read a line of the proxies' access log; none where the service tells of the request itself.

    Those are all within the mesh that went well, but for services of *whole*, which log nothing that we can read.
    """
    try:
        found = msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    proxy, status, flags = str(found.pop("proxy", "")), found.get("status"), str(found.get("flags") or "-")
    replica, callee = ends(proxy)
    code = status if isinstance(status, int) else 0
    service = service_of(replica)
    unwell = code >= 500 or code == 0 or (flags not in {"-", ""} and code >= 400)  # noqa: PLR2004 - HTTP's classes
    if not (unwell or proxy == GATEWAY or (service in whole and not callee)):
        return None
    trace = str(found.pop("trace_id", "") or "")
    asked = f"{found.get('method') or '?'} {found.get('path') or '?'}"
    where = f" to {callee}" if callee else ""
    told = found.pop("time", None)
    return Line(
        number=0,
        when=_time(told, when),
        process=process,
        service=service,
        level="error" if code >= 500 else "warning" if unwell or code >= 400 else "info",  # noqa: PLR2004
        message=text(f"{asked}{where} {code} in {found.get('milliseconds')} ms", LONGEST),
        trace=trace if _TRACE.match(trace) else "",
        fields=fields({name: value for name, value in found.items() if value not in {None, "-"}} | {"proxy": proxy}),
    )


def _take(found: dict[str, Any], names: tuple[str, ...]) -> object:
    for name in names:
        if name in found:
            value: object = found.pop(name)
            return value
    return None


def _message(found: dict[str, Any]) -> str:
    """Give what a line says; of a request that a service answered, which one it was."""
    said = _take(found, MESSAGES)
    if said == "request" and "method" in found:
        route = f" {found['route']}" if "route" in found else ""
        return f"{found['method']}{route} {found.get('status', found.get('code', ''))} in {found.get('ms', '?')} ms"
    return said if isinstance(said, str) else "" if said is None else str(said)


def _time(told: object, otherwise: float) -> float:
    """Read a time: ISO 8601 and what is like it, or seconds, or milliseconds since 1970."""
    if isinstance(told, int | float) and not isinstance(told, bool):
        seconds = told / 1_000 if told > 1e11 else float(told)  # noqa: PLR2004 - seconds pass it in 5138
        return seconds if 0 < seconds < 1e11 else otherwise  # noqa: PLR2004 - likewise
    if not isinstance(told, str) or not (found := _WHEN.search(told)):
        return otherwise
    year, month, day, clock, fraction, zone = found.groups()
    try:
        when = datetime.fromisoformat(f"{year}-{month}-{day}T{clock}").replace(tzinfo=UTC)
        offset = _offset(zone) if zone else (0 if "T" in found[0] else -time.localtime(when.timestamp()).tm_gmtoff)
        return when.timestamp() + offset + float(f"0.{fraction or 0}")
    except (ValueError, OverflowError, OSError):
        return otherwise


def _offset(zone: str) -> int:
    """Give the seconds that are to be added to have UTC."""
    if zone in {"Z", "UTC"}:
        return 0
    sign = -1 if zone[0] == "+" else 1
    digits = zone[1:].replace(":", "")
    return sign * (int(digits[:2]) * 3600 + int(digits[2:]) * 60)
