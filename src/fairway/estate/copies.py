"""Where copies of databases go: to the cluster that they are copies of, or elsewhere."""

import re
from collections.abc import Iterator
from itertools import chain
from typing import Final

import msgspec

from fairway.estate.container import Container
from fairway.estate.databases import CNPG, K8SSANDRA, PXC, Copiers, Database, databases
from fairway.estate.handed_on import handed_on
from fairway.estate.index import Estate
from fairway.estate.node import Node
from fairway.estate.resource import Resource
from fairway.estate.stores import FILLERS, WORDS
from fairway.estate.workload import Workload

VELERO: Final = "velero.io"
SENDERS: Final = re.compile(
    r"://|\b(?:aws|az|azcopy|b2|barman|borg|curl|duplicity|ftp|gcloud|gsutil|kopia|lftp|mc|rclone|restic|rsync|s3|s3cmd|"
    r"s5cmd|scp|sftp|ssh|swift|wal-e|wal-g|wget)\b",
    re.IGNORECASE,
)
"""Words of commands that send something away, or may."""
DISKS: Final = frozenset({"hostPath", "persistentVolumeClaim"})
FILES: Final = frozenset({"configMap", "downwardAPI", "emptyDir", "projected", "secret"})
_HOST: Final = re.compile(r"(?:[a-z][a-z0-9+.-]*://)?(?:[^@/\s]*@)?([a-z0-9.-]+)", re.IGNORECASE)


class Beside(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A place for copies that is lost together with what they are copies of."""

    node: Node
    key: str
    where: str  # in words
    arguable: bool = False  # a disk may be a share that others copy


class Copies:
    """Where everything that makes copies puts them."""

    def __init__(self, estate: Estate) -> None:
        """Look through the estate once."""
        self.estate = estate
        self.cron_jobs = {w.resource: w for w in estate.workloads if w.kind == "CronJob"}
        self.places: dict[Resource, Beside | None] = {}
        self.elsewhere = Copiers(estate, lambda copier: self._of_copier(copier) is None)
        self.beside = Copiers(estate, lambda copier: self._of_copier(copier) is not None)

    def only_beside(self, database: Database) -> Beside | None:
        """Give the place of a database's copies where all of them are lost with it; None where one is not, or none is.

        What nobody can tell from files counts as elsewhere.
        """
        resource = database.resource
        own = list(_by_itself(self.estate, database))
        labels = {**resource.labels, **(database.workload.pod_labels if database.workload else {})}
        if None in own or self.elsewhere.copies(resource, labels):
            return None
        return next(chain(own, map(self._of_copier, self.beside.copiers_of(resource, labels))), None)

    def _of_copier(self, copier: Resource) -> Beside | None:
        if copier not in self.places:
            workload = self.cron_jobs.get(copier)
            self.places[copier] = _on_a_disk(workload) if workload else _of_velero(self.estate, copier)
        return self.places[copier]


def copies_beside(estate: Estate) -> Iterator[tuple[Beside, list[str]]]:
    """Give each place beside the databases, with the names of those of which every copy goes to such places."""
    copies = Copies(estate)
    found: dict[tuple[str, int, str], tuple[Beside, list[str]]] = {}
    for database in databases(estate):
        if (beside := copies.only_beside(database)) is not None:
            place = (beside.node.origin.file, beside.node.line_of(beside.key), beside.node.path_of(beside.key))
            found.setdefault(place, (beside, []))[1].append(database.resource.name)
    yield from found.values()


def _by_itself(estate: Estate, database: Database) -> Iterator[Beside | None]:
    """Give the places to which a database of an operator sends its own copies; None for one that is elsewhere."""
    resource = database.resource
    match resource.group:
        case group if group == CNPG:
            yield from _of_postgresql(estate, resource)
        case group if group == PXC:
            for storage in _mappings(resource.spec.mapping("backup").mapping("storages")):
                if storage.text("type") == "filesystem":
                    yield Beside(node=storage, key="type", where="disks of this cluster")
                else:
                    yield _at(estate, resource, storage.mapping("s3"), "endpointUrl")
        case group if group == K8SSANDRA:
            storage = resource.spec.mapping("medusa").mapping("storageProperties")
            if storage:
                yield _at(estate, resource, storage, "host")
        case _ if database.workload is None:
            yield None  # its operator's own business, or the cloud's


def _mappings(node: Node) -> Iterator[Node]:
    for key in node.value:
        yield node.mapping(key)


def _of_postgresql(estate: Estate, cluster: Resource) -> Iterator[Beside | None]:
    backup = cluster.spec.mapping("backup")
    if cluster.spec.mapping("replica") or backup.has("volumeSnapshot"):
        yield None  # it follows another cluster, or is followed; or it is where the class of snapshots puts them
    if backup.has("barmanObjectStore"):
        yield _at(estate, cluster, backup.mapping("barmanObjectStore"), "endpointURL")
    for plugin in cluster.spec.items("plugins"):
        if plugin.flag("isWALArchiver"):
            name = plugin.mapping("parameters").text("barmanObjectName")
            stores = estate.find("ObjectStore", cluster.namespace, name, cluster)
            yield from (_at(estate, one, one.spec.mapping("configuration"), "endpointURL") for one in stores)
            if not stores:
                yield None


def _at(estate: Estate, resource: Resource, node: Node, key: str) -> Beside | None:
    """Tell of the address at *key* whether Pods of this estate answer there. No address is the cloud's own."""
    found = _HOST.match(handed_on(node, key))
    if found is None:
        return None
    name, *rest = found[1].split(".")
    namespace = rest[0] if rest else resource.namespace
    inside = rest[1:2] in ([], ["svc"])
    for service in estate.find("Service", namespace, name, resource) if inside else ():
        if service.spec.pairs("selector"):
            return Beside(node=node, key=key, where=f"Service {name}, which runs in this cluster")
    return None


def _of_velero(estate: Estate, schedule: Resource) -> Beside | None:
    if schedule.group != VELERO:
        return None
    wanted = schedule.spec.mapping("template").text("storageLocation")
    for one in estate.of_kind("BackupStorageLocation", VELERO):
        meant = one.name == wanted if wanted else one.spec.flag("default") or one.name == "default"
        if meant and estate.visible(one, schedule):
            return _at(estate, one, one.spec.mapping("config"), "s3Url")
    return None


def _on_a_disk(workload: Workload) -> Beside | None:
    """Tell whether a CronJob that dumps a database leaves the dump on a disk of this cluster.

    Only where its commands are all there to be read: what another image does by itself is not.
    """
    words = " ".join(word for one in workload.every_container for word in (*one.command, *one.arguments))
    claim = next((v for v in workload.volumes if v.source in DISKS), None)
    others = {volume.source for volume in workload.volumes} - DISKS - FILES
    if claim is None or others or SENDERS.search(words) or not all(map(_read_whole, workload.every_container)):
        return None
    shared = claim.source != "hostPath"
    return Beside(node=claim.node, key=claim.source, where="a disk of this cluster", arguable=shared)


def _read_whole(container: Container) -> bool:
    """Tell whether a container's image is a database's own, and a command says all that it does."""
    words = [word for word in container.image_words if word]
    usual = all(word in WORDS or word in FILLERS or word.isdigit() for word in words)
    said = " ".join((*container.command, *container.arguments))
    return usual and bool(said) and ".sh" not in said
