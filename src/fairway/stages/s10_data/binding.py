"""What data tells a running service: the engine and address of each store, and how long personal data stays."""

from collections.abc import Iterator
from typing import Final

from fairway.core.artefact import Site
from fairway.core.cluster import KEYRING
from fairway.core.facts import Engine, seconds
from fairway.core.parts import Bind
from fairway.core.profile import Landscape, Profile, StoreProfile
from fairway.stages.s10_data.decisions import protection, stores

AUTHORITIES: Final = "/etc/fairway/authorities"  # a service finds there who vouches for each of its stores
PRIMARY: Final = "-master"  # what the operator of Redis appends to the name of the Service that takes writes
PROXY: Final = "-haproxy"  # the same of MySQL
# How the operator of each engine names the address that takes writes; DynamoDB is the cloud's own.
ADDRESSES: Final[dict[Engine, str]] = {
    "postgresql": "{name}-rw.{namespace}.svc.cluster.local:5432",
    "mysql": f"{{name}}{PROXY}.{{namespace}}.svc.cluster.local:3306",
    "cassandra": "{name}-{region}-service.{namespace}.svc.cluster.local:9042",
    "redis": f"{{name}}{PRIMARY}.{{namespace}}.svc.cluster.local:6379",
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
    yield Bind(
        service=profile.name,
        rule="data/reliable-store",
        topic="access",
        path=("stores", KEYRING, "tls-authority"),
        value=f"{AUTHORITIES}/{KEYRING}.crt",
    )
    for keys in stores.keyring(landscape):
        yield from _follows(profile, keys, landscape, site)
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
        "address": ADDRESSES[chosen.value].format(name=store.name, namespace=namespace, region=site.region),
        "database": _database(chosen.value, store.name, namespace),
        "tls": True,
    }
    if by_tls(store):
        told["tls-authority"] = f"{AUTHORITIES}/{store.name}.crt"
    if chosen.value in {"dynamodb", "cassandra"}:
        told["region"] = site.region
    for key, value in told.items():
        path = ("stores", store.name, key)
        yield Bind(service=profile.name, rule=chosen.rule, topic=chosen.topic, path=path, value=value)
    if store.durable:
        yield from _follows(profile, store, landscape, site)


def _follows(profile: Profile, store: StoreProfile, landscape: Landscape, site: Site) -> Iterator[Bind]:
    """Tell that a store is a copy, which a service would otherwise take for a server that has failed."""
    if stores.follows(store, landscape, site.environment, site.region):
        path = ("stores", store.name, "follows")
        yield Bind(service=profile.name, rule="data/geo-replication", topic="other regions", path=path, value=True)


def _database(engine: Engine, store: str, namespace: str) -> str:
    if engine == "cassandra":
        return keyspace(store)
    return DATABASES.get(engine, "{name}").format(name=store, namespace=namespace)


def keyspace(store: str) -> str:
    """Name a store's keyspace: Cassandra takes letters, digits and '_' only."""
    return store.replace("-", "_")


def by_tls(store: StoreProfile) -> bool:
    """Tell whether an authority of the system's own vouches for a store's servers; the cloud's are known to all."""
    return store.facts.engine != "dynamodb"
