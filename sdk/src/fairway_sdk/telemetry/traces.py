"""Traces over every border: one checkout is one trace, through REST, gRPC, events and sagas."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

from opentelemetry import context, trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from fairway_sdk.telemetry.tracing import enter, tracing

_tracer = tracing.get_tracer("fairway_sdk")

Attributes = Mapping[str, str | bool | int | float]


def traceparent() -> str:
    """Give the W3C traceparent of the work at hand, to be carried over a border; empty outside any trace."""
    found = trace.get_current_span().get_span_context()
    if not found.is_valid:
        return ""
    return f"00-{found.trace_id:032x}-{found.span_id:016x}-{found.trace_flags & 1:02x}"


def trace_id() -> str:
    """Give the trace of the work at hand in 32 hexadecimal digits; empty outside any trace."""
    found = trace.get_current_span().get_span_context()
    return f"{found.trace_id:032x}" if found.is_valid else ""


def span(
    name: str, kind: SpanKind = SpanKind.INTERNAL, parent: str = "", attributes: Attributes | None = None
) -> AbstractContextManager[Span]:
    """Run the body in a span; `parent` is a traceparent from outside. Of an error its class is noted."""
    if not parent:
        around = trace.get_current_span()
        above = around.get_span_context()
        if above.is_valid and not (above.trace_flags & 1 and tracing.recording):
            return nullcontext(around)  # nobody will see it: most work of a service is here, and should cost nothing
    return _span(name, kind, parent, attributes)


@contextmanager
def _span(name: str, kind: SpanKind, parent: str, attributes: Attributes | None) -> Iterator[Span]:
    if parent or not trace.get_current_span().get_span_context().is_valid:
        found = enter(name, parent, "", attributes or {}, kind)[0]
    else:
        found = _tracer.start_span(name, None, kind, attributes, record_exception=False, set_status_on_exception=False)
    token = context.attach(trace.set_span_in_context(found))
    try:
        yield found
    except Exception as error:
        failed(found, error)
        raise
    finally:
        context.detach(token)
        found.end()


def failed(found: Span, error: BaseException) -> None:
    """Note on a span what kind of error ended it; its message may name a person."""
    found.set_attribute("error.type", type(error).__qualname__)
    found.set_status(Status(StatusCode.ERROR))
