"""What others send by OTLP, as protobuf or JSON, to spans and lines. Whatever is sent, what comes of it is bounded."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Literal, TypeVar

import msgspec

from fairway.local.telemetry import otlp_json
from fairway.local.telemetry.proxy_spans import of_proxy
from fairway.local.telemetry.records import Event, Line, Span, Value
from fairway.local.telemetry.values import DEEPEST, LONGEST_NAME, MOST_ITEMS, MOST_VALUES, fields, text

MOST_RECORDS: Final = 5_000  # spans or lines of one request
MOST_EVENTS: Final = 16  # of one span; as many links
NANO: Final = 1e-9

Kind = Literal["internal", "server", "client", "producer", "consumer"]
Level = Literal["debug", "info", "warning", "error"]
T = TypeVar("T")
KINDS: Final[dict[int, Kind]] = {2: "server", 3: "client", 4: "producer", 5: "consumer"}
FAILED: Final = 2  # OTLP's code of a span that ended in an error
WARNING, ERROR, INFO = 13, 17, 9  # where OTLP's numbers of these severities begin


class MalformedError(Exception):
    """A document that is not what it should be."""


def spans(document: bytes, *, json: bool) -> tuple[list[Span], int]:
    """Read the spans of a request, and tell how many were left out; `MalformedError` where it is none."""
    if json:
        request: Any = otlp_json.read(document, otlp_json.Traces)
    else:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (  # noqa: PLC0415 - 30 ms, on first use
            ExportTraceServiceRequest,
        )

        request = _parsed(ExportTraceServiceRequest, document)
    found = _resourced((one.resource, one.scope_spans, "spans") for one in request.resource_spans)
    return _limited(found, _span)


def lines(document: bytes, *, json: bool, now: float) -> tuple[list[Line], int]:
    """Read the lines of a request, without numbers, and tell how many were left out; `MalformedError` as above."""
    if json:
        request: Any = otlp_json.read(document, otlp_json.Logs)
    else:
        from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (  # noqa: PLC0415 - on first use
            ExportLogsServiceRequest,
        )

        request = _parsed(ExportLogsServiceRequest, document)
    found = _resourced((one.resource, one.scope_logs, "log_records") for one in request.resource_logs)
    return _limited(found, lambda told, record: _line(told, record, now))


def _parsed(kind: Any, document: bytes) -> Any:  # noqa: ANN401 - generated classes
    from google.protobuf.message import DecodeError  # noqa: PLC0415 - with the classes

    try:
        return kind.FromString(document)
    except DecodeError as error:
        raise MalformedError("is no such protobuf message") from error


def _resourced(groups: Iterable[tuple[Any, Any, str]]) -> Iterator[tuple[dict[str, Value], Any]]:
    for resource, scopes, records in groups:
        told = _attributes(resource.attributes) if resource is not None else {}
        for scope in scopes:
            for record in getattr(scope, records):
                yield told, record


def _limited(
    found: Iterator[tuple[dict[str, Value], Any]], make: Callable[[dict[str, Value], Any], T | None]
) -> tuple[list[T], int]:
    made = [one for told, record in itertools.islice(found, MOST_RECORDS) if (one := make(told, record)) is not None]
    return made, sum(1 for _ in found)


def _span(told: dict[str, Value], sent: Any) -> Span | None:  # noqa: ANN401 - protobuf or JSON
    trace, span, parent = (_number(one) for one in (sent.trace_id, sent.span_id, sent.parent_span_id))
    if len(trace) != 32 or len(span) != 16 or len(parent) not in {0, 16}:  # noqa: PLR2004 - W3C's lengths
        return None
    start, end = _integer(sent.start_time_unix_nano), _integer(sent.end_time_unix_nano)
    attributes = _attributes(sent.attributes)
    failed = sent.status is not None and sent.status.code == FAILED
    made = Span(
        trace=trace,
        span=span,
        parent="" if parent.strip("0") == "" else parent,
        service=text(str(told.get("service.name", "unknown")), LONGEST_NAME),
        replica=text(str(told.get("service.instance.id", "")), LONGEST_NAME),
        name=text(sent.name, LONGEST_NAME),
        kind=KINDS.get(sent.kind, "internal"),
        start=start * NANO,
        duration=max(0, end - start) * NANO,
        failed=failed,
        says=text(sent.status.message or str(attributes.get("error.type", ""))) if failed else "",
        attributes=attributes,
        events=tuple(_event(one) for one in sent.events[:MOST_EVENTS]),
        links=tuple((_number(one.trace_id), _number(one.span_id)) for one in sent.links[:MOST_EVENTS]),
    )
    return of_proxy(made, str(told["fairway.proxy"])) if "fairway.proxy" in told else made


def _event(sent: Any) -> Event:  # noqa: ANN401 - protobuf or JSON
    when = _integer(sent.time_unix_nano) * NANO
    return Event(name=text(sent.name, LONGEST_NAME), when=when, attributes=_attributes(sent.attributes))


def _line(told: dict[str, Value], sent: Any, now: float) -> Line:  # noqa: ANN401 - protobuf or JSON
    service = text(str(told.get("service.name", "unknown")), LONGEST_NAME)
    when = _integer(sent.time_unix_nano) or _integer(sent.observed_time_unix_nano)
    body = _value(sent.body, DEEPEST) if sent.body is not None else ""
    return Line(
        number=0,
        when=when * NANO if when else now,
        process=text(str(told.get("service.instance.id", service)), LONGEST_NAME),
        service=service,
        level=_level(sent.severity_number),
        message=text(body if isinstance(body, str) else str(body), 4_000),
        trace=_number(sent.trace_id),
        span=_number(sent.span_id),
        fields=fields(_attributes(sent.attributes)),
    )


def _integer(sent: int | str) -> int:
    found = int(sent)
    if not -(1 << 63) <= found < 1 << 64:
        raise MalformedError("has an integer of more than 64 bits")
    return found


def _level(number: int) -> Level:
    if number >= ERROR:
        return "error"
    if number >= WARNING:
        return "warning"
    return "debug" if 0 < number < INFO else "info"


def _number(sent: bytes | str) -> str:
    """Write a number of a trace or span in hexadecimal digits; JSON has it so already."""
    found = sent.hex() if isinstance(sent, bytes) else sent.lower()
    return found if len(found) <= 32 else ""  # noqa: PLR2004 - a trace's, the longest


def _attributes(sent: Any) -> dict[str, Value]:  # noqa: ANN401 - protobuf or JSON
    found: dict[str, Value] = {}
    for one in sent[:MOST_VALUES]:
        value = _value(one.value, DEEPEST) if one.value is not None else ""
        found[text(one.key, LONGEST_NAME)] = value if isinstance(value, str | bool | int | float) else text(str(value))
    return found


def _value(sent: Any, deep: int) -> object:  # noqa: ANN401 - protobuf or JSON
    if isinstance(sent, msgspec.Struct):
        kind = next((field for field in sent.__struct_fields__ if getattr(sent, field) is not None), None)
    else:
        kind = sent.WhichOneof("value")
    value: Any = getattr(sent, kind) if kind and deep else ""
    match kind if deep else None:
        case "string_value":
            return text(value)
        case "int_value":
            return _integer(value)
        case "array_value":
            return [_value(one, deep - 1) for one in value.values[:MOST_ITEMS]]
        case "kvlist_value":
            return {text(one.key, LONGEST_NAME): _value(one.value, deep - 1) for one in value.values[:MOST_ITEMS]}
        case "bytes_value":
            value = text(value if isinstance(value, str) else value[:500].hex())
    return value
