"""Traffic by spans, where no proxy counts it: a span that serves, below another's service, is a call of it."""

from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

from fairway.local.telemetry.counting import Counts
from fairway.local.telemetry.records import Span

BOUNDS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 60.0, float("inf"))
MOST: Final = 20_000  # spans whose parent or child is still to come; the oldest go first

T = TypeVar("T")


class Pairs:
    """Brings calls together whose two ends come in at different times."""

    def __init__(self) -> None:
        """Know no span yet."""
        self._callers: dict[tuple[str, str], str] = {}  # service by trace and span
        self._waiting: dict[tuple[str, str], Span] = {}  # who was called, by trace and the caller's span

    def take(self, spans: Iterable[Span]) -> Iterator[tuple[tuple[str, str, str], Counts]]:
        """Give the calls that these spans complete."""
        for span in spans:
            if span.kind == "client":
                _keep(self._callers, (span.trace, span.span), span.service)
                callee = self._waiting.pop((span.trace, span.span), None)
                if callee is not None:
                    yield (span.service, callee.service, ""), _one(callee)
            elif span.kind == "server" and span.parent:
                caller = self._callers.get((span.trace, span.parent))
                if caller is None:
                    _keep(self._waiting, (span.trace, span.parent), span)
                else:
                    yield (caller, span.service, ""), _one(span)


def _keep(kept: dict[tuple[str, str], T], key: tuple[str, str], value: T) -> None:
    if len(kept) >= MOST:
        del kept[next(iter(kept))]
    kept[key] = value


def _one(span: Span) -> Counts:
    within = {bound: float(span.duration <= bound) for bound in BOUNDS}
    return Counts(done=1.0, failed=float(span.failed), within=within)
