"""How spans leave the process: in batches from a thread; one word when the collector goes, one when it is back."""

import random
import threading
from collections.abc import Callable, Mapping, Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from fairway_sdk.telemetry.tracing import chosen, tracing

QUEUED = 2048  # spans that wait for their batch; beyond them the oldest are lost
SENT_WITHIN = 5.0  # seconds for a batch, its second tries included
PATH = "/v1/traces"


class Recorder:
    """A tracer provider that sends spans to an OTLP collector over HTTP, and shows them to the watchers.

    `told(delivered, spans)` is called when delivery begins to fail and when it works again. A collector that is down
    costs a bounded queue of spans, never a request.
    """

    def __init__(self, url: str, share: float, resource: Mapping[str, str], told: Callable[[bool, int], None]) -> None:
        self.provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(share)),
            resource=Resource.create(resource),
            id_generator=Ids(),
            shutdown_on_exit=False,
        )
        self._delivery = Delivery(url, told) if url else None
        if tracing.watchers:
            self.provider.add_span_processor(Watched(tracing.watchers))
        if self._delivery is not None:
            self.provider.add_span_processor(BatchSpanProcessor(self._delivery, max_queue_size=QUEUED))

    def shut_down(self, within: float) -> None:
        """Send what is left and stop, within so many seconds whatever the collector does; blocks."""
        thread = threading.Thread(target=self.provider.shutdown, name="last spans", daemon=True)
        thread.start()
        thread.join(within)
        if self._delivery is not None:
            self._delivery.shutdown()
            thread.join(within)


class Ids(IdGenerator):
    """Where the SDK gets its numbers: the one that was already chosen for a trace, else a random one."""

    def generate_trace_id(self) -> int:
        """Give a number of 128 bits."""
        return chosen.get() or random.getrandbits(128) or 1

    def generate_span_id(self) -> int:
        """Give a number of 64 bits."""
        return random.getrandbits(64) or 1

    def is_trace_id_random(self) -> bool:
        """Say that the numbers are random."""
        return True


class Delivery(SpanExporter):
    """An OTLP exporter that says once that spans are lost, not for each batch."""

    def __init__(self, url: str, told: Callable[[bool, int], None]) -> None:
        self._exporter = OTLPSpanExporter(endpoint=endpoint(url), timeout=SENT_WITHIN)
        self._told = told
        self._lost = 0
        self._ended = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch; what cannot be sent within the time is lost."""
        result = self._exporter.export(spans)
        if result is not SpanExportResult.SUCCESS:
            if not self._lost:
                self._told(False, len(spans))  # noqa: FBT003 - delivered or not
            self._lost += len(spans)
        elif self._lost:
            self._told(True, self._lost)  # noqa: FBT003 - delivered or not
            self._lost = 0
        return result

    def shutdown(self) -> None:
        """Give up what is still being tried."""
        if self._ended:
            return
        self._ended = True
        self._exporter.shutdown()  # type: ignore[no-untyped-call] # theirs

    def force_flush(self, timeout_millis: int = 30000) -> bool:  # noqa: ARG002 - the interface has it
        """Keep nothing back: the batches are the processor's."""
        return True


class Watched(SpanProcessor):
    """Shows each ended span to those who watch, at once."""

    def __init__(self, watchers: Sequence[Callable[[ReadableSpan], None]]) -> None:
        self._watchers = watchers

    def on_end(self, span: ReadableSpan) -> None:
        """Show it."""
        for watch in self._watchers:
            watch(span)


def endpoint(url: str) -> str:
    """Complete a collector's URL: without a path it is where OTLP has it."""
    scheme, _, rest = url.partition("://")
    return url if rest.partition("/")[2] else f"{scheme}://{rest.rstrip('/')}{PATH}"
