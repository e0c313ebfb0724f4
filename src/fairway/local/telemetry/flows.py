"""The traffic of the map: every declared way, and such as was seen, with what was counted on it."""

from collections.abc import Mapping
from typing import Final

from fairway.local.telemetry.alerting import Judged
from fairway.local.telemetry.counting import STEP, Counts, Increase, Way
from fairway.local.telemetry.records import Flow
from fairway.local.telemetry.settings import BROKER, Settings

MOST: Final = 2_000  # ways: names may come from what strangers send
Key = tuple[str, str, str]  # source, target, channel


class Flows:
    """All ways; what is done on one of a service is also counted for the service."""

    def __init__(self, settings: Settings, judged: Mapping[str, Judged]) -> None:
        """Take what is declared, and who judges the services."""
        self._ways: dict[Key, Way] = {(link.source, link.target, link.channel): Way() for link in settings.links}
        self._kinds: dict[Key, str] = {(link.source, link.target, link.channel): link.kind for link in settings.links}
        self._calls = {(link.source, link.target) for link in settings.links if link.kind in {"call", "outside"}}
        self._services = {node.name for node in settings.nodes if node.kind == "service"}
        self._judged = judged
        self._increase = Increase()

    def kind(self, key: Key) -> str:
        """Tell of which kind a declared way is; empty where nobody declared it."""
        return self._kinds.get(key, "")

    def count(self, by: str, key: Key, total: Counts, now: float, *, new: bool = False) -> None:
        """Take what *by* has counted on a way since it began; what is *new* was not counted before we asked."""
        more = self._increase.of(f"{by} {' '.join(key)}", total, new=new)
        self.add(key, more, now)

    def add(self, key: Key, more: Counts, now: float) -> None:
        """Count more on a way."""
        way = self._ways.get(key)
        if way is None:
            if len(self._ways) >= MOST or not (more.done or any(more.within.values())):
                return
            way = self._ways[key] = Way()
        way.add(more, now)
        source, target, channel = key
        if not (more.done or any(more.within.values())):
            return
        if source == BROKER and target in self._judged:
            self._judged[target].count("events", more, now)
        elif target in self._services and not channel and target in self._judged:
            self._judged[target].count("requests", more, now)
        if (source, target) in self._calls and source in self._judged:
            self._judged[source].count("calls", more, now)

    def flows(self, now: float) -> list[Flow]:
        """Give the traffic on each way as it is now."""
        return [_flow(key, way, now) for key, way in self._ways.items()]


def _flow(key: Key, way: Way, now: float) -> Flow:
    source, target, channel = key
    p50, p95 = way.quantiles(now, 0.5, 0.95)
    return Flow(
        source=source,
        target=target,
        channel=channel,
        rate=way.rate(now),
        failures=way.failures(now),
        p50=p50,
        p95=p95,
        history=way.history(now),
        step=STEP,
    )
