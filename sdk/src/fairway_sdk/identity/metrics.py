"""What a service tells about its callers."""

from prometheus_client import Counter

from fairway_sdk.contract import metrics

REFUSED = Counter(metrics.CALLERS_REFUSED, "Requests refused for who is calling.", ["reason"])
