"""Delivery: what must be there before a new version takes traffic."""

from collections.abc import Iterator

from fairway.core.migration import migrated
from fairway.core.order import Before
from fairway.core.profile import Landscape
from fairway.core.wording import listed


def order(landscape: Landscape) -> Iterator[Before]:
    """Yield what delivery demands of the order of work."""
    for name, profile in landscape.services.items():
        yield Before(
            first=f"workload/{name}",
            then=f"release/{name}",
            rule="delivery/rolling",
            because="only replicas that are ready take traffic",
        )
        if not (changed := migrated(profile)):
            continue
        what = f"it changes the schema of {listed(changed)}"
        yield Before(
            first=f"migration/{name}",
            then=f"workload/{name}",
            rule="delivery/automated-rollback",
            because=f"{what}, and the new version starts on one that it knows",
        )
        yield Before(
            first=f"migration/{name}",
            then=f"release/{name}",
            rule="delivery/automated-rollback",
            because=f"{what}, and both versions must work on it",
        )
