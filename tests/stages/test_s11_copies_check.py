"""The check of where copies go, on objects that others wrote: beside what they are copies of, or elsewhere."""

from pathlib import Path
from typing import Final

import pytest
from strangers import Thing, deployment, said, thing

from fairway.stages.s11_recovery import replicated_or_backed_up

CLUSTER: Final = "postgresql.cnpg.io/v1/Cluster"
MINIO: Final = thing("v1/Service", {"selector": {"app": "minio"}, "ports": [{"port": 9000}]}, "minio")
OUTSIDE: Final = thing("v1/Service", {"type": "ExternalName", "externalName": "s3.example.com"}, "minio")
INSIDE: Final = "http://minio.shop.svc:9000"
DISK: Final = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}


def archived(address: str | None, **more: Thing) -> list[Thing]:
    """Write a cluster of PostgreSQL that archives to an address."""
    plugin = {"name": "barman-cloud.cloudnative-pg.io", "isWALArchiver": True, "parameters": {"barmanObjectName": "it"}}
    store: Thing = {"configuration": {"destinationPath": "s3://b"}}
    if address is not None:
        store["configuration"]["endpointURL"] = address
    cluster = thing(CLUSTER, {"plugins": [plugin], **more}, "db")
    return [cluster, thing("barmancloud.cnpg.io/v1/ObjectStore", store)]


FOUND: Final = ["error ObjectStore/shop/it spec.configuration.endpointURL"]


@pytest.mark.parametrize(
    ("things", "expected"),
    [
        ([*archived(INSIDE), MINIO], FOUND),
        ([*archived("https://minio.shop.svc.cluster.local/"), MINIO], FOUND),
        ([*archived("http://minio:9000"), MINIO], FOUND),
        ([*archived("http://minio.shop:9000"), MINIO], FOUND),
        ([*archived(INSIDE), OUTSIDE], []),
        (archived(INSIDE), []),
        ([*archived("https://minio.example.com"), MINIO], []),
        ([*archived(None), MINIO], []),
        ([*archived(INSIDE, replica={"primary": "far"}), MINIO], []),
        ([*archived(INSIDE, backup={"barmanObjectStore": {"destinationPath": "s3://far"}}), MINIO], []),
    ],
)
def test_an_archive_beside_its_database_is_found(things: list[Thing], expected: list[str], tmp_path: Path) -> None:
    """By whatever name the Service is called; one that leads outside, or is not here, may be anywhere."""
    assert said(replicated_or_backed_up.RULE, tmp_path, *things) == expected


def test_several_databases_with_one_place_are_one_finding(tmp_path: Path) -> None:
    """The place is the cause; it is said whom it concerns."""
    first, store = archived(INSIDE)
    second = {**first, "metadata": {**first["metadata"], "name": "other"}}
    found = said(replicated_or_backed_up.RULE, tmp_path, first, second, store, MINIO)
    assert found == FOUND


@pytest.mark.parametrize(
    ("kind", "spec", "expected"),
    [
        (
            CLUSTER,
            {"backup": {"barmanObjectStore": {"endpointURL": INSIDE}}},
            "spec.backup.barmanObjectStore.endpointURL",
        ),
        (
            "pxc.percona.com/v1/PerconaXtraDBCluster",
            {"backup": {"storages": {"m": {"type": "s3", "s3": {"endpointUrl": INSIDE}}}}},
            "spec.backup.storages.m.s3.endpointUrl",
        ),
        (
            "pxc.percona.com/v1/PerconaXtraDBCluster",
            {"backup": {"storages": {"m": {"type": "filesystem"}}}},
            "spec.backup.storages.m.type",
        ),
        (
            "pxc.percona.com/v1/PerconaXtraDBCluster",
            {"backup": {"storages": {"m": {"type": "filesystem"}, "far": {"type": "azure", "azure": {}}}}},
            "",
        ),
        (
            "k8ssandra.io/v1alpha1/K8ssandraCluster",
            {"medusa": {"storageProperties": {"host": "minio.shop.svc", "bucketName": "b"}}},
            "spec.medusa.storageProperties.host",
        ),
        ("k8ssandra.io/v1alpha1/K8ssandraCluster", {"medusa": {"storageProperties": {"bucketName": "b"}}}, ""),
        ("mysql.oracle.com/v2/InnoDBCluster", {"backupSchedules": []}, ""),
    ],
)
def test_each_operators_own_backups_are_followed(kind: str, spec: Thing, expected: str, tmp_path: Path) -> None:
    """One place elsewhere is enough."""
    found = said(replicated_or_backed_up.RULE, tmp_path, thing(kind, spec), MINIO)
    assert [line.split()[2] for line in found] == ([expected] if expected else [])


def dump(command: str, image: str = "postgres:18", volume: Thing = DISK) -> Thing:
    """Write a CronJob that dumps a database."""
    pod = deployment(image, "dump", volumes=[volume], command=["sh", "-c", command])["spec"]["template"]["spec"]
    template = {"spec": {"template": {"spec": {**pod, "restartPolicy": "Never"}}}}
    return thing("batch/v1/CronJob", {"schedule": "0 2 * * *", "jobTemplate": template}, "dump")


HOST: Final = {"name": "data", "hostPath": {"path": "/backups"}}


@pytest.mark.parametrize(
    ("job", "severity"),
    [
        (dump("pg_dump -Fc shop > /data/shop"), "warning"),
        (dump("pg_dump -Fc shop > /data/shop", volume=HOST), "error"),
        (dump("pg_dump -Fc shop > /data/shop && aws s3 cp /data/shop s3://far/"), ""),
        (dump("pg_dump -Fc shop | restic backup --stdin"), ""),
        (dump("/data/pg_dump.sh"), ""),
        (dump("pg_dump -Fc shop > /data/shop", image="acme/postgres-backup:1"), ""),
        (dump("pg_dump -Fc shop > /data/shop", volume={"name": "data", "nfs": {"server": "far", "path": "/"}}), ""),
    ],
)
def test_a_dump_that_stays_on_a_disk_is_found(job: Thing, severity: str, tmp_path: Path) -> None:
    """A disk of the machine for sure, a claim perhaps; what another image or a script does is unknown."""
    found = said(replicated_or_backed_up.RULE, tmp_path, deployment("postgres:18", "db"), job)
    assert [line.split()[0] for line in found] == ([severity] if severity else [])


@pytest.mark.parametrize(
    ("address", "wanted", "count"),
    [(INSIDE, "", 1), (INSIDE, "default", 1), (INSIDE, "other", 0), ("https://s3.example.com", "", 0), ("", "", 0)],
)
def test_velero_that_keeps_its_backups_in_the_cluster_is_found(
    address: str, wanted: str, count: int, tmp_path: Path
) -> None:
    """The default location counts where none is named."""
    schedule = thing("velero.io/v1/Schedule", {"template": {"storageLocation": wanted} if wanted else {}}, "nightly")
    location = thing("velero.io/v1/BackupStorageLocation", {"config": {"s3Url": address}}, "default")
    database = deployment("postgres:18", "db")
    found = said(replicated_or_backed_up.RULE, tmp_path, database, schedule, location, MINIO)
    assert found == ["error BackupStorageLocation/shop/default spec.config.s3Url"] * count
    stays = dump("pg_dump shop > /data/shop", volume=HOST)
    assert len(said(replicated_or_backed_up.RULE, tmp_path, database, schedule, location, MINIO, stays)) == count


def test_a_dump_that_another_container_may_send_on_is_left_alone(tmp_path: Path) -> None:
    """What its image does is unknown; and so is where another tool of backups puts its copies."""
    database, job = deployment("postgres:18", "db"), dump("pg_dump -Fc shop > /data/shop", volume=HOST)
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    pod["containers"] = [*pod["containers"], {"name": "away", "image": "acme/sender:1"}]
    assert said(replicated_or_backed_up.RULE, tmp_path, database, job) == []
    scheduled = thing("k8up.io/v1/Schedule", {"backend": {"s3": {"endpoint": INSIDE}}})
    assert said(replicated_or_backed_up.RULE, tmp_path, database, scheduled, MINIO) == []
    unseen = thing("velero.io/v1/Schedule", {"template": {}})
    assert said(replicated_or_backed_up.RULE, tmp_path, database, unseen, MINIO) == []


def test_a_database_without_any_copy_is_another_rules(tmp_path: Path) -> None:
    """data/backups says so."""
    assert said(replicated_or_backed_up.RULE, tmp_path, deployment("postgres:18", "db"), MINIO) == []
