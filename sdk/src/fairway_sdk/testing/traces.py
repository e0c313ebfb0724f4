"""See the spans that a service records: enter before it starts."""

from contextlib import contextmanager
from typing import TYPE_CHECKING

from fairway_sdk.telemetry.tracing import tracing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import ReadableSpan


@contextmanager
def recorded_spans() -> "Iterator[list[ReadableSpan]]":
    """Give the list to which every span is added as it ends; how many are recorded, the binding's telemetry says."""
    found: list[ReadableSpan] = []
    tracing.watchers.append(found.append)
    try:
        yield found
    finally:
        tracing.watchers.remove(found.append)
