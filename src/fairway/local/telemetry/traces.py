"""Traces in memory: packed, and never more of them than there is room for."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from fairway.local.telemetry.records import Span, TraceSummary

ROOM: Final = 9 << 20  # bytes of all spans together
MOST_IN_ONE: Final = 2_000  # spans: a trace without an end does not push out the others
EACH_SPAN: Final = 90  # bytes that keeping one takes beside its own
EACH_TRACE: Final = 1_000

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Span).decode


class _Trace:
    """The spans of one trace, and its summary once somebody has asked for it."""

    __slots__ = ("size", "spans", "summary")

    def __init__(self) -> None:
        self.spans: dict[str, bytes] = {}  # by number: who exports again what he was not sure of changes nothing
        self.size = EACH_TRACE
        self.summary: TraceSummary | None = None


class Traces:
    """The newest traces."""

    def __init__(self, room: int = ROOM) -> None:
        """Take the bytes that there is room for."""
        self._room = room
        self._used = 0
        self._traces: dict[str, _Trace] = {}  # the one that began first comes first
        self.dropped = 0  # spans

    @property
    def used(self) -> int:
        """Tell how many bytes are taken."""
        return self._used

    def add(self, spans: Iterable[Span]) -> None:
        """Keep spans; the oldest traces make room for them."""
        for span in spans:
            trace = self._traces.get(span.trace)
            if trace is None:
                trace = self._traces[span.trace] = _Trace()
                self._used += EACH_TRACE
            before = trace.spans.get(span.span)
            if before is None and len(trace.spans) >= MOST_IN_ONE:
                self.dropped += 1
                continue
            packed = _pack(span)
            grown = len(packed) - len(before) if before is not None else len(packed) + EACH_SPAN
            trace.spans[span.span] = packed
            trace.summary = None
            trace.size += grown
            self._used += grown
        while self._used > self._room:
            oldest = next(iter(self._traces))
            self._used -= self._traces.pop(oldest).size

    def spans(self, trace: str) -> Sequence[Span]:
        """Give the spans of a trace by their start."""
        found = self._traces.get(trace)
        if found is None:
            return ()
        return sorted((_unpack(packed) for packed in found.spans.values()), key=lambda span: span.start)

    def summaries(
        self, *, service: str = "", failed: bool = False, least: float = 0.0, text: str = "", limit: int = 50
    ) -> Sequence[TraceSummary]:
        """List traces, the newest first."""
        found: list[TraceSummary] = []
        for number, trace in reversed(self._traces.items()):
            if len(found) >= limit:
                break
            if text and text != number and not _says(trace, text):
                continue
            summary = self._summary(number, trace)
            fits = not service or service in summary.services
            if fits and summary.duration >= least and (summary.failed or not failed):
                found.append(summary)
        return sorted(found, key=lambda summary: summary.start, reverse=True)

    def _summary(self, number: str, trace: _Trace) -> TraceSummary:
        if trace.summary is None:
            trace.summary = summary(self.spans(number))
        return trace.summary


def summary(spans: Sequence[Span]) -> TraceSummary:
    """Sum up the spans of one trace, which come by their start."""
    first = next(roots(spans), spans[0])
    return TraceSummary(
        trace=first.trace,
        name=first.name,
        service=first.service,
        start=spans[0].start,
        duration=max(span.start + span.duration for span in spans) - spans[0].start,
        spans=len(spans),
        failed=sum(span.failed for span in spans),
        services=tuple(dict.fromkeys(span.service for span in spans)),
    )


def roots(spans: Sequence[Span]) -> Iterator[Span]:
    """Go through the spans whose parent is not among them."""
    known = {span.span for span in spans}
    return (span for span in spans if span.parent not in known)


def _says(trace: _Trace, text: str) -> bool:
    """Tell whether a name or an attribute of any of its spans says it."""
    wanted = text.lower()
    sought = wanted.encode() if wanted.isascii() else b""
    for packed in trace.spans.values():
        if sought in packed.lower():  # most are out after this, at a tenth of the price
            span = _unpack(packed)
            said = (span.name, span.service, span.says, *span.attributes, *map(str, span.attributes.values()))
            if any(wanted in each.lower() for each in said):
                return True
    return False
