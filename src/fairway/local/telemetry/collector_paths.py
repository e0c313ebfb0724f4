"""Where the collector takes and gives what, for those that are told so without importing it."""

from typing import Final

TRACES_PATH: Final = "/v1/traces"
LOGS_PATH: Final = "/v1/logs"
METRICS_PATH: Final = "/v1/metrics"
ALERTS_PATH: Final = "/alerts"  # from Alertmanager
SCRAPE_PATH: Final = "/scrape/"  # and the name of a replica or proxy: its metrics
