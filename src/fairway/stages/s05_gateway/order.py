"""The gateway's part of the order of work: a public route is opened last."""

from collections.abc import Iterator

from fairway.core.conditions import EXPOSED, SECURE_USER_DATA
from fairway.core.order import Before
from fairway.core.profile import Landscape


def order(landscape: Landscape) -> Iterator[Before]:
    """Put what a public route leads to before it, and all of security where it leads to secure user data."""
    for name, profile in landscape.services.items():
        exposed = EXPOSED(profile)
        if not exposed.holds:
            continue
        public, rule = f"public-route/{name}", "gateway/public-through-gateway"
        because = "it leads from the gateway to there"
        yield Before(first=f"workload/{name}", then=public, rule=rule, because=because)
        yield Before(first=f"route/{name}", then=public, rule=rule, because=because)
        reads = SECURE_USER_DATA(profile)
        if reads.holds:
            yield Before(first="security", then=public, rule="gateway/secure-before-exposure", because=reads.because)
