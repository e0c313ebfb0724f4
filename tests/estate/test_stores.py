"""Data stores are known by what they run, not by what somebody called them."""

from pathlib import Path

import pytest

from fairway.estate.read import read
from fairway.estate.stores import Store, store_in

TEXT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: x, labels: {LABELS}}
spec:
  template:
    metadata: {labels: {app: x}}
    spec:
      containers:
        - {name: main, image: "IMAGE", MORE}
      volumes: [{name: v, emptyDir: {}}, {name: c, configMap: {name: c}}]
"""
DATA = "volumeMounts: [{name: v, mountPath: /data}]"


def store(folder: Path, image: str, more: str = "", labels: str = "") -> Store | None:
    """Read one workload and find its store."""
    text = TEXT.replace("IMAGE", image).replace("MORE", more).replace("LABELS", labels)
    (folder / "a.yaml").write_text(text)
    (workload,) = read([folder]).workloads
    return store_in(workload)


@pytest.mark.parametrize(
    ("image", "engine"),
    [
        ("postgres", "PostgreSQL"),
        ("docker.io/library/postgres:17-alpine", "PostgreSQL"),
        ("bitnami/postgresql@sha256:0000", "PostgreSQL"),
        ("registry.example.com:5000/mirror/mysql:8", "MySQL"),
        ("mongo", "MongoDB"),
        ("mcr.microsoft.com/mssql/server:2022-latest", None),
        ("confluentinc/cp-kafka:7.6.0", "Kafka"),
        ("rabbitmq:3.6.8-management", "RabbitMQ"),
        ("docker.elastic.co/elasticsearch/elasticsearch:8.1.0", "Elasticsearch"),
        ("acme/mysql_with_data:1", "MySQL"),
        ("quay.io/prometheus/prometheus:v3", "Prometheus"),
        ("oliver006/redis_exporter", None),
        ("prom/mysqld-exporter", None),
        ("mongo-express:1", None),
        ("provectuslabs/kafka-ui", None),
        ("acme/orders-service", None),
        ("acme/postgrest", None),
        ("edoburu/pgbouncer", None),
        ("", None),
    ],
)
def test_a_store_is_known_by_its_image_and_not_by_its_tools(tmp_path: Path, image: str, engine: str | None) -> None:
    """Whatever registry, tag or digest; exporters, user interfaces and poolers are none."""
    found = store(tmp_path, image)
    assert (found.engine if found else None) == engine


@pytest.mark.parametrize(
    ("image", "more", "engine"),
    [
        ("acme/catalogue:1", "ports: [{containerPort: 3306}]", "MySQL"),
        ("acme/users:1", "ports: [{containerPort: 27017}]", "MongoDB"),
        ("acme/web:1", "ports: [{containerPort: 8080}, {containerPort: 9092}]", None),
        ("acme/flask-redis:1", "ports: [{containerPort: 5000}]", None),
        ("acme/sql-proxy:1", "ports: [{containerPort: 3306}]", None),
        ("acme/x:1", "name: cloud-sql-proxy, ports: [{containerPort: 5432}]", None),
        ("postgres", "command: [pg_dump, -h, db]", None),
        ("redis", "command: [/usr/local/bin/redis-cli, monitor]", None),
    ],
)
def test_ports_and_commands_tell_what_an_image_leaves_open(
    tmp_path: Path, image: str, more: str, engine: str | None
) -> None:
    """A port on which only one thing listens is as good as a name; a client's command is none."""
    found = store(tmp_path, image, more.replace("name: cloud-sql-proxy, ", ""))
    if "cloud-sql-proxy" in more:
        text = (tmp_path / "a.yaml").read_text().replace("name: main", "name: cloud-sql-proxy")
        (tmp_path / "a.yaml").write_text(text)
        found = store_in(read([tmp_path]).workloads[0])
    assert (found.engine if found else None) == engine


@pytest.mark.parametrize(
    ("image", "more", "labels", "lost"),
    [
        ("redis", "", "", True),
        ("redis", DATA, "", False),
        ("redis", DATA, "app.kubernetes.io/component: cache", True),
        ("valkey/valkey:8", "args: [--appendonly, 'yes']", "", False),
        ("redis", "volumeMounts: [{name: v, mountPath: /tmp}]", "", True),
        ("redis", "volumeMounts: [{name: c, mountPath: /etc/redis}]", "", True),
        ("redis", "volumeMounts: [{name: v, mountPath: /data, readOnly: true}]", "", True),
        ("memcached", DATA, "", True),
        ("postgres", "", "app.kubernetes.io/component: cache", False),
    ],
)
def test_a_cache_may_be_lost_unless_it_writes_its_content_down(
    tmp_path: Path, image: str, more: str, labels: str, *, lost: bool
) -> None:
    """Redis is either; a label settles it, but makes no cache of a database."""
    found = store(tmp_path, image, more, labels=labels)
    assert found is not None
    assert found.may_be_lost is lost


def test_a_cache_beside_an_application_does_not_make_it_a_store(tmp_path: Path) -> None:
    """A database beside one does: its data is there."""
    for image, engine in (("redis", None), ("mysql", "MySQL")):
        text = TEXT.replace("IMAGE", "acme/app").replace("MORE", "").replace("LABELS", "")
        (tmp_path / "a.yaml").write_text(
            text.replace("      volumes", f"        - {{name: side, image: {image}}}\n      volumes")
        )
        found = store_in(read([tmp_path]).workloads[0])
        assert (found.engine if found else None) == engine


def test_what_runs_to_completion_is_no_store(tmp_path: Path) -> None:
    """Back-ups and migrations use the database's own image."""
    store(tmp_path, "postgres")
    text = (tmp_path / "a.yaml").read_text().replace("apps/v1", "batch/v1").replace("Deployment", "Job")
    (tmp_path / "a.yaml").write_text(text)
    (workload,) = read([tmp_path]).workloads
    assert store_in(workload) is None
