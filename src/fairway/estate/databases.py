"""Databases of an estate, whoever runs them: an operator's objects, or plain workloads; and what copies them.

Brokers, caches, and what watches the platform are no databases: what they hold is passing, or can be made anew.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from fairway.estate.index import Estate
from fairway.estate.node import Node
from fairway.estate.resource import Resource
from fairway.estate.workload import Workload

PASSING: Final = frozenset(
    "ActiveMQ Elasticsearch Hazelcast Kafka NATS OpenSearch Prometheus Pulsar RabbitMQ "  # noqa: SIM905 - as below
    "Solr ZooKeeper etcd".split()
)
CNPG: Final = "postgresql.cnpg.io"
PXC: Final = "pxc.percona.com"
K8SSANDRA: Final = "k8ssandra.io"
DYNAMODB: Final = "dynamodb.services.k8s.aws"
OPERATED: Final = (
    ("Cluster", CNPG),
    ("PerconaXtraDBCluster", PXC),
    ("K8ssandraCluster", K8SSANDRA),
    ("Table", DYNAMODB),
    ("PerconaServerMongoDB", "psmdb.percona.com"),
    ("PerconaPGCluster", "pgv2.percona.com"),
    ("PostgresCluster", "postgres-operator.crunchydata.com"),
    ("postgresql", "acid.zalan.do"),
    ("InnoDBCluster", "mysql.oracle.com"),
    ("MariaDB", "k8s.mariadb.com"),
    ("DBInstance", "rds.services.k8s.aws"),
)
COPIERS: Final = frozenset(
    "autobackup backup barman borg borgmatic databack dump mariabackup medusa "  # noqa: SIM905 - words read better without quotes
    "mongodump mydumper mysqldump pg_basebackup pg_dump pg_dumpall pgbackrest pgdump rclone restic velero wal-g walg "
    "xtrabackup".split()
)
SCHEDULERS: Final = (
    ("Schedule", "velero.io"),
    ("Schedule", "k8up.io"),
    ("SnapshotSchedule", "snapscheduler.backube"),
    ("BackupConfiguration", "stash.appscode.com"),
    ("BackupConfiguration", "core.kubestash.com"),
    ("Policy", "config.kio.kasten.io"),
    ("ReplicationSource", "volsync.backube"),
    ("RecurringJob", "longhorn.io"),
)
WHOLE_CLUSTER: Final = frozenset({"Policy", "RecurringJob"})
"""Kinds whose reach is not in their own namespace, and told in too many ways to follow."""
_WORD: Final = re.compile(r"[A-Za-z_-]+")


class Database(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Something that keeps data that must last: an operator's object, or a workload."""

    resource: Resource
    engine: str
    workload: Workload | None = None

    @property
    def says(self) -> str:
        """Say what shows it, as the beginning of a sentence."""
        if self.workload is None:
            return f"{self.resource.kind} {self.resource.name} is a database"
        return f"{self.resource.kind} {self.resource.name} runs {self.engine}"


def databases(estate: Estate) -> Iterator[Database]:
    """Give every database, those that an operator runs first."""
    for kind, group in OPERATED:
        for resource in estate.of_kind(kind, group):
            yield Database(resource=resource, engine=kind)
    for workload in estate.workloads:
        store = estate.store_of(workload)
        if store is not None and not store.may_be_lost and store.engine not in PASSING:
            yield Database(resource=workload.resource, engine=store.engine, workload=workload)


def keepers(estate: Estate) -> Iterator[Workload]:
    """Give the StatefulSets that keep something of their own on disks and are no known store: services with data."""
    for workload in estate.workloads:
        if workload.kind == "StatefulSet" and workload.claim_templates and estate.store_of(workload) is None:
            yield workload


class Copiers:
    """What makes copies, by the namespace and the labels that it reaches."""

    def __init__(self, estate: Estate, wanted: Callable[[Resource], bool] = lambda _: True) -> None:
        """Look through the estate once, for what is *wanted* of all that makes copies."""
        self.estate = estate
        self.everywhere: list[Resource] = []
        self.by_namespace: dict[str, list[tuple[Resource, dict[str, str]]]] = {}
        for kind, group in SCHEDULERS:
            for resource in filter(wanted, estate.of_kind(kind, group)):
                self._note(resource)
        for workload in estate.workloads:
            if workload.kind == "CronJob" and _copies(workload) and wanted(workload.resource):
                self.by_namespace.setdefault(workload.namespace, []).append((workload.resource, {}))

    def _note(self, resource: Resource) -> None:
        template = resource.spec.mapping("template")
        if resource.kind in WHOLE_CLUSTER:
            self.everywhere.append(resource)
            return
        if resource.group != "velero.io":
            self.by_namespace.setdefault(resource.namespace, []).append((resource, {}))
            return
        namespaces = template.texts("includedNamespaces")
        chosen = template.mapping("labelSelector").pairs("matchLabels")
        if not namespaces or "*" in namespaces:
            namespaces = ("*",)
        for name in namespaces:
            self.by_namespace.setdefault(name, []).append((resource, chosen))

    def copies(self, resource: Resource, labels: dict[str, str]) -> bool:
        """Tell whether anything makes copies of an object's data, whose Pods have these labels."""
        return any(True for _ in self.copiers_of(resource, labels))

    def copiers_of(self, resource: Resource, labels: dict[str, str]) -> Iterator[Resource]:
        """Give what makes copies of an object's data, whose Pods have these labels."""
        reaching: list[tuple[Resource, dict[str, str]]] = [(one, {}) for one in self.everywhere]
        reaching += [*self.by_namespace.get(resource.namespace, ()), *self.by_namespace.get("*", ())]
        for one, chosen in reaching:
            if chosen.items() <= labels.items() and self.estate.visible(one, resource):
                yield one


def _copies(workload: Workload) -> bool:
    """Tell whether a CronJob makes copies, by its name, its images and what they run."""
    said = [workload.name]
    for container in workload.containers:
        said += [*container.image_words, *container.command, *container.arguments]
    words = {word.lower() for text in said for word in (*_WORD.findall(text), *re.split(r"[^A-Za-z]+", text))}
    return not COPIERS.isdisjoint(words)


def claims_of(database: Database) -> Iterator[tuple[Node, str]]:
    """Give the places where a database names the class of its disks, each with its key."""
    spec = database.resource.spec
    match database.resource.kind, database.resource.group:
        case "Cluster", _:
            yield spec.mapping("storage"), "storageClass"
            if spec.has("walStorage"):
                yield spec.mapping("walStorage"), "storageClass"
        case "PerconaXtraDBCluster", _:
            yield spec.mapping("pxc").mapping("volumeSpec").mapping("persistentVolumeClaim"), "storageClassName"
        case "K8ssandraCluster", _:
            storage = spec.mapping("cassandra").mapping("storageConfig")
            yield storage.mapping("cassandraDataVolumeClaimSpec"), "storageClassName"
        case _:
            for claim in spec.items("volumeClaimTemplates"):
                yield claim.mapping("spec"), "storageClassName"
