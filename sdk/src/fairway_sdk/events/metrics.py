"""What events tell of themselves: waiting, sent, handled, parked; by channel, never by event."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from fairway_sdk.contract import metrics

OUTBOX_WAITING: Final = Gauge(metrics.OUTBOX_WAITING, "Events that are not yet safe at the broker.", ["channel"])
OUTBOX_OLDEST: Final = Gauge(metrics.OUTBOX_OLDEST, "Age of the oldest event in the outbox.", ["channel"])
PUBLISHED: Final = Counter(metrics.EVENTS_PUBLISHED.removesuffix("_total"), "Events that the broker took.", ["channel"])
HANDLED: Final = Counter(
    # outcome: handled; repeated, it was known; failed, it is tried again; early, it is so without having failed, since
    # what it needs has not come yet; parked; unknown, no handler here knows its kind; erased, its person is; lost,
    # another replica took it over.
    metrics.EVENTS_HANDLED.removesuffix("_total"),
    "Events by what became of them.",
    ["channel", "outcome"],
)
DURATION: Final = Histogram(
    metrics.EVENT_DURATION,
    "Seconds of one handling of an event that did not come too early.",
    ["channel"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
INBOX_WAITING: Final = Gauge(metrics.INBOX_WAITING, "Events that came in and are not handled.", ["channel"])
DEAD_LETTERS: Final = Gauge(
    # box: in, its handler failed; out, the broker refused it
    metrics.DEAD_LETTERS,
    "Events that were given up and wait for an operator.",
    ["channel", "box"],
)
