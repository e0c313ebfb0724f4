"""What a service tells about the gRPC calls it answers."""

from prometheus_client import Gauge, Histogram

from fairway_sdk.contract import metrics

DURATION = Histogram(
    metrics.RPC_DURATION,
    "Seconds of an answered gRPC call.",
    ["rpc_method", "rpc_response_status_code"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)


class Active:
    """How many calls are being answered; a plain number, since the event loop is one thread."""

    now = 0


ACTIVE = Active()
Gauge(metrics.RPC_ACTIVE, "gRPC calls that are being answered now.").set_function(lambda: ACTIVE.now)
