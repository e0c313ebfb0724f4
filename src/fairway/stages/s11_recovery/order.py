"""Recovery's part of the order of work: it comes last, on what is there and runs."""

from collections.abc import Iterator

from fairway.core.order import Before
from fairway.core.profile import Landscape


def order(landscape: Landscape) -> Iterator[Before]:
    """Put everything that can be lost before the recovery that is tried on it."""
    for name in landscape.services:
        yield Before(
            first=f"release/{name}",
            then="recovery",
            rule="recovery/quarterly-simulations",
            because="a simulation is run on what serves",
        )
    for name, store in landscape.stores.items():
        if store.durable and store.users:
            yield Before(
                first=f"store/{name}",
                then="recovery",
                rule="recovery/replicated-or-backed-up",
                because="only a store that is there can be copied, backed up and restored",
            )
