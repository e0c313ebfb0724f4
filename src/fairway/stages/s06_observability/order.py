"""Observability: what must be there before, and what waits for it."""

from collections.abc import Iterator

from fairway.core.conditions import MISSION_CRITICAL
from fairway.core.order import Before
from fairway.core.profile import Landscape


def order(landscape: Landscape) -> Iterator[Before]:
    """Yield what observability demands of the order of work."""
    yield Before(
        first="platform",
        then="observability",
        rule="observability/prometheus",
        because="collectors and Prometheus run in a namespace and need their operators",
    )
    for name, profile in landscape.services.items():
        yield Before(
            first="observability",
            then=f"observability/{name}",
            rule="observability/prometheus",
            because="monitors, alerts and dashboards need somebody who reads them",
        )
        if (asked := MISSION_CRITICAL(profile)).holds:
            yield Before(
                first=f"observability/{name}",
                then=f"release/{name}",
                rule="observability/before-delivery",
                because=f"{asked.because}, and its metrics decide whether a version goes back",
            )
