"""How long an estate keeps what is written to it: periods that have no effect, and what is kept for ever."""

from collections.abc import Iterator
from typing import Final

import msgspec

from fairway.estate.databases import CNPG, DYNAMODB, K8SSANDRA, PXC
from fairway.estate.handed_on import at, documents_in, handed_on, plain
from fairway.estate.index import Estate
from fairway.estate.node import Node
from fairway.estate.resource import Resource
from fairway.yaml.reader import Mapping

NO_PERIOD: Final = frozenset({"", "-1", "0", "0s", "0h", "0d", "0h0m0s"})
PERIODS_OF_TOPICS: Final = ("retention.ms", "retention.bytes")
PERIODS_OF_KAFKA: Final = ("log.retention.ms", "log.retention.minutes", "log.retention.hours")
ENDS_OF_STREAMS: Final = ("maxAge", "maxBytes", "maxMsgs", "maxMsgsPerSubject")
ENDS_OF_QUEUES: Final = ("x-max-age", "x-max-length-bytes")
ELSEWHERE: Final = (
    ("limits_config", "per_tenant_override_config"),
    ("runtime_config",),
    ("table_manager", "retention_period"),
)
"""Where Loki may find a period besides."""
LOKI: Final = "schema_config"
"""A key that Loki's configuration must have, and no other program's has."""
SCHEDULED: Final = (("PerconaXtraDBCluster", PXC, "schedule"), ("PerconaServerMongoDB", "psmdb.percona.com", "tasks"))
"""Clusters of Percona's operators, with the key of spec.backup that lists their schedules."""
UNLESS: Final = "unless the bucket itself deletes"


class Kept(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Something that is kept longer than it says, or for ever."""

    node: Node
    key: str
    says: str
    fix: str


def unkept(estate: Estate) -> Iterator[Kept]:
    """Give the periods that are written down and have no effect."""
    for table in estate.of_kind("Table", DYNAMODB):
        ttl = table.spec.mapping("timeToLive")
        if ttl.text("attributeName") and not ttl.flag("enabled"):
            says = f"rows have a time to go in '{ttl.text('attributeName')}', and nothing deletes them: it is off."
            yield Kept(node=ttl, key="enabled", says=says, fix="Set spec.timeToLive.enabled: true.")
    for resource, key, loki in _lokis(estate):
        if _period(loki) and not _deletes(loki):
            says = "Loki is given a retention_period, and keeps its lines for ever: the compactor deletes nothing."
            fix = "Set compactor.retention_enabled: true, with a delete_request_store."
            yield Kept(node=resource.root.mapping("data"), key=key, says=says, fix=fix)


def endless(estate: Estate) -> Iterator[Kept]:
    """Give what is never deleted: logs, streams, backups."""
    yield from _logs(estate)
    yield from _streams(estate)
    yield from _archives(estate)
    yield from _full_backups(estate)


def _lokis(estate: Estate) -> Iterator[tuple[Resource, str, Mapping]]:
    flagged = any(
        "retention" in word
        for workload in estate.workloads
        for container in workload.containers
        if "loki" in container.image_words
        for word in (*container.command, *container.arguments)
    )
    for resource in () if flagged else estate.of_kind("ConfigMap", ""):
        yield from ((resource, key, document) for key, document in documents_in(resource, LOKI))


def _period(loki: Mapping) -> bool:
    given = plain(at(loki, "limits_config", "retention_period")) not in NO_PERIOD
    return given or bool(at(loki, "limits_config", "retention_stream"))


def _deletes(loki: Mapping) -> bool:
    switches = (at(loki, "compactor", "retention_enabled"), at(loki, "table_manager", "retention_deletes_enabled"))
    return any(plain(switch) not in {"", "false"} for switch in switches)  # a variable of the shell may be true


def _logs(estate: Estate) -> Iterator[Kept]:
    fix = "Give limits_config.retention_period, and set compactor.retention_enabled: true."
    for resource, key, loki in _lokis(estate):
        elsewhere = any(
            at(loki, *way) for way in (("limits_config", "per_tenant_override_config"), ("runtime_config",))
        )
        if not _period(loki) and not elsewhere and not at(loki, "table_manager", "retention_period"):
            says = f"Loki is given no period, and keeps every line for ever, {UNLESS}."
            yield Kept(node=resource.root.mapping("data"), key=key, says=says, fix=fix)
    for group in estate.of_kind("LogGroup", "cloudwatchlogs.services.k8s.aws"):
        if handed_on(group.spec, "retentionDays") in NO_PERIOD:
            says = "it has no retentionDays: its lines never expire."
            yield Kept(node=group.spec, key="retentionDays", says=says, fix="Give spec.retentionDays.")
    for policy in estate.of_kind("StackConfigPolicy", "stackconfigpolicy.k8s.elastic.co"):
        cycles = policy.spec.mapping("elasticsearch").mapping("indexLifecyclePolicies")
        for name, value in cycles.value.items():
            phases = at(value, "phases") or at(value, "policy", "phases")
            if isinstance(phases, Mapping) and "delete" not in phases:
                says = f"lifecycle '{name}' has no delete phase: its indices are kept for ever."
                yield Kept(node=cycles, key=name, says=says, fix="Add a delete phase with a min_age.")


def _streams(estate: Estate) -> Iterator[Kept]:
    for topic in estate.of_kind("KafkaTopic", "kafka.strimzi.io"):
        config = topic.spec.mapping("config")
        unbounded = handed_on(config, "retention.bytes") in NO_PERIOD
        if (
            handed_on(config, "retention.ms") == "-1"
            and unbounded
            and "compact" not in handed_on(config, "cleanup.policy")
        ):
            says = "it keeps every event for ever: retention.ms is -1, and nothing else ends it."
            fix = "Give retention.ms a number, or compact the topic and send tombstones for what must go."
            yield Kept(node=config, key="retention.ms", says=says, fix=fix)
    for kafka in estate.of_kind("Kafka", "kafka.strimzi.io"):
        config = kafka.spec.mapping("kafka").mapping("config")
        for key in PERIODS_OF_KAFKA:
            if handed_on(config, key) == "-1" and handed_on(config, "log.retention.bytes") in NO_PERIOD:
                says = f"every topic that gives no period of its own keeps its events for ever: {key} is -1."
                yield Kept(
                    node=config, key=key, says=says, fix="Give it a number, or take it out: the default is 7 days."
                )
                break
    for stream in estate.of_kind("Stream", "jetstream.nats.io"):
        spec = stream.spec
        passing = spec.text("retention") in {"interest", "workqueue"}  # what was handled goes
        if not passing and not spec.has("mirror") and all(handed_on(spec, key) in NO_PERIOD for key in ENDS_OF_STREAMS):
            says = f"it has no end ({', '.join(ENDS_OF_STREAMS)}): it keeps every event for ever."
            yield Kept(node=spec, key="maxAge", says=says, fix="Give spec.maxAge.")
    yield from _stream_queues(estate)


def _stream_queues(estate: Estate) -> Iterator[Kept]:
    """Give RabbitMQ's queues that are streams and have no end, where no policy may give them one."""
    ends = {key.removeprefix("x-") for key in ENDS_OF_QUEUES}
    if any(not ends.isdisjoint(one.spec.keys("definition")) for one in estate.of_kind("Policy", "rabbitmq.com")):
        return
    for queue in estate.of_kind("Queue", "rabbitmq.com"):
        arguments = queue.spec.mapping("arguments")
        kind = queue.spec.text("type") or handed_on(arguments, "x-queue-type")
        if kind == "stream" and not any(arguments.has(key) for key in ENDS_OF_QUEUES):
            says = "it is a stream without an end, and keeps every event for ever."
            fix = "Give spec.arguments x-max-age or x-max-length-bytes."
            yield Kept(node=queue.spec, key="arguments", says=says, fix=fix)


def _archives(estate: Estate) -> Iterator[Kept]:
    """Give the archives of PostgreSQL to which a cluster writes and from which nothing goes."""
    written: dict[Resource, str] = {}
    for cluster in estate.of_kind("Cluster", CNPG):
        backup = cluster.spec.mapping("backup")
        if backup.has("barmanObjectStore") and not backup.has("retentionPolicy"):
            says = f"backups of {cluster.name} are kept for ever, with all that was deleted since, {UNLESS}."
            yield Kept(node=backup, key="retentionPolicy", says=says, fix="Give spec.backup.retentionPolicy.")
        for plugin in cluster.spec.items("plugins"):
            name = plugin.mapping("parameters").text("barmanObjectName")
            if name and plugin.flag("isWALArchiver"):
                for store in estate.find("ObjectStore", cluster.namespace, name, cluster):
                    written.setdefault(store, cluster.name)
    for store, name in written.items():
        if not store.spec.has("retentionPolicy"):
            says = f"backups of {name} are kept here for ever, with all that was deleted since, {UNLESS}."
            yield Kept(node=store.spec, key="retentionPolicy", says=says, fix="Give spec.retentionPolicy.")


def _full_backups(estate: Estate) -> Iterator[Kept]:
    """Give schedules that make copies and delete none."""
    for kind, group, key in SCHEDULED:
        for cluster in estate.of_kind(kind, group):
            for one in cluster.spec.mapping("backup").items(key):
                counts = (handed_on(one, "keep"), handed_on(one.mapping("retention"), "count"))
                off = handed_on(one, "enabled") == "false"
                if not off and all(count in NO_PERIOD for count in counts):
                    says = f"backups of schedule '{one.text('name')}' are kept for ever, {UNLESS}."
                    yield Kept(node=one, key="retention", says=says, fix="Give retention.count.")
    for cluster in estate.of_kind("K8ssandraCluster", K8SSANDRA):
        medusa = cluster.spec.mapping("medusa")
        storage = medusa.mapping("storageProperties")
        ends = (handed_on(storage, "maxBackupAge"), handed_on(storage, "maxBackupCount"))
        if storage and not medusa.has("medusaConfigurationRef") and all(end in NO_PERIOD for end in ends):
            says = f"backups of {cluster.name} are kept for ever, with all that was deleted since, {UNLESS}."
            yield Kept(node=storage, key="maxBackupAge", says=says, fix="Give maxBackupAge or maxBackupCount.")
