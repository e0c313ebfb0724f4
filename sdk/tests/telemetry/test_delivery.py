"""Spans reach a collector; one that is down costs a line in the log and nothing else."""

import asyncio
import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from fairway_sdk import Service
from fairway_sdk.configuration.placement import Placement
from fairway_sdk.configuration.secrets import Secrets
from fairway_sdk.configuration.values import Values
from fairway_sdk.contract.binding import Binding, Telemetry
from fairway_sdk.telemetry.delivery import Delivery, endpoint
from fairway_sdk.telemetry.setup import Telemetry as TelemetryPart
from fairway_sdk.telemetry.traces import span, traceparent
from fairway_sdk.testing.servers.process import free_port
from fairway_sdk.testing.traces import recorded_spans


class Collector:
    """A small OTLP collector."""

    def __init__(self) -> None:
        """Listen."""
        self.status = 200
        self.requests: list[ExportTraceServiceRequest] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                assert self.path == "/v1/traces"
                collector.requests.append(ExportTraceServiceRequest.FromString(body))
                self.send_response(collector.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                """Print nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Run a collector."""
    made = Collector()
    thread = Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


def part(folder: Path, url: str) -> TelemetryPart:
    """Make the telemetry of a service."""
    service = Service("shop")
    binding = Binding(
        service="shop", system="books", environment="test", version="7", telemetry=Telemetry(traces=url, share=1.0)
    )
    service.place(Placement(binding=binding, values=Values(folder), secrets=Secrets(folder)))
    return TelemetryPart(service)


async def test_spans_are_delivered_with_where_they_come_from(collector: Collector, tmp_path: Path) -> None:
    """The last ones when the service ends; and again after another start in the same process."""
    for run in (1, 2):
        telemetry = part(tmp_path, collector.url)
        await telemetry.start()
        with span(f"work {run}"), span("detail"):
            assert traceparent().endswith("-01")
        await telemetry.stop()
        with span("after the end"):
            assert traceparent().endswith("-00")  # it has a number for the log, and is not recorded
    scopes = [resource for request in collector.requests for resource in request.resource_spans]
    names = [found.name for resource in scopes for scope in resource.scope_spans for found in scope.spans]
    assert sorted(names) == ["detail", "detail", "work 1", "work 2"]
    attributes = {pair.key: pair.value.string_value for pair in scopes[0].resource.attributes}
    assert attributes["service.name"] == "shop"
    assert attributes["service.namespace"] == "books"
    assert attributes["service.version"] == "7"
    assert attributes["deployment.environment.name"] == "test"


async def test_a_collector_that_is_down_is_told_once_and_waited_for_briefly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Many batches fail: one line; and the end of the service does not wait for the collector."""
    telemetry = part(tmp_path, f"http://127.0.0.1:{free_port()}")
    await telemetry.start()
    for _ in range(3000):
        with span("work"):
            pass
    await asyncio.sleep(0.1)
    began = time.monotonic()
    await telemetry.stop()
    assert time.monotonic() - began < 5
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) <= 1
    assert all("cannot be delivered" in line["event"] for line in lines)


async def test_delivery_says_when_it_fails_and_when_it_works_again(collector: Collector, tmp_path: Path) -> None:
    """One word for each change, with how many spans were lost; not one for each batch."""
    with recorded_spans() as spans:
        telemetry = part(tmp_path, "")
        await telemetry.start()
        with span("work"):
            pass
        await telemetry.stop()
    told: list[tuple[bool, int]] = []
    delivery = Delivery(collector.url, lambda delivered, lost: told.append((delivered, lost)))
    for status in (400, 400, 200, 200, 400):
        collector.status = status
        await asyncio.to_thread(delivery.export, spans)
    delivery.shutdown()
    assert told == [(False, 1), (True, 2), (False, 1)]


def test_a_url_without_a_path_means_the_one_of_otlp() -> None:
    """A path that is there is kept."""
    assert endpoint("http://collector:4318") == "http://collector:4318/v1/traces"
    assert endpoint("http://collector:4318/") == "http://collector:4318/v1/traces"
    assert endpoint("https://collector/otlp/traces") == "https://collector/otlp/traces"
