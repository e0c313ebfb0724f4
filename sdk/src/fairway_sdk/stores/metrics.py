"""What a service tells about its stores."""

import contextlib
from collections.abc import Callable

from prometheus_client import Gauge, Histogram

from fairway_sdk.contract import metrics

CONNECTIONS = Gauge(metrics.STORE_CONNECTIONS, "Connections of this replica to a store.", ["store", "state"])
WAIT = Histogram(
    metrics.STORE_WAIT,
    "Seconds until a connection to a store was there.",
    ["store"],
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)
UP = Gauge(metrics.STORE_UP, "Whether a store answered when it was last asked.", ["store"])


def tell_connections(store: str, used: Callable[[], float], idle: Callable[[], float]) -> None:
    """Count a pool's connections whenever the metrics are read."""
    CONNECTIONS.labels(store, "used").set_function(used)
    CONNECTIONS.labels(store, "idle").set_function(idle)


def forget_connections(store: str) -> None:
    """Tell of a closed pool no more."""
    for state in ("used", "idle"):
        with contextlib.suppress(KeyError):
            CONNECTIONS.remove(store, state)
    with contextlib.suppress(KeyError):
        UP.remove(store)
