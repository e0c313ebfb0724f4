"""What others send by OTLP: taken as they mean it, and refused where it is too much or no sense."""

import asyncio
import gzip
import json
import socket
import time
import tracemalloc
from collections.abc import Callable

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from fairway.local.telemetry import Telemetry
from fairway.local.telemetry.collector import LARGEST, LARGEST_SENT
from fairway.local.telemetry.otlp import MOST_RECORDS
from fairway.local.telemetry.settings import Settings
from fairway.local.telemetry.values import LONGEST_TEXT, MOST_VALUES

from .conftest import post, until

Make = Callable[..., Settings]
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize("compression", ["none", "gzip"])
async def test_the_exporter_of_opentelemetry_brings_a_trace_as_it_was(make_settings: Make, compression: str) -> None:
    """Names, kinds, parents, links, events, failures and attributes arrive."""
    settings = make_settings()
    async with Telemetry(settings) as telemetry:
        before = telemetry.version()
        await asyncio.to_thread(_export, f"http://{settings.collector}/v1/traces", Compression(compression))
        assert await telemetry.changed(before, 5) > before
        [summary] = telemetry.traces()
        outer, inner = telemetry.trace(summary.trace)
    assert (summary.name, summary.service, summary.spans, summary.failed) == ("POST /orders", "orders", 2, 1)
    assert (outer.kind, outer.parent, outer.replica) == ("server", "", "orders-0")
    assert (inner.name, inner.parent, inner.kind) == ("reserve", outer.span, "client")
    assert inner.failed
    assert inner.says == "no stock"
    assert inner.attributes == {"copies": 2, "gift": True, "books": "['a', 'b']"}
    assert [event.name for event in inner.events] == ["exception"]
    assert inner.links == ((outer.trace, outer.span),)
    assert outer.start <= inner.start
    assert inner.duration <= outer.duration


def _export(url: str, compression: Compression) -> None:
    exporter = OTLPSpanExporter(url, compression=compression)
    provider = TracerProvider(resource=Resource({"service.name": "orders", "service.instance.id": "orders-0"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    with tracer.start_as_current_span("POST /orders", kind=SpanKind.SERVER) as outer:
        links = [Link(outer.get_span_context())]
        with tracer.start_as_current_span("reserve", kind=SpanKind.CLIENT, links=links) as inner:
            inner.set_attributes({"copies": 2, "gift": True, "books": ["a", "b"]})
            inner.record_exception(ValueError("none left"))
            inner.set_status(Status(StatusCode.ERROR, "no stock"))
    provider.shutdown()


def _json_span(**more: object) -> bytes:
    span = {
        "traceId": TRACE,
        "spanId": SPAN,
        "name": "GET /",
        "kind": 2,
        "startTimeUnixNano": "1700000000000000000",
        "endTimeUnixNano": 1700000000250000000,
        "attributes": [
            {"key": "n", "value": {"intValue": "7"}},
            {"key": "m", "value": {"kvlistValue": {"values": [{"key": "a", "value": {"boolValue": True}}]}}},
        ],
        "status": {"code": 2, "message": "broken"},
        "aFieldOfTomorrow": {},
        **more,
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "web"}}]}
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}).encode()


async def test_json_is_taken_as_well_as_protobuf(make_settings: Make) -> None:
    """Numbers of traces are hexadecimal there, long integers text or not, unknown fields no error."""
    settings = make_settings()
    async with Telemetry(settings) as telemetry:
        assert await post(settings, "/v1/traces", _json_span(), "application/json; charset=utf-8") == (200, b"{}")
        [span] = telemetry.trace(TRACE)
    assert (span.service, span.kind, span.start) == ("web", "server", 1.7e9)
    assert span.duration == pytest.approx(0.25, abs=1e-6)
    assert span.attributes == {"n": 7, "m": "{'a': True}"}
    assert (span.failed, span.says) == (True, "broken")


async def test_what_is_sent_twice_is_kept_once(make_settings: Make) -> None:
    """An exporter that got no answer sends again."""
    settings = make_settings()
    async with Telemetry(settings) as telemetry:
        for _ in range(3):
            await post(settings, "/v1/traces", _json_span(), "application/json")
        [summary] = telemetry.traces()
    assert summary.spans == 1


async def test_lines_come_by_otlp_too_with_their_trace_and_level(make_settings: Make) -> None:
    """Of a program that has no file."""
    request = ExportLogsServiceRequest()
    resource = request.resource_logs.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "web"
    record = resource.scope_logs.add().log_records.add(
        time_unix_nano=1_700_000_000_000_000_000, severity_number=13, trace_id=bytes.fromhex(TRACE)
    )
    record.body.string_value = "slow disk"
    settings = make_settings()
    async with Telemetry(settings) as telemetry:
        status, _ = await post(settings, "/v1/logs", request.SerializeToString())
        [line] = telemetry.lines(trace=TRACE)
    assert status == 200
    assert (line.process, line.level, line.message, line.when) == ("web", "warning", "slow disk", 1.7e9)


async def test_metrics_are_declined_in_words_that_an_exporter_understands(make_settings: Make) -> None:
    """It is told, and need not try again."""
    settings = make_settings()
    async with Telemetry(settings):
        status, body = await post(settings, "/v1/metrics", b"{}", "application/json")
    assert status == 200
    assert "Metrics are read" in json.loads(body)["partialSuccess"]["errorMessage"]


@pytest.mark.parametrize(
    ("path", "body", "kind", "fields", "status"),
    [
        ("/v1/traces", b"\xff" * 100, "application/x-protobuf", {}, 400),
        ("/v1/traces", b"{", "application/json", {}, 400),
        ("/v1/traces", b"[" * 100_000, "application/json", {}, 400),
        ("/v1/traces", b'{"resourceSpans": 1}', "application/json", {}, 400),
        ("/v1/traces", b"", "text/plain", {}, 415),
        ("/v1/traces", b"x", "application/x-protobuf", {"content_encoding": "gzip"}, 400),
        ("/v1/traces", gzip.compress(b"x")[:-6], "application/x-protobuf", {"content_encoding": "gzip"}, 400),
        ("/v1/traces", b"x", "application/x-protobuf", {"content_encoding": "br"}, 415),
        ("/v1/traces", gzip.compress(bytes(LARGEST + 1)), "application/x-protobuf", {"content_encoding": "gzip"}, 413),
        ("/v1/traces", bytes(LARGEST_SENT + 1), "application/x-protobuf", {}, 413),
        ("/v1/traces", _json_span(traceId="no number"), "application/json", {}, 200),
        ("/v1/traces", _json_span(), "application/json", {"origin": "https://elsewhere.example"}, 403),
        ("/alerts", b"{", "application/json", {}, 400),
        ("/elsewhere", b"", "application/json", {}, 404),
        ("/v1/traces", _json_span(endTimeUnixNano=10**30), "application/json", {}, 400),
    ],
    ids=range(15),
)
async def test_what_makes_no_sense_is_refused_and_nothing_of_it_kept(
    make_settings: Make, path: str, body: bytes, kind: str, fields: dict[str, str], status: int
) -> None:
    """With a status of the sender's own fault, and the collector serves on."""
    settings = make_settings()
    async with Telemetry(settings) as telemetry:
        assert (await post(settings, path, body, kind, **fields))[0] == status
        assert telemetry.traces() == []
        assert (await post(settings, "/v1/traces", _json_span(), "application/json"))[0] == 200


async def test_a_million_attributes_leave_a_few_and_a_refusal_of_what_is_too_many(make_settings: Make) -> None:
    """Neither many attributes, nor long ones, nor many spans take more than their share."""
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    wide = scope.spans.add(trace_id=bytes.fromhex(TRACE), span_id=bytes.fromhex(SPAN), name="n" * 10_000)
    wide.attributes.add(key="long").value.string_value = "x" * 100_000
    for _ in range(1_000_000):
        wide.attributes.add()
    many = ExportTraceServiceRequest()
    scope = many.resource_spans.add().scope_spans.add()
    for number in range(MOST_RECORDS + 10):
        scope.spans.add(trace_id=bytes.fromhex(TRACE), span_id=number.to_bytes(8, "big"), name="s")
    settings = make_settings()
    async with Telemetry(settings) as telemetry:
        began = time.monotonic()
        status, _ = await post(settings, "/v1/traces", request.SerializeToString())
        assert (status, time.monotonic() - began < 5) == (200, True)
        [span] = telemetry.trace(TRACE)
        assert len(span.attributes) <= MOST_VALUES
        assert len(str(span.attributes["long"])) == LONGEST_TEXT
        status, body = await post(settings, "/v1/traces", many.SerializeToString())
    assert ExportTraceServiceResponse.FromString(body).partial_success.rejected_spans == 10


async def test_a_bomb_takes_no_more_memory_than_a_document_may(make_settings: Make) -> None:
    """A thousandfold of what was sent is never unpacked."""
    settings = make_settings()
    bomb = gzip.compress(bytes(200 << 20))
    async with Telemetry(settings):
        tracemalloc.start()
        status, _ = await post(settings, "/v1/traces", bomb, content_encoding="gzip")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert status == 413
    assert peak < 4 * LARGEST


async def test_one_who_sends_slowly_keeps_nobody_else_waiting(make_settings: Make) -> None:
    """A body that never ends holds one of several turns."""
    settings = make_settings()
    host, _, port = settings.collector.rpartition(":")
    async with Telemetry(settings):
        with socket.create_connection((host, int(port))) as slow:
            slow.sendall(b"POST /v1/traces HTTP/1.1\r\nhost: localhost:1\r\ncontent-type: application/json\r\n")
            slow.sendall(b"content-length: 1000\r\n\r\n{")
            status, _ = await asyncio.wait_for(post(settings, "/v1/traces", _json_span(), "application/json"), 5)
    assert status == 200


async def test_what_alertmanager_sends_is_a_line_that_can_be_found(make_settings: Make) -> None:
    """So the page shows what somebody would have been told."""
    alert = {
        "status": "firing",
        "labels": {"alertname": "ErrorBudgetBurn", "service": "stock", "severity": "page"},
        "annotations": {"summary": "too many fail"},
    }
    settings = make_settings()
    async with Telemetry(settings) as telemetry:
        sent = json.dumps({"receiver": "console", "alerts": [alert]}).encode()
        assert (await post(settings, "/alerts", sent, "application/json"))[0] == 200
        await until(lambda: telemetry.lines(process="alertmanager"))
        [line] = telemetry.lines(process="alertmanager")
    assert (line.service, line.level, line.message) == ("stock", "error", "page: ErrorBudgetBurn: too many fail")
