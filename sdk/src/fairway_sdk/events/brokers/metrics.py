"""What a service tells of its broker."""

from prometheus_client import Gauge

from fairway_sdk.contract.metrics import BROKER_UP

broker_up = Gauge(BROKER_UP, "Whether the broker is connected: 1 or 0.")
