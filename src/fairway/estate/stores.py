"""Which workloads are data stores: databases, caches, brokers and the like, known by image and port."""

from typing import Literal

import msgspec

from fairway.estate.container import Container
from fairway.estate.workload import Workload

COMPONENT = "app.kubernetes.io/component"
CACHES = frozenset({"cache", "session-cache", "session-store"})
"""Values of the component label that declare: this may be lost."""


class Engine(msgspec.Struct, frozen=True):
    """A kind of data store. Of an `either`, only its use tells whether it may be lost."""

    name: str
    words: tuple[str, ...]  # of images
    ports: tuple[int, ...] = ()
    keeps: Literal["data", "either", "nothing"] = "data"


ENGINES = (
    Engine("PostgreSQL", ("postgres", "postgresql", "postgis", "pgvector", "timescaledb", "spilo"), (5432,)),
    Engine("MySQL", ("mysql", "percona"), (3306,)),
    Engine("MariaDB", ("mariadb",), (3306,)),
    Engine("MongoDB", ("mongo", "mongodb"), (27017,)),
    Engine("DocumentDB", ("documentdb", "ferretdb"), (10260, 27017)),
    Engine("Cassandra", ("cassandra", "scylla", "scylladb"), (9042,)),
    Engine("CockroachDB", ("cockroach", "cockroachdb"), (26257,)),
    Engine("SQL Server", ("mssql", "sqlserver"), (1433,)),
    Engine("Oracle Database", ("oracledb",), (1521,)),
    Engine("CouchDB", ("couchdb", "couchbase"), (5984,)),
    Engine("Neo4j", ("neo4j",), (7687,)),
    Engine("ClickHouse", ("clickhouse",), (9000,)),
    Engine("InfluxDB", ("influxdb",), (8086,)),
    Engine("Prometheus", ("prometheus",), (9090,)),
    Engine("etcd", ("etcd",), (2379,)),
    Engine("ZooKeeper", ("zookeeper",), (2181,)),
    Engine("MinIO", ("minio",), (9000,)),
    Engine("Elasticsearch", ("elasticsearch",), (9200,)),
    Engine("OpenSearch", ("opensearch",), (9200,)),
    Engine("Solr", ("solr",), (8983,)),
    Engine("RabbitMQ", ("rabbitmq",), (5672,)),
    Engine("Kafka", ("kafka", "redpanda"), (9092,)),
    Engine("Pulsar", ("pulsar",), (6650,)),
    Engine("NATS", ("nats",), (4222,), "either"),
    Engine("ActiveMQ", ("activemq", "artemis"), (61616,)),
    Engine("Redis", ("redis", "valkey", "keydb", "dragonfly", "dragonflydb"), (6379,), "either"),
    Engine("Hazelcast", ("hazelcast", "infinispan", "ignite"), (5701,), "either"),
    Engine("memcached", ("memcached",), (11211,), "nothing"),
)
BROKERS = frozenset({"ActiveMQ", "Kafka", "NATS", "Pulsar", "RabbitMQ"})
"""Engines that hand messages on."""
TELLING_PORTS = {
    port: engine
    for engine in reversed(ENGINES)  # of two that share a port the better known gives the name
    for port in engine.ports
    if port in {1433, 1521, 3306, 5432, 5672, 6379, 9042, 11211, 26257, 27017, 61616}
}
"""Ports on which nothing but the store itself listens. Others are common among applications."""

WORDS = {word: engine for engine in ENGINES for word in engine.words}
FILLERS = frozenset(
    "alpine amd64 apache arm64 bitnami ce centos7 cluster "  # noqa: SIM905 - words read better without quotes
    "community cp custom data database db debian docker enterprise ha heapster kraft library local openshift oss "
    "primary "
    "replica rhel7 rhel8 rhel9 server single stack standalone store ubi ubi8 ubi9".split()
)
TOOLS = frozenset(
    "adapter admin adminer agent alertmanager api app backup "  # noqa: SIM905 - words read better without quotes
    "bouncer box bridge browser cli client commander compass connect connector console consumer controller cron "
    "curator dashboard demo dump envoy example exporter express frontend gateway gui haproxy init initializer insight "
    "inspector job keeper loader manager metrics migrate migration migrations migrator mirror monitor operator "
    "pgbouncer pgpool producer proxy proxysql pushgateway reloader rest router schema seed seeder service sidecar "
    "sync test tester tool tools twemproxy ui web worker".split()
)
SAMPLES = frozenset({"app", "demo", "example"})  # say of an image that it holds many programs, not which
CLIENTS = frozenset(
    "cqlsh etcdctl kafka-topics.sh mongo mongodump mongos mongosh "  # noqa: SIM905 - words read better without quotes
    "mysql mysqladmin mysqldump pg_dump pg_restore psql redis-benchmark redis-cli redis-sentinel sleep".split()
)
PASSING = ("/tmp", "/run", "/var/run", "/var/log", "/var/tmp", "/dev/shm")  # noqa: S108 - paths inside a stranger's container
PERSISTING_ARGUMENTS = frozenset({"--appendonly", "--save", "--aof-use-rdb-preamble"})


class Store(msgspec.Struct, frozen=True):
    """A data store that a workload runs."""

    engine: str
    container: Container
    evidence: str  # in words that follow the container's name
    may_be_lost: bool  # a cache: its content is a copy, or worth nothing tomorrow
    volumes: tuple[str, ...]  # that it writes its data to


def store_in(workload: Workload) -> Store | None:
    """Find the data store that *workload* runs, if it is one. What ends by itself is none."""
    if workload.runs_to_completion:
        return None
    for position, container in enumerate(workload.containers):
        engine, evidence = _engine(container)
        if engine is None or (position and engine.keeps != "data"):
            continue  # a cache beside an application is that one's own business
        volumes = _data_volumes(workload, container)
        keeps = bool(volumes) or not PERSISTING_ARGUMENTS.isdisjoint((*container.command, *container.arguments))
        cache = engine.keeps == "either" and (not keeps or _declared_cache(workload))
        lost = engine.keeps == "nothing" or cache
        return Store(engine.name, container, evidence, lost, volumes)
    return None


def _declared_cache(workload: Workload) -> bool:
    """Tell whether a label says that the content may be lost, or the name, while no disk says otherwise."""
    declared = {workload.resource.labels.get(COMPONENT), workload.pod_labels.get(COMPONENT)}
    lasting = bool(workload.claim_templates) or any(volume.persistent for volume in workload.volumes)
    return not declared.isdisjoint(CACHES) or ("cache" in workload.name.lower().split("-") and not lasting)


def _engine(container: Container) -> tuple[Engine | None, str]:
    """Find the engine that a container runs, and say what shows it."""
    if container.command and container.command[0].rpartition("/")[2] in CLIENTS:
        return None, ""
    words = [word for word in container.image_words if word]
    named = next((WORDS[word] for word in words if word in WORDS), None)
    numbers = {port.number for port in container.ports}
    called = [word for word in container.name.lower().split("-") if word]
    if named is None and (TOOLS - SAMPLES).isdisjoint(words) and TOOLS.isdisjoint(called):
        engine = next((WORDS[word] for word in called if word in WORDS), None)
        if engine is not None and not numbers.isdisjoint(engine.ports):
            port = next(port for port in engine.ports if port in numbers)
            return engine, f"listens on port {port} as {engine.name} does"
    if not TOOLS.isdisjoint(words):
        return None, ""
    if named is not None:
        plain = all(word in WORDS or word in FILLERS or word.isdigit() for word in words)
        runs = plain or not numbers or not numbers.isdisjoint(named.ports)
        return (named, f"runs {named.name}") if runs else (None, "")
    if TOOLS.isdisjoint(called):
        for number in sorted(filter(None, numbers)):
            if (engine := TELLING_PORTS.get(number)) is not None:
                return engine, f"listens on port {number} as {engine.name} does"
    return None, ""


def _data_volumes(workload: Workload, container: Container) -> tuple[str, ...]:
    """Name the volumes that the store can write to, those for passing files aside."""
    writable = {volume.name for volume in workload.volumes if volume.persistent or volume.source == "emptyDir"}
    writable.update(workload.claim_templates)
    return tuple(
        mount.volume
        for mount in container.mounts
        if mount.volume in writable and not mount.read_only and not mount.path.rstrip("/").startswith(PASSING)
    )
