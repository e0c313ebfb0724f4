"""Rate, errors and duration of requests, by the template of their route."""

from typing import Final

from prometheus_client import Gauge, Histogram

from fairway_sdk.contract import metrics as names
from fairway_sdk.telemetry.lines import inside

# OpenTelemetry's bounds for this metric.
BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)

DURATION: Final = Histogram(
    names.REQUEST_DURATION,
    "How long requests took, until their answer was sent.",
    ("http_request_method", "http_route", "http_response_status_code"),
    buckets=BOUNDS,
)


class Active:
    """How many requests are being answered; a plain number, since the event loop is one thread."""

    now = 0


ACTIVE: Final = Active()
Gauge(names.REQUESTS_ACTIVE, "Requests that are being answered now.").set_function(lambda: ACTIVE.now)

UNMATCHED: Final = "unmatched"  # the route of every request that fits none
OTHER: Final = "_OTHER"  # the method of every request whose method is none of these
METHODS: Final = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})


class Kind:
    """The requests of one method, route and status: their histogram and the start of their log line, made once."""

    __slots__ = ("counted", "logged")

    def __init__(self, method: str, route: str, status: int) -> None:
        self.counted = DURATION.labels(method, route, str(status))
        self.logged = inside({"method": method, "route": route, "status": status})


_kinds: dict[tuple[str, str, int], Kind] = {}


def kind(method: str, route: str, status: int) -> Kind:
    """Give what is common to all requests of a kind."""
    found = _kinds.get((method, route, status))
    if found is None:
        found = _kinds[method, route, status] = Kind(method, route, status)
    return found
