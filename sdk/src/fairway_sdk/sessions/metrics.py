"""What a service tells about its sessions."""

from prometheus_client import Counter

from fairway_sdk.contract import metrics

SESSIONS = Counter(metrics.SESSIONS, "Sessions by what became of them.", ["outcome"])
