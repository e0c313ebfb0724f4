"""Data: where it lives, how it comes back, who may read it and how long it is kept."""

from collections.abc import Iterator

from fairway.core.decision import AnyDecision
from fairway.core.profile import Landscape, Profile, StoreProfile
from fairway.stages.s10_data.decisions import backups, protection, stores


def for_service(profile: Profile, landscape: Landscape) -> Iterator[AnyDecision]:
    """Decide what the service itself keeps, on disks and in passing; its stores belong to the system."""
    yield from stores.disks(profile)
    for decided in backups.volumes(profile, landscape):
        yield decided
        yield protection.encryption(decided.subject, profile.facts.data, landscape)
    yield from backups.volume_copies(profile, landscape)
    yield from filter(None, (protection.on_volumes(profile), protection.passing(profile)))


def for_system(landscape: Landscape) -> Iterator[AnyDecision]:
    """Decide everything about every store."""
    for store in landscape.stores.values():
        yield from _store(store, landscape) if store.users else (stores.unused(store),)


def _store(store: StoreProfile, landscape: Landscape) -> Iterator[AnyDecision]:
    yield stores.engine(store, landscape)
    if store.durable:
        yield stores.topology(store, landscape)
        yield stores.access(store)
        yield backups.backups(store, landscape)
        yield from filter(None, (stores.copies(store, landscape),))
        yield protection.encryption(f"store {store.name}", store.facts.data, landscape)
    else:
        yield stores.cache(store, landscape)
    yield from filter(None, (protection.retention(store, landscape),))
