"""Takes traces and logs by OTLP over HTTP, gives each replica's metrics to scrapers, and hears Alertmanager.

It listens on loopback, where any program of this machine may try it: what is too much is refused.
"""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final

import msgspec

from fairway.local.telemetry import otlp
from fairway.local.telemetry.collector_paths import ALERTS_PATH, LOGS_PATH, METRICS_PATH, SCRAPE_PATH, TRACES_PATH
from fairway.local.telemetry.records import Line, Span

LARGEST_SENT: Final = 4 << 20  # bytes of a body as it comes
LARGEST_HEARD: Final = 16 << 20  # bytes that are passed over, since who still sends does not hear the refusal
LARGEST: Final = 8 << 20  # and unpacked
SENT_WITHIN: Final = 10.0  # seconds
AT_ONCE: Final = 16  # bodies that are read at the same time: the others wait
JSON: Final = "application/json"
PROTOBUF: Final = "application/x-protobuf"
HERE: Final = ("127.0.0.1", "localhost", "[::1]")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """Who is given what came in."""

    spans: Callable[[list[Span]], None]
    lines: Callable[[list[Line]], None]
    alerted: Callable[[bytes], None]
    metrics: Callable[[str], Awaitable[bytes]]  # of a replica or proxy; `KeyError` where there is none, or `OSError`
    now: Callable[[], float]


class RefusedError(Exception):
    """A request that is not taken."""

    def __init__(self, status: int, says: str) -> None:
        """Take HTTP's status, and a sentence."""
        super().__init__(says)
        self.status = status


class Collector:
    """A plain ASGI application."""

    def __init__(self, taken: Taken) -> None:
        """Take who is given what comes in."""
        self._taken = taken
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        fields = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        json = fields.get("content-type", "").partition(";")[0].strip().lower() == JSON
        try:
            status, kind, body = await self._answer(scope, fields, receive, json=json)
        except RefusedError as error:
            status, kind, body = error.status, *_said(str(error), json=json)
        headers = [(b"content-type", kind.encode()), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(
        self, scope: Scope, fields: Mapping[str, str], receive: Receive, *, json: bool
    ) -> tuple[int, str, bytes]:
        path: str = scope["path"]
        # A page of any site may post here, and then tells its origin; to read, its name would have to lead here.
        if "origin" in fields:
            raise RefusedError(403, "This is no place for web pages.")
        if scope["method"] == "GET" and path.startswith(SCRAPE_PATH):
            if fields.get("host", "").rpartition(":")[0] not in HERE:
                raise RefusedError(403, "Ask by this machine's own name.")
            return await self._scraped(path.removeprefix(SCRAPE_PATH))
        if path not in {TRACES_PATH, LOGS_PATH, METRICS_PATH, ALERTS_PATH}:
            raise RefusedError(404, "Take /v1/traces or /v1/logs.")
        if scope["method"] != "POST":
            raise RefusedError(405, "POST it.")
        if not json and fields.get("content-type", "").partition(";")[0].strip().lower() != PROTOBUF:
            raise RefusedError(415, f"Send {PROTOBUF} or {JSON}.")
        async with self._turns:
            document = await _document(fields, receive)
            return self._take(path, document, json=json)

    def _take(self, path: str, document: bytes, *, json: bool) -> tuple[int, str, bytes]:
        left_out = 0
        try:
            if path == TRACES_PATH:
                spans, left_out = otlp.spans(document, json=json)
                self._taken.spans(spans)
            elif path == LOGS_PATH:
                lines, left_out = otlp.lines(document, json=json, now=self._taken.now())
                self._taken.lines(lines)
            elif path == METRICS_PATH:
                return 200, *_partly(path, 0, "Metrics are read from where they are offered, not taken.", json=json)
            else:
                self._taken.alerted(document)
        except (otlp.MalformedError, ValueError, RecursionError) as error:
            raise RefusedError(400, f"What was sent to {path} cannot be read.") from error
        if left_out:
            return 200, *_partly(path, left_out, "One request brought too many.", json=json)
        return 200, JSON if json else PROTOBUF, b"{}" if json else b""

    async def _scraped(self, name: str) -> tuple[int, str, bytes]:
        try:
            return 200, "text/plain; version=0.0.4; charset=utf-8", await self._taken.metrics(name)
        except KeyError:
            raise RefusedError(404, "Nobody of this name is known.") from None
        except OSError as error:
            raise RefusedError(503, str(error)) from None


async def _document(fields: Mapping[str, str], receive: Receive) -> bytes:
    encoding = fields.get("content-encoding", "identity").strip().lower()
    if encoding not in {"gzip", "deflate", "identity", ""}:
        raise RefusedError(415, "Send it as it is, or packed by gzip.")
    sent, size = bytearray(), 0
    try:
        async with asyncio.timeout(SENT_WITHIN):
            more = True
            while more and size <= LARGEST_HEARD:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise RefusedError(400, "It ended too early.")
                size += len(message.get("body", b""))
                if size <= LARGEST_SENT:
                    sent += message.get("body", b"")
                more = message.get("more_body", False)
    except TimeoutError:
        raise RefusedError(408, f"Send it within {SENT_WITHIN:g} s.") from None
    if size > LARGEST_SENT:
        raise RefusedError(413, f"Send at most {LARGEST_SENT} bytes at once.")
    return bytes(sent) if encoding in {"identity", ""} else _unpacked(bytes(sent))


def _unpacked(sent: bytes) -> bytes:
    unpacking = zlib.decompressobj(wbits=47)  # gzip or zlib, whichever it is
    try:
        found = unpacking.decompress(sent, LARGEST + 1)
    except zlib.error as error:
        raise RefusedError(400, "What is packed cannot be unpacked.") from error
    if len(found) > LARGEST:
        raise RefusedError(413, f"Send at most {LARGEST} bytes at once, before they are packed.")
    if not unpacking.eof:
        raise RefusedError(400, "What is packed has no end.")
    return found


def _said(says: str, *, json: bool) -> tuple[str, bytes]:
    """Write the status that OTLP wants with a refusal."""
    if json:
        return JSON, msgspec.json.encode({"message": says})
    text = says.encode()
    return PROTOBUF, b"\x12" + _varint(len(text)) + text


def _partly(path: str, left_out: int, says: str, *, json: bool) -> tuple[str, bytes]:
    """Write that something was left out, as OTLP's partial success."""
    if json:
        name = {TRACES_PATH: "rejectedSpans", LOGS_PATH: "rejectedLogRecords"}.get(path, "rejectedDataPoints")
        return JSON, msgspec.json.encode({"partialSuccess": {name: str(left_out), "errorMessage": says}})
    text = says.encode()
    inside = (b"\x08" + _varint(left_out) if left_out else b"") + b"\x12" + _varint(len(text)) + text
    return PROTOBUF, b"\x0a" + _varint(len(inside)) + inside


def _varint(number: int) -> bytes:
    found = b""
    while number > 127:  # noqa: PLR2004 - seven bits a byte
        found += bytes([number & 127 | 128])
        number >>= 7
    return found + bytes([number])
