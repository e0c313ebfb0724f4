"""What a service tells about its flags."""

from prometheus_client import Counter

from fairway_sdk.contract import metrics

READS = Counter(metrics.FLAG_READS, "Flags read, by what they were.", ["flag", "variant"])
