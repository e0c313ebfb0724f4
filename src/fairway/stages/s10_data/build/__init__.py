"""What data builds: stores with their users, archives and backups; encrypted disks; pages for bad days."""

from collections.abc import Callable, Iterator
from typing import Final

from fairway.core.artefact import Manifest, Page, Site
from fairway.core.facts import Engine
from fairway.core.parts import Part
from fairway.core.profile import Landscape, StoreProfile
from fairway.stages.s10_data.build import (
    across_regions,
    authorities,
    cassandra,
    disks,
    dynamodb,
    mysql,
    places,
    postgresql,
    redis,
    runbooks,
)
from fairway.stages.s10_data.decisions import stores

__all__ = ("manifests", "pages", "parts")

ENGINES: Final[dict[Engine, Callable[[Landscape, Site, StoreProfile], Iterator[Manifest]]]] = {
    "postgresql": postgresql.manifests,
    "mysql": mysql.manifests,
    "cassandra": cassandra.manifests,
    "dynamodb": dynamodb.manifests,
    "redis": redis.manifests,
}


def parts(landscape: Landscape, site: Site) -> Iterator[Part]:
    """Mount beside each service who vouches for its stores."""
    del site
    for profile in landscape.services.values():
        yield from authorities.mounted(profile)


def manifests(landscape: Landscape, site: Site) -> Iterator[Manifest]:
    """Build the classes of disks, every store that somebody uses, and the store of the keys of persons."""
    yield from disks.manifests(landscape, site)
    used = [*(store for store in landscape.stores.values() if store.users), *stores.keyring(landscape)]
    if places.cloud(landscape, site) != "aws" and any(store.durable for store in used):
        keys = places.storage_keys(landscape, site)
        yield Manifest(
            path="data/externalsecret-object-storage.yaml", rule="data/backups", topic="backups", object=keys
        )
    yield from across_regions.authority(landscape, site, used)
    for store in used:
        yield from ENGINES[stores.engine(store, landscape).value](landscape, site, store)


def pages(landscape: Landscape) -> Iterator[Page]:
    """Write how each store comes back, and how a region takes over."""
    yield from runbooks.pages(landscape)
