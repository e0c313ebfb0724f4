"""A collector of traces for tests: it takes what services send by OTLP over HTTP, and remembers who was in which."""

import gzip
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Collector:
    """Listens on loopback while it is entered."""

    def __init__(self) -> None:
        self.services: defaultdict[str, set[str]] = defaultdict(set)  # by trace, in hex
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                collector.take(self.rfile.read(int(self.headers["content-length"])), self.headers["content-encoding"])
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the library's word
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever)

    @property
    def url(self) -> str:
        """Where it is sent to."""
        return f"http://127.0.0.1:{self._server.server_port}/v1/traces"

    def take(self, document: bytes, encoding: str | None) -> None:
        """Take one batch in."""
        if encoding == "gzip":
            document = gzip.decompress(document)
        for resource in ExportTraceServiceRequest.FromString(document).resource_spans:
            told = {attribute.key: attribute.value.string_value for attribute in resource.resource.attributes}
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.services[span.trace_id.hex()].add(told["service.name"])

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
