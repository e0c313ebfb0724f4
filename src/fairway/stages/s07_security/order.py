"""Security: what must be there before, and what waits for it."""

from collections.abc import Iterator

from fairway.core.order import Before
from fairway.core.profile import Landscape


def order(landscape: Landscape) -> Iterator[Before]:
    """Yield what security demands of the order of work."""
    system_wide = "security/mesh-mtls" if landscape.mesh else "security/tls-without-mesh"
    yield Before(
        first="platform",
        then="security/system",
        rule=system_wide,
        because="default policies stand in namespaces, and certificates need their issuer",
    )
    yield Before(
        first="security/system",
        then="security",
        rule=system_wide,
        because="what holds for the whole system is a part of it",
    )
    for name in landscape.services:
        yield Before(
            first="security/system",
            then=f"security/{name}",
            rule="security/network-policies",
            because="everything is refused before anything is allowed",
        )
        yield Before(
            first=f"security/{name}",
            then=f"workload/{name}",
            rule="security/rbac",
            because="it starts under its own account, with its certificate and behind its policies",
        )
        yield Before(
            first=f"security/{name}",
            then="security",
            rule="security/network-policies",
            because="security is complete when every service has its own",
        )
