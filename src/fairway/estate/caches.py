"""Caches of an estate, whoever runs them: how much memory they may take, what they are told, and what they keep."""

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Final

import msgspec

from fairway.estate.container import Container
from fairway.estate.index import Estate
from fairway.estate.node import Node
from fairway.estate.quantities import amount
from fairway.estate.resource import Resource
from fairway.estate.stores import CACHES, COMPONENT
from fairway.estate.workload import Workload

OPSTREE: Final = "redis.redis.opstreelabs.in"
SPOTAHOME: Final = "databases.spotahome.com"
MADE_AS_USUAL: Final = re.compile(
    r"(?:[\w.-]+[.:][\w.:-]*/)?(?:(?:library|bitnami|bitnamilegacy|redis|valkey)/)?(?:redis|valkey|redis-stack-server)"
    r"(?:[:@].*)?"
)
"""Images whose own configuration gives no bound; Dragonfly takes its from the container."""
UNITS: Final = {"": 1, "b": 1, "k": 1000, "kb": 1024, "m": 1000**2, "mb": 1024**2, "g": 1000**3, "gb": 1024**3}
MEMCACHED: Final = "memcached"
_SIZE: Final = re.compile(r"(\d+)([a-z]*)")
_LINE: Final = re.compile(r"^[ \t]*(maxmemory(?:-policy)?)[ \t]+['\"]?([\w-]+)", re.MULTILINE | re.IGNORECASE)
_ARGUMENT: Final = re.compile(r"--(maxmemory(?:-policy)?)[= \t]+['\"]?([\w-]+)", re.IGNORECASE)
_MEMCACHED: Final = re.compile(r"(?:^|\s)(?:-m|--memory-limit)[= \t]*(\d+)(?=\s|$)")


class Told(msgspec.Struct, frozen=True, eq=False):
    """One setting of a cache, in lower case, and where it is written."""

    value: str
    node: Node
    key: str


class Cache(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Something that may lose what it holds, or is asked to keep it."""

    resource: Resource
    called: str
    limit: Fraction | None  # bytes that its container may take; None where nothing says
    at: Node  # where the limit is, or would be
    told: dict[str, Told]
    known: bool  # nothing else may tell it anything
    declared: bool  # somebody calls it a cache
    evicts: bool = False  # by itself, at a bound that it has without a word
    kept: tuple[Node, str] | None = None  # where it is given disks to keep its content on

    @property
    def bound(self) -> int | None:
        """Give the bytes after which it evicts by itself; None where it has no bound."""
        told = self.told.get("maxmemory")
        found = _SIZE.fullmatch(told.value) if told else None
        if found is None or found[2] not in UNITS or not int(found[1]):
            return None
        return int(found[1]) * UNITS[found[2]]


def caches(estate: Estate) -> Iterator[Cache]:
    """Give every cache: plain workloads that may lose what they hold, and what operators of Redis run."""
    for workload in estate.workloads:
        store = estate.store_of(workload)
        if store is not None and store.may_be_lost and store.engine in {"Redis", MEMCACHED}:
            yield _of_workload(estate, workload, store.container, memcached=store.engine == MEMCACHED)
    for kind in ("Redis", "RedisReplication", "RedisCluster"):
        for one in estate.of_kind(kind, OPSTREE):
            yield _of_opstree(estate, one)
    for one in estate.of_kind("RedisFailover", SPOTAHOME):
        redis = one.spec.mapping("redis")
        lines = "\n".join(redis.texts("customConfig"))
        told = {name.lower(): Told(value.lower(), redis, "customConfig") for name, value in _LINE.findall(lines)}
        storage = redis.mapping("storage")
        kept = (storage, "persistentVolumeClaim") if storage.has("persistentVolumeClaim") else None
        yield _operated(one, redis.mapping("resources"), told, known=not redis.has("configConfigMap"), kept=kept)


def _of_workload(estate: Estate, workload: Workload, container: Container, *, memcached: bool) -> Cache:
    limits = container.node.mapping("resources").mapping("limits")
    told: dict[str, Told] = {}
    for key, words in (("command", container.command), ("args", container.arguments)):
        said = " ".join(words)
        if memcached:
            for megabytes in _MEMCACHED.findall(said):
                told["maxmemory"] = Told(f"{megabytes}mb", container.node, key)
        else:
            told |= _told(_ARGUMENT, said, container.node, key)
    for variable in container.variables:
        told |= _told(_ARGUMENT, variable.value or "", variable.node, "value")
    for name in _configurations(workload, container):
        for one in estate.find("ConfigMap", workload.namespace, name, workload.resource):
            for key, text in one.root.pairs("data").items():
                told |= _told(_LINE, text, one.root.mapping("data"), key)
    labels = {workload.resource.labels.get(COMPONENT), workload.pod_labels.get(COMPONENT)}
    return Cache(
        resource=workload.resource,
        called=f"{workload.kind} {workload.name}",
        limit=amount(limits.value.get("memory")),
        at=limits,
        told=told,
        known=memcached or _plain(workload, container),
        declared=not labels.isdisjoint(CACHES) or "cache" in workload.name,
        evicts=memcached,
    )


def _told(pattern: re.Pattern[str], text: str, node: Node, key: str) -> dict[str, Told]:
    return {name.lower(): Told(value.lower(), node, key) for name, value in pattern.findall(text)}


def _configurations(workload: Workload, container: Container) -> Iterator[str]:
    mounted = {mount.volume for mount in container.mounts}
    for volume in workload.volumes:
        if volume.name in mounted and volume.source == "configMap":
            yield volume.node.mapping("configMap").text("name")


def _plain(workload: Workload, container: Container) -> bool:
    """Tell whether all that a container is told is seen: a usual image, started as usual, with no other files."""
    sources = {volume.source for volume in workload.volumes}
    usual = not container.command or container.command[0].rpartition("/")[2] in {"redis-server", "valkey-server"}
    return (
        usual
        and MADE_AS_USUAL.fullmatch(container.image) is not None
        and sources <= {"emptyDir"}
        and not container.node.has("envFrom")
        and all(variable.value is not None for variable in container.variables)
    )


def _of_opstree(estate: Estate, one: Resource) -> Cache:
    settings = one.spec.mapping("redisConfig")
    name = settings.text("additionalRedisConfig")
    told: dict[str, Told] = {}
    found = estate.find("ConfigMap", one.namespace, name, one) if name else ()
    for config in found:
        for key, text in config.root.pairs("data").items():
            told |= _told(_LINE, text, config.root.mapping("data"), key)
    known = (
        bool(found or not name) and not settings.has("maxMemoryPercentOfLimit") and not settings.has("dynamicConfig")
    )
    storage = one.spec.mapping("storage")
    kept = (storage, "volumeClaimTemplate") if storage.has("volumeClaimTemplate") else None
    return _operated(one, one.spec.mapping("kubernetesConfig").mapping("resources"), told, known=known, kept=kept)


def _operated(
    one: Resource, resources: Node, told: dict[str, Told], *, known: bool, kept: tuple[Node, str] | None
) -> Cache:
    limits = resources.mapping("limits")
    return Cache(
        resource=one,
        called=f"{one.kind} {one.name}",
        limit=amount(limits.value.get("memory")),
        at=limits,
        told=told,
        known=known and kept is None,
        declared=one.labels.get(COMPONENT) in CACHES or "cache" in one.name,
        kept=kept,
    )
