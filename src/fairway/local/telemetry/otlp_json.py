"""OTLP's JSON: its fields as protobuf names them, numbers of traces in hexadecimal digits, long integers as text."""

from typing import Annotated, Any

import msgspec

Integer = int | Annotated[str, msgspec.Meta(pattern=r"^-?[0-9]{1,20}$")]


class _Part(msgspec.Struct, rename="camel", gc=False):
    """What all parts share; fields that nobody knows are passed over, as OTLP wants."""


class ArrayValue(_Part):
    """A list of values."""

    values: "list[AnyValue]" = []


class KeyValueList(_Part):
    """A map of values."""

    values: "list[KeyValue]" = []


class AnyValue(_Part):
    """A value: one of its fields is there."""

    string_value: str | None = None
    bool_value: bool | None = None
    int_value: Integer | None = None
    double_value: float | None = None
    array_value: ArrayValue | None = None
    kvlist_value: KeyValueList | None = None
    bytes_value: str | None = None


class KeyValue(_Part):
    """A value with its name."""

    key: str = ""
    value: AnyValue | None = None


class Resource(_Part):
    """Who sends."""

    attributes: list[KeyValue] = []


class Event(_Part):
    """Something in the course of a span."""

    name: str = ""
    time_unix_nano: Integer = 0
    attributes: list[KeyValue] = []


class SpanLink(_Part):
    """A span that another follows from."""

    trace_id: str = ""
    span_id: str = ""


class Status(_Part):
    """How a span ended."""

    message: str = ""
    code: int = 0


class Span(_Part):
    """A piece of work."""

    trace_id: str
    span_id: str
    parent_span_id: str = ""
    name: str = ""
    kind: int = 0
    start_time_unix_nano: Integer = 0
    end_time_unix_nano: Integer = 0
    attributes: list[KeyValue] = []
    events: list[Event] = []
    links: list[SpanLink] = []
    status: Status | None = None


class ScopeSpans(_Part):
    """The spans of one library."""

    spans: list[Span] = []


class ResourceSpans(_Part):
    """The spans of one process."""

    resource: Resource | None = None
    scope_spans: list[ScopeSpans] = []


class Traces(_Part):
    """A request that brings spans."""

    resource_spans: list[ResourceSpans] = []


class LogRecord(_Part):
    """A line of a log."""

    time_unix_nano: Integer = 0
    observed_time_unix_nano: Integer = 0
    severity_number: int = 0
    body: AnyValue | None = None
    attributes: list[KeyValue] = []
    trace_id: str = ""
    span_id: str = ""


class ScopeLogs(_Part):
    """The lines of one library."""

    log_records: list[LogRecord] = []


class ResourceLogs(_Part):
    """The lines of one process."""

    resource: Resource | None = None
    scope_logs: list[ScopeLogs] = []


class Logs(_Part):
    """A request that brings lines."""

    resource_logs: list[ResourceLogs] = []


def read(document: bytes, kind: type[Any]) -> Any:  # noqa: ANN401 - one of the two above
    """Read a request; `ValueError` or `RecursionError` where it is none."""
    return msgspec.json.decode(document, type=kind)
