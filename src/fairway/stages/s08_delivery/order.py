"""Delivery: what must be there before a new version takes traffic."""

from collections.abc import Iterator

from fairway.core.conditions import TRANSACTIONAL, WRITE_HEAVY
from fairway.core.order import Before
from fairway.core.profile import Landscape


def order(landscape: Landscape) -> Iterator[Before]:
    """Yield what delivery demands of the order of work."""
    for name, profile in landscape.services.items():
        yield Before(
            first=f"workload/{name}",
            then=f"release/{name}",
            rule="delivery/rolling",
            because="only replicas that are ready take traffic",
        )
        if not (asked := (TRANSACTIONAL | WRITE_HEAVY)(profile)).holds:
            continue
        yield Before(
            first=f"migration/{name}",
            then=f"workload/{name}",
            rule="delivery/automated-rollback",
            because=f"{asked.because}, and the new version starts on a schema that it knows",
        )
        yield Before(
            first=f"migration/{name}",
            then=f"release/{name}",
            rule="delivery/automated-rollback",
            because=f"{asked.because}, and both versions must work on the schema",
        )
