"""The process's tracer provider: it stays, and what stands behind it comes and goes with the running service."""

import random
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import (
    NonRecordingSpan,
    NoOpTracerProvider,
    Span,
    SpanContext,
    SpanKind,
    TraceFlags,
    Tracer,
    TracerProvider,
    TraceState,
)

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)
UNSAMPLED: Final = TraceFlags(TraceFlags.DEFAULT)
# No more lenient than W3C: what is read here stands in log lines as it came.
_TRACEPARENT = re.compile("([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)
_LOW = (1 << 64) - 1  # the half of a trace's number that decides, as in the samplers of OpenTelemetry

# The number of the trace that the SDK is about to begin: whether it is recorded was decided by it already.
chosen: ContextVar[int] = ContextVar("fairway_chosen_trace", default=0)

Attributes = Mapping[str, str | bool | int | float]


class Tracing(TracerProvider):
    """A provider that hands on to another.

    OpenTelemetry lets a process set its provider once only, and libraries keep the tracers they were given. A service
    that starts again, as tests do, needs a new one behind the same face; without one, nothing is recorded.
    """

    def __init__(self) -> None:
        self.behind: TracerProvider = NoOpTracerProvider()
        self.bound = 0  # a new trace is recorded if the low half of its number is below
        self.watchers: list[Callable[[ReadableSpan], None]] = []  # tests that look at ended spans

    @property
    def recording(self) -> bool:
        """Tell whether spans go anywhere."""
        return not isinstance(self.behind, NoOpTracerProvider)

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Any = None,
    ) -> Tracer:
        """Give a tracer that follows every change of the provider behind."""
        return _Tracer(self, (instrumenting_module_name, instrumenting_library_version, schema_url, attributes))

    def put_behind(self, provider: TracerProvider, share: float) -> None:
        """Record by a provider from now on, a share from 0 to 1 of the traces that begin here."""
        self.behind = provider
        self.bound = round(share * (1 << 64))
        if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
            trace.set_tracer_provider(self)

    def take_away(self, provider: TracerProvider) -> None:
        """Stop recording by a provider; nothing happens if another has taken its place."""
        if self.behind is provider:
            self.behind = NoOpTracerProvider()
            self.bound = 0


class _Tracer(Tracer):
    """A tracer of whatever provider stands behind at the moment."""

    def __init__(self, tracing: Tracing, names: tuple[Any, ...]) -> None:
        self._tracing = tracing
        self._names = names
        self._provider: TracerProvider | None = None
        self._tracer: Tracer = trace.NoOpTracer()

    def _now(self) -> Tracer:
        if self._provider is not self._tracing.behind:
            self._provider = self._tracing.behind
            self._tracer = self._provider.get_tracer(*self._names)
        return self._tracer

    def start_span(self, *arguments: Any, **options: Any) -> Span:
        """Begin a span."""
        return self._now().start_span(*arguments, **options)

    @contextmanager
    def start_as_current_span(self, *arguments: Any, **options: Any) -> Iterator[Span]:  # type: ignore[override] # theirs serves coroutines as a decorator, too
        """Run the body in a span."""
        with self._now().start_as_current_span(*arguments, **options) as span:
            yield span


class Unrecorded(NonRecordingSpan):
    """A request's place in its trace, and no more: what nine requests of ten need, at a hundredth of a span's price."""

    def __init__(self, trace_id: int, span_id: int, flags: TraceFlags, state: TraceState | None) -> None:
        self._ids = trace_id, span_id, flags, state
        self._known: SpanContext | None = None

    def get_span_context(self) -> SpanContext:
        """Give the context, made when first asked for."""
        if self._known is None:
            trace_id, span_id, flags, state = self._ids
            self._known = SpanContext(trace_id, span_id, is_remote=False, trace_flags=flags, trace_state=state)
        return self._known


tracing: Final = Tracing()
_tracer: Final = tracing.get_tracer("fairway_sdk")
_EMPTY: Final = Context()


def enter(
    name: str, parent: str, state: str, attributes: Attributes, kind: SpanKind = SpanKind.SERVER
) -> tuple[Span, str, str]:
    """Begin the span of work that came from outside; with it, its trace and its own number in hexadecimal digits.

    Whether it is recorded is decided before a span of the SDK is made, by the caller's word or by the share of the
    traces that begin here. `parent` and `state` are W3C's traceparent and tracestate; unreadable ones are ignored.
    """
    above = read(parent) if parent else None
    if above is None:
        trace_id = random.getrandbits(128) or 1
        if trace_id & _LOW >= tracing.bound:
            span_id = random.getrandbits(64) or 1
            return Unrecorded(trace_id, span_id, UNSAMPLED, None), f"{trace_id:032x}", f"{span_id:016x}"
        token = chosen.set(trace_id)
        try:
            span = _tracer.start_span(name, _EMPTY, kind, attributes)
        finally:
            chosen.reset(token)
        return span, f"{trace_id:032x}", f"{span.get_span_context().span_id:016x}"
    trace_id, parent_id, sampled = above
    states = TraceState.from_header([state]) if state else None
    if sampled and tracing.recording:
        remote = SpanContext(trace_id, parent_id, is_remote=True, trace_flags=SAMPLED, trace_state=states)
        span = _tracer.start_span(name, trace.set_span_in_context(NonRecordingSpan(remote), _EMPTY), kind, attributes)
        return span, parent[3:35], f"{span.get_span_context().span_id:016x}"
    # A recorded trace that is not recorded here keeps its caller's span: ours would be a parent that nobody finds.
    span_id = parent_id if sampled else random.getrandbits(64) or 1
    flags = SAMPLED if sampled else UNSAMPLED
    return Unrecorded(trace_id, span_id, flags, states), parent[3:35], f"{span_id:016x}"


def read(parent: str) -> tuple[int, int, bool] | None:
    """Read a traceparent: the trace, the caller's span, and whether it is recorded; none where it is not one."""
    matched = _TRACEPARENT.fullmatch(parent)
    if matched is None:
        return None
    version, trace_id, span_id, flags, further = matched.groups()
    if version == "ff" or (version == "00" and further):
        return None
    found = int(trace_id, 16), int(span_id, 16), bool(int(flags, 16) & TraceFlags.SAMPLED)
    return found if found[0] and found[1] else None
