"""Security: identities, connections, images, and the protection of data."""

from collections.abc import Iterator

from fairway.core.decision import AnyDecision
from fairway.core.profile import Landscape, Profile
from fairway.stages.s07_security.decisions import identity, images, network, protection


def for_service(profile: Profile, landscape: Landscape) -> Iterator[AnyDecision]:
    """Decide everything that security asks of one service."""
    yield identity.identity(profile)
    if (proxy := identity.tls_proxy(profile)) is not None:
        yield proxy
    yield network.may_be_called_by(profile)
    yield network.may_call(profile)
    yield identity.access(profile)
    yield images.image_gate(profile)
    if (transit := protection.in_transit(profile)) is not None:
        yield transit
    yield from protection.at_rest(profile, landscape)
    if (protected := protection.data_protection(profile)) is not None:
        yield protected


def for_system(landscape: Landscape) -> Iterator[AnyDecision]:
    """Decide what security asks of the system as a whole."""
    yield identity.internal_tls(landscape)
    yield network.network_default(landscape)
    yield images.admission(landscape)
    yield from filter(None, (protection.keys(landscape), protection.keyring(landscape)))
