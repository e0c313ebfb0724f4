"""What a service tells about the calls it makes."""

from prometheus_client import Counter, Gauge, Histogram

from fairway_sdk.contract import metrics

DURATION = Histogram(
    metrics.CALL_DURATION,
    "Seconds of a declared call, all its tries together.",
    ["callee", "outcome"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
RETRIES = Counter(metrics.CALL_RETRIES, "Tries of declared calls after the first.", ["callee"])
ACTIVE = Gauge(metrics.CALLS_ACTIVE, "Declared calls in flight.", ["callee"])
BREAKER = Gauge(metrics.BREAKER_OPEN, "0: calls pass, 1: the callee is left alone, 0.5: one call is out.", ["callee"])
FALLBACKS = Counter(metrics.FALLBACKS, "Answers that were not fresh.", ["callee", "kind"])
