"""Data that must last is backed up by itself and can be restored to a moment of choice.

Replicas copy a mistaken deletion within milliseconds; only a backup remembers what was there before. A backup made by
hand is missing on the day it is needed, and one from last night loses the day.
"""

from collections.abc import Iterator
from typing import Final

from fairway.core.conditions import PERSISTENT
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.databases import CNPG, DYNAMODB, K8SSANDRA, PXC, Copiers, Database, databases, keepers
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.resource import Resource
from fairway.estate.whole import is_tool

SCHEDULE: Final = "Add a schedule of backups that go to another place than the disks: a Velero Schedule, or a CronJob."
BACKUP_KEYS: Final = frozenset({"backup", "backups", "backupSchedules", "backupRetentionPeriod", "enableLogicalBackup"})
CARRIERS: Final = frozenset(
    {"nats", "redpanda", "pulsar", "vault", "consul", "minio"}
)  # what they hold is passing, or copied


def check(estate: Estate) -> Iterator[Finding]:
    """Find databases without backups by themselves, and those of an operator that come back to no moment of choice.

    Whether a plain database archives its changes is in its own configuration, and whether a restore works is nowhere.
    """
    copiers = Copiers(estate)
    for database in databases(estate):
        match database.resource.group:
            case _ if database.workload is not None:
                yield from _copied(copiers, database)
            case group if group == CNPG:
                yield from _archived(estate, database.resource)
            case group if group == PXC:
                yield from _percona(database.resource)
            case group if group == K8SSANDRA:
                yield from _medusa(estate, database.resource)
            case group if group == DYNAMODB:
                yield from _table(database.resource)
            case _:
                yield from _other(copiers, database)
    for workload in keepers(estate):
        words = {word for container in workload.containers for word in container.image_words}
        labels = {**workload.resource.labels, **workload.pod_labels}
        if is_tool(workload) or not CARRIERS.isdisjoint(words) or copiers.copies(workload.resource, labels):
            continue
        says = f"StatefulSet {workload.name} keeps data on disks of its own, and nothing here makes copies of them."
        yield found(RULE.id, workload.resource.spec, "volumeClaimTemplates", says, SCHEDULE, warning=True)


def _copied(copiers: Copiers, database: Database) -> Iterator[Finding]:
    assert database.workload is not None
    labels = {**database.resource.labels, **database.workload.pod_labels}
    if not copiers.copies(database.resource, labels):
        says = f"{database.says}, and nothing here makes backups of it: what is deleted or lost stays so."
        yield found(RULE.id, database.resource.root, "spec", says, SCHEDULE)


def _archived(estate: Estate, cluster: Resource) -> Iterator[Finding]:
    """Ask of a cluster of PostgreSQL for full backups by a schedule, and for an archive of changes."""
    archivers = [plugin for plugin in cluster.spec.items("plugins") if plugin.flag("isWALArchiver")]
    archived = bool(archivers) or cluster.spec.mapping("backup").has("barmanObjectStore")
    scheduled = any(
        backup.spec.mapping("cluster").text("name") == cluster.name
        and backup.namespace == cluster.namespace
        and not backup.spec.flag("suspend")
        and estate.visible(backup, cluster)
        for backup in estate.of_kind("ScheduledBackup", CNPG)
    )
    fix = "Add an archiver (plugins, isWALArchiver: true, with an ObjectStore) and a ScheduledBackup."
    if not archived:
        also = "" if scheduled else ", and no ScheduledBackup names it"
        says = f"no archive of changes is given{also}: it comes back to no moment of choice."
        yield found(RULE.id, cluster.spec, "plugins", says, fix)
    elif not scheduled:
        says = f"no ScheduledBackup names Cluster {cluster.name}: a restore would replay changes since its beginning."
        yield found(RULE.id, cluster.root, "spec", says, fix, warning=bool(estate.unknown))
    for plugin in archivers:
        parameters = plugin.mapping("parameters")
        name = parameters.text("barmanObjectName")
        if name and not estate.find("ObjectStore", cluster.namespace, name, cluster):
            says = f"ObjectStore '{name}', to which changes are archived, is not there."
            fix = "Add it, or name one that is there."
            yield found(RULE.id, parameters, "barmanObjectName", says, fix, warning=bool(estate.unknown))


def _percona(cluster: Resource) -> Iterator[Finding]:
    backup = cluster.spec.mapping("backup")
    lacking = []
    if not any(True for _ in backup.items("schedule")):
        lacking.append("no schedule of full backups")
    if not backup.mapping("pitr").flag("enabled"):
        lacking.append("no archive of changes (pitr)")
    if lacking:
        says = f"{' and '.join(lacking)}: what is deleted by mistake does not come back."
        yield found(
            RULE.id, cluster.spec, "backup", says, "Give spec.backup storages, a schedule, and pitr.enabled: true."
        )


def _medusa(estate: Estate, cluster: Resource) -> Iterator[Finding]:
    """Ask of a cluster of Cassandra for snapshots; it archives no changes."""
    scheduled = any(
        one.namespace == cluster.namespace
        and one.spec.text("operationType", "backup") == "backup"
        and not one.spec.flag("disabled")
        and estate.visible(one, cluster)
        for one in estate.of_kind("MedusaBackupSchedule", "medusa.k8ssandra.io")
    )
    fix = "Give spec.medusa a storage, and add a MedusaBackupSchedule for each datacenter."
    if not cluster.spec.has("medusa"):
        yield found(RULE.id, cluster.spec, "medusa", "no storage for backups is given.", fix)
    elif not scheduled:
        says = "no MedusaBackupSchedule makes backups of it."
        yield found(RULE.id, cluster.spec, "medusa", says, fix, warning=bool(estate.unknown))


def _table(table: Resource) -> Iterator[Finding]:
    kept = table.spec.mapping("continuousBackups")
    if not kept.flag("pointInTimeRecoveryEnabled"):
        node, key = (kept, "pointInTimeRecoveryEnabled") if kept else (table.spec, "continuousBackups")
        says = f"Table {table.name} comes back to no moment: point-in-time recovery is off."
        yield found(RULE.id, node, key, says, "Set spec.continuousBackups.pointInTimeRecoveryEnabled: true.")


def _other(copiers: Copiers, database: Database) -> Iterator[Finding]:
    """Ask of what other operators run for anything about backups at all."""
    told = BACKUP_KEYS & frozenset(key for key in BACKUP_KEYS if database.resource.spec.has(key))
    if not told and not copiers.copies(database.resource, database.resource.labels):
        says = f"{database.says}, and nothing here makes backups of it."
        yield found(RULE.id, database.resource.root, "spec", says, SCHEDULE)


RULE = Rule(
    id="data/backups",
    applies=PERSISTENT,
    proof=Proof.DRILL,
    shows="rows are written, the store is destroyed and restored to a moment: the rows are exact, with RPO and RTO",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/data/orders-db/cluster.yaml",
            old="isWALArchiver: true",
            new="isWALArchiver: false",
        ),
    ),
)
