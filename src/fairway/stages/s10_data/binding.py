"""What data tells a running service: the engine and address of each store, and how long personal data stays."""

from collections.abc import Iterator
from typing import Final

from fairway.core.artefact import Site
from fairway.core.facts import Engine, seconds
from fairway.core.parts import Bind
from fairway.core.profile import Landscape, Profile, StoreProfile
from fairway.stages.s10_data.decisions import protection, stores

# How the operator of each engine names the address that takes writes; DynamoDB is the cloud's own.
ADDRESSES: Final[dict[Engine, str]] = {
    "postgresql": "{name}-rw.{namespace}.svc.cluster.local:5432",
    "mysql": "{name}.{namespace}.svc.cluster.local:3306",
    "cassandra": "{name}-service.{namespace}.svc.cluster.local:9042",
    "redis": "{name}.{namespace}.svc.cluster.local:6379",
    "dynamodb": "",
}
# What a store is called inside its engine, where that is not its name: Redis has numbers, DynamoDB one space for all.
DATABASES: Final[dict[Engine, str]] = {"redis": "", "dynamodb": "{namespace}-{name}-"}


def bind(profile: Profile, landscape: Landscape, site: Site) -> Iterator[Bind]:
    """Tell where each store is; of the durable ones, how long what is personal stays."""
    for store in profile.stores:
        yield from _store(profile, store, landscape, site)
    kept = [protection.retention(store, landscape) for store in profile.durable_stores]
    shortest = min(
        ((seconds(found.value.kept), found) for found in kept if found is not None and found.value is not None),
        key=lambda pair: pair[0],
        default=None,
    )
    outside = protection.passing(profile)
    if "personal" not in profile.data:
        return
    if shortest is not None:
        length, found = shortest
        path = ("personal", "retention")
        yield Bind(service=profile.name, rule=found.rule, topic=found.topic, path=path, value=length)
    if outside is not None:
        path = ("personal", "outside-stores")
        yield Bind(
            service=profile.name, rule=outside.rule, topic=outside.topic, path=path, value=seconds(outside.value)
        )


def _store(profile: Profile, store: StoreProfile, landscape: Landscape, site: Site) -> Iterator[Bind]:
    chosen = stores.engine(store, landscape)
    namespace = landscape.system.system
    told: dict[str, object] = {
        "kind": chosen.value,
        "address": ADDRESSES[chosen.value].format(name=store.name, namespace=namespace),
        "database": DATABASES.get(chosen.value, "{name}").format(name=store.name, namespace=namespace),
        "tls": store.durable,
    }
    if chosen.value in {"dynamodb", "cassandra"}:
        told["region"] = site.region
    for key, value in told.items():
        path = ("stores", store.name, key)
        yield Bind(service=profile.name, rule=chosen.rule, topic=chosen.topic, path=path, value=value)
