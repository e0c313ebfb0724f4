"""Containers' part of the order of work: secrets before what reads them."""

from collections.abc import Iterator

from fairway.core.conditions import SECRETS
from fairway.core.order import Before
from fairway.core.profile import Landscape


def order(landscape: Landscape) -> Iterator[Before]:
    """Put the secrets of each service before its workload."""
    rule = "containers/secrets-manager"
    for name, profile in landscape.services.items():
        needed = SECRETS(profile)
        if needed.holds:
            secrets = f"secrets/{name}"
            yield Before(
                first="platform", then=secrets, rule=rule, because="the operator that fetches them comes first"
            )
            yield Before(first=secrets, then=f"workload/{name}", rule=rule, because=needed.because)
