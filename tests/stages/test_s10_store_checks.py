"""Checks of caches, transactional and write-heavy stores on objects that others wrote."""

from pathlib import Path
from typing import Any, Final

import pytest
from strangers import Thing, deployment, said, settings, thing

from fairway.stages.s10_data import ephemeral, transactional, write_heavy

LIMIT: Final = {"limits": {"memory": "256Mi"}}
REDIS: Final = "redis.redis.opstreelabs.in/v1beta2/RedisReplication"
SCHEDULE: Final = "velero.io/v1/Schedule"


def redis(*arguments: str, name: str = "sessions", image: str = "redis:8", **container: Any) -> Thing:  # noqa: ANN401 - whatever a container holds
    """Write a Redis with a limit and these arguments."""
    return deployment(image, name, args=list(arguments), resources=LIMIT, **container)


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (redis(), "warning spec.template.spec.containers[main].resources.limits.memory"),
        (redis(image="bitnami/valkey:9"), "warning spec.template.spec.containers[main].resources.limits.memory"),
        (redis(image="localhost:5000/redis"), "warning spec.template.spec.containers[main].resources.limits.memory"),
        (redis("--maxmemory", "200mb"), ""),
        (redis("--maxmemory 256mb"), "error spec.template.spec.containers[main].args"),
        (redis("--maxmemory=1gb"), "error spec.template.spec.containers[main].args"),
        (redis(command=["redis-server", "--maxmemory", "1gb"]), "error spec.template.spec.containers[main].command"),
        (redis(command=["sh", "-c", "./start"]), ""),
        (redis(image="acme/redis:8"), ""),
        (redis(image="dragonflydb/dragonfly:1"), ""),
        (redis(envFrom=[{"configMapRef": {"name": "c"}}]), ""),
        (redis(volumes=[{"name": "c", "secret": {"secretName": "c"}}]), ""),
        (redis(env=[{"name": "REDIS_ARGS", "value": "--maxmemory 100mb"}]), ""),
        (redis(env=[{"name": "REDIS_ARGS", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}]), ""),
        (redis("--appendonly", "yes"), ""),
        (deployment("redis:8"), ""),
        (deployment("memcached:1", resources=LIMIT), ""),
        (
            deployment("memcached:1", resources=LIMIT, args=["-m", "512"]),
            "error spec.template.spec.containers[main].args",
        ),
        (deployment("memcached:1", resources=LIMIT, args=["-m", "128"]), ""),
    ],
)
def test_a_cache_evicts_before_it_is_killed(one: Thing, expected: str, tmp_path: Path) -> None:
    """A bound above the limit is found, and none at all where nothing else may give one; memcached has its own."""
    found = said(ephemeral.RULE, tmp_path, one)
    assert [" ".join(line.split()[::2]) for line in found] == ([expected] if expected else [])


def test_a_mounted_file_gives_a_cache_its_bound(tmp_path: Path) -> None:
    """The finding is in the file."""
    volumes = [{"name": "c", "configMap": {"name": "conf"}}]
    for size, expected in (("200mb", []), ("2gb", ["error ConfigMap/shop/conf data[redis.conf]"])):
        conf = settings("conf", redis_conf=f"# our cache\nmaxmemory {size}\nmaxmemory-policy allkeys-lru\n")
        assert said(ephemeral.RULE, tmp_path, redis(volumes=volumes), conf) == expected


@pytest.mark.parametrize(
    ("one", "count"),
    [
        (redis("--maxmemory", "100mb", name="cache"), 1),
        (redis("--maxmemory", "100mb", "--maxmemory-policy", "noeviction", name="cache"), 1),
        (redis("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lfu", name="cache"), 0),
        (redis("--maxmemory", "100mb", "--maxmemory-policy", "noeviction", name="queue"), 0),
        (deployment("memcached:1", "cache", resources=LIMIT, args=["-m", "64"]), 0),
    ],
)
def test_a_full_cache_makes_room(one: Thing, count: int, tmp_path: Path) -> None:
    """Redis makes none unless it is told; a queue must not, and says so."""
    found = said(ephemeral.RULE, tmp_path, one)
    assert [line.split()[0] for line in found] == ["warning"] * count


def test_what_an_operator_keeps_on_disks_needs_copies(tmp_path: Path) -> None:
    """As the only place of it; without disks it may be lost."""
    kept = thing(REDIS, {"storage": {"volumeClaimTemplate": {"spec": {}}}})
    copied = thing(SCHEDULE, {"template": {"includedNamespaces": ["shop"]}}, namespace="velero")
    failover = thing(
        "databases.spotahome.com/v1/RedisFailover", {"redis": {"storage": {"persistentVolumeClaim": {"spec": {}}}}}
    )
    assert said(ephemeral.RULE, tmp_path, kept) == ["warning RedisReplication/shop/it spec.storage.volumeClaimTemplate"]
    assert said(ephemeral.RULE, tmp_path, failover) == [
        "warning RedisFailover/shop/it spec.redis.storage.persistentVolumeClaim"
    ]
    assert said(ephemeral.RULE, tmp_path, kept, copied) == []
    assert said(ephemeral.RULE, tmp_path, thing(REDIS, {"clusterSize": 2})) == []


@pytest.mark.parametrize(
    ("spec", "count"),
    [
        ({"kubernetesConfig": {"resources": LIMIT}}, 1),
        ({"kubernetesConfig": {"resources": LIMIT}, "redisConfig": {"maxMemoryPercentOfLimit": 75}}, 0),
        ({"kubernetesConfig": {"resources": LIMIT}, "redisConfig": {"additionalRedisConfig": "gone"}}, 0),
    ],
)
def test_an_operators_redis_is_given_a_bound(spec: Thing, count: int, tmp_path: Path) -> None:
    """By a number or by a part of its limit; a file that is not here may give one."""
    assert len(said(ephemeral.RULE, tmp_path, thing(REDIS, spec))) == count


CLUSTER: Final = "postgresql.cnpg.io/v1/Cluster"


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (thing(CLUSTER, {"postgresql": {"parameters": {"fsync": "off"}}}), "error spec.postgresql.parameters.fsync"),
        (thing(CLUSTER, {"postgresql": {"parameters": {"fsync": "on", "work_mem": "4MB"}}}), ""),
        (
            thing("acid.zalan.do/v1/postgresql", {"postgresql": {"parameters": {"synchronous_commit": "off"}}}),
            "warning spec.postgresql.parameters.synchronous_commit",
        ),
        (
            thing(
                "postgres-operator.crunchydata.com/v1beta1/PostgresCluster",
                {"config": {"parameters": {"fsync": False}}},
            ),
            "error spec.config.parameters.fsync",
        ),
        (
            thing(
                "pxc.percona.com/v1/PerconaXtraDBCluster",
                {"pxc": {"configuration": "[mysqld]\ninnodb_doublewrite=0\n"}},
            ),
            "warning spec.pxc.configuration",
        ),
        (
            thing(
                "pxc.percona.com/v1/PerconaXtraDBCluster",
                {"pxc": {"configuration": "[mysqld]\ninnodb_flush_log_at_trx_commit = 2\n"}},
            ),
            "",
        ),
        (
            thing("mysql.oracle.com/v2/InnoDBCluster", {"mycnf": "[mysqld]\ndefault-storage-engine = MyISAM\n"}),
            "error spec.mycnf",
        ),
        (
            thing("k8s.mariadb.com/v1alpha1/MariaDB", {"myCnf": "[mariadb]\ntransaction-isolation=READ-UNCOMMITTED\n"}),
            "error spec.myCnf",
        ),
        (deployment("postgres:18", args=["-c", "fsync=off"]), "error spec.template.spec.containers[main].args"),
        (deployment("postgres:18", args=["-c", "fsync=on", "-cwork_mem=4MB"]), ""),
        (
            deployment("postgres:18", command=["postgres", "--fsync=off"]),
            "error spec.template.spec.containers[main].command",
        ),
        (
            deployment("mysql:9", args=["--innodb-flush-log-at-trx-commit=2"]),
            "warning spec.template.spec.containers[main].args",
        ),
        (deployment("acme/orders:1", args=["-c", "fsync=off"]), ""),
    ],
)
def test_a_database_that_is_told_to_forget_its_promises_is_found(one: Thing, expected: str, tmp_path: Path) -> None:
    """Whoever runs it; where other machines have each row already, one may be slow to write it down."""
    found = said(transactional.RULE, tmp_path, one)
    assert [" ".join(line.split()[::2]) for line in found] == ([expected] if expected else [])


def test_a_mounted_file_of_settings_is_read(tmp_path: Path) -> None:
    """Comments in it say nothing, and files that the database does not mount are another's."""
    one = deployment("postgres:18", volumes=[{"name": "c", "configMap": {"name": "conf"}}])
    bad, good = "fsync = off   # faster\n", "#fsync = off\nfsync = on\n"
    assert said(transactional.RULE, tmp_path, one, settings("conf", postgresql_conf=bad)) == [
        "error ConfigMap/shop/conf data[postgresql.conf]"
    ]
    assert said(transactional.RULE, tmp_path, one, settings("conf", postgresql_conf=good)) == []
    assert said(transactional.RULE, tmp_path, one, settings("other", postgresql_conf=bad)) == []


def cassandra(*sizes: int, soft: bool = False) -> Thing:
    """Write a cluster of datacenters of these sizes."""
    centres = [{"metadata": {"name": f"dc{number}"}, "size": size} for number, size in enumerate(sizes)]
    spec: Thing = {"cassandra": {"datacenters": centres}}
    if soft:
        spec["cassandra"]["softPodAntiAffinity"] = True
    return thing("k8ssandra.io/v1alpha1/K8ssandraCluster", spec)


@pytest.mark.parametrize(
    ("one", "severities"),
    [
        (cassandra(3), []),
        (cassandra(3, 6), []),
        (cassandra(1), ["error"]),
        (cassandra(1, 3), ["warning"]),
        (cassandra(2), ["warning"]),
        (cassandra(3, soft=True), ["warning"]),
        (thing("cassandra.datastax.com/v1beta1/CassandraDatacenter", {"size": 1}), ["error"]),
        (
            thing(
                "cassandra.datastax.com/v1beta1/CassandraDatacenter", {"size": 3, "allowMultipleNodesPerWorker": True}
            ),
            ["warning"],
        ),
        (thing("scylla.scylladb.com/v1/ScyllaCluster", {"datacenter": {"racks": [{"members": 1}]}}), ["error"]),
        (thing("scylla.scylladb.com/v1/ScyllaCluster", {"datacenter": {"racks": [{"members": 1}] * 3}}), []),
        (thing("scylla.scylladb.com/v1/ScyllaCluster", {}), []),
        (deployment("cassandra:5"), []),
    ],
)
def test_writes_are_spread_over_machines(one: Thing, severities: list[str], tmp_path: Path) -> None:
    """One node is none, two have no majority, and several on a machine share its end; a bare one is another rule's."""
    assert [line.split()[0] for line in said(write_heavy.RULE, tmp_path, one)] == severities
