"""Checks of resilience and data read strangers' systems: equivalents count, and what cannot be known is left alone."""

from pathlib import Path

import pytest

from fairway.core.rule import Finding, Rule
from fairway.estate.read import read
from fairway.stages.s09_resilience import circuit_breakers, dead_letters
from fairway.stages.s10_data import backups, encryption_at_rest, geo_replication, reliable_store


def judge(rule: Rule, folder: Path, text: str) -> list[Finding]:
    """Let a rule judge some manifests."""
    (folder / "system.yaml").write_text(text)
    assert rule.check is not None
    return list(rule.check(read([folder])))


def said(rule: Rule, folder: Path, *texts: str) -> list[str]:
    """Say each finding in a line."""
    found = judge(rule, folder, "---\n".join(texts))
    return [f"{one.severity} {one.resource} {one.key}" for one in found]


DATABASE = """apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec:
  serviceName: db
  replicas: 1
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      containers:
      - {name: db, image: "postgres:17", volumeMounts: [{name: data, mountPath: /var/lib/postgresql/data}]}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], storageClassName: fast, resources: {requests: {storage: 1Gi}}}
"""
CLUSTER = """apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata: {name: db, namespace: shop}
spec:
  instances: 3
  storage: {size: 1Gi, storageClass: fast}
"""
DUMP = """apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, namespace: shop}
spec:
  schedule: "0 2 * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers: [{name: dump, image: "postgres:17", command: [sh, -c, "pg_dump -Fc db > /backup/db"]}]
"""
VELERO = """apiVersion: velero.io/v1
kind: Schedule
metadata: {name: all, namespace: velero}
spec:
  schedule: "0 2 * * *"
  template: {includedNamespaces: [NAMESPACE]}
"""
SCHEDULED = """apiVersion: postgresql.cnpg.io/v1
kind: ScheduledBackup
metadata: {name: db, namespace: shop}
spec: {schedule: "0 0 2 * * *", cluster: {name: db}}
"""


def test_a_plain_database_needs_something_that_copies_it(tmp_path: Path) -> None:
    """A CronJob with a dump, or a Velero Schedule for its namespace; one for another namespace is none."""
    assert said(backups.RULE, tmp_path, DATABASE) == ["error StatefulSet/shop/db spec"]
    assert said(backups.RULE, tmp_path, DATABASE, DUMP) == []
    assert said(backups.RULE, tmp_path, DATABASE, VELERO.replace("NAMESPACE", "shop")) == []
    assert said(backups.RULE, tmp_path, DATABASE, VELERO.replace("NAMESPACE", '"*"')) == []
    assert said(backups.RULE, tmp_path, DATABASE, VELERO.replace("NAMESPACE", "other")) == [
        "error StatefulSet/shop/db spec"
    ]
    tidy = DUMP.replace("pg_dump -Fc db > /backup/db", "psql -c 'vacuum'").replace("nightly", "tidy")
    assert said(backups.RULE, tmp_path, DATABASE, tidy) == ["error StatefulSet/shop/db spec"]


def test_an_operators_database_needs_an_archive_and_a_schedule(tmp_path: Path) -> None:
    """Either alone does not bring it back to a moment; both in either form do."""
    old = CLUSTER + "  backup: {barmanObjectStore: {destinationPath: 's3://b/'}}\n"
    assert said(backups.RULE, tmp_path, CLUSTER) == ["error Cluster/shop/db spec.plugins"]
    assert said(backups.RULE, tmp_path, CLUSTER, SCHEDULED) == ["error Cluster/shop/db spec.plugins"]
    assert said(backups.RULE, tmp_path, old) == ["error Cluster/shop/db spec"]
    assert said(backups.RULE, tmp_path, old, SCHEDULED) == []
    plugin = CLUSTER + (
        "  plugins:\n  - {name: barman-cloud.cloudnative-pg.io, isWALArchiver: true,"
        " parameters: {barmanObjectName: gone}}\n"
    )
    assert said(backups.RULE, tmp_path, plugin, SCHEDULED) == [
        "error Cluster/shop/db spec.plugins[barman-cloud.cloudnative-pg.io].parameters.barmanObjectName"
    ]


CACHE = """apiVersion: apps/v1
kind: Deployment
metadata: {name: sessions, namespace: shop}
spec:
  selector: {matchLabels: {app: sessions}}
  template:
    metadata: {labels: {app: sessions}}
    spec: {containers: [{name: redis, image: "redis:7"}]}
"""


@pytest.mark.parametrize(
    "rule", [backups.RULE, encryption_at_rest.RULE, geo_replication.RULE], ids=lambda rule: rule.id
)
def test_a_cache_and_a_broker_need_none_of_it(rule: Rule, tmp_path: Path) -> None:
    """What they hold may be lost, or passes."""
    broker = CACHE.replace("sessions", "events").replace("redis:7", "rabbitmq:4-management")
    assert said(rule, tmp_path, CACHE, broker) == []


CLASS = """apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: fast}
provisioner: ebs.csi.aws.com
parameters: {type: gp3}
"""


def test_a_class_is_judged_once_where_data_is_on_it(tmp_path: Path) -> None:
    """Two databases on one class are one cause; a class that encrypts, or that nobody uses, is none."""
    open_class = ["error StorageClass/fast parameters"]
    assert said(encryption_at_rest.RULE, tmp_path, DATABASE, CLUSTER, CLASS) == open_class
    assert said(encryption_at_rest.RULE, tmp_path, CLASS) == []
    assert said(encryption_at_rest.RULE, tmp_path, DATABASE, CLASS.replace("gp3", "gp3, encrypted: 'true'")) == []
    assert said(encryption_at_rest.RULE, tmp_path, DATABASE, CLASS.replace("ebs.csi.aws", "pd.csi.storage.gke")) == []
    assert said(encryption_at_rest.RULE, tmp_path, DATABASE) == [], "the class may be anywhere"


def test_a_follower_of_nobody_is_found(tmp_path: Path) -> None:
    """Its source is not described; a single plain database is a warning, as files tell nothing of regions."""
    follows = CLUSTER + "  replica: {enabled: true, source: elsewhere}\n  externalClusters: [{name: elsewhre}]\n"
    assert said(geo_replication.RULE, tmp_path, follows) == ["error Cluster/shop/db spec.replica.source"]
    assert said(geo_replication.RULE, tmp_path, DATABASE) == ["warning StatefulSet/shop/db spec.replicas"]
    assert said(geo_replication.RULE, tmp_path, DATABASE.replace("replicas: 1", "replicas: 3")) == []


def test_a_database_that_lets_in_everybody_is_found(tmp_path: Path) -> None:
    """By a setting of its image, or by its list of who may connect."""
    trusting = DATABASE.replace(
        'image: "postgres:17",', 'image: "postgres:17", env: [{name: POSTGRES_HOST_AUTH_METHOD, value: trust}],'
    )
    [line] = said(reliable_store.RULE, tmp_path, trusting)
    assert line.startswith("error StatefulSet/shop/db")
    listed = CLUSTER + "  postgresql: {pg_hba: ['host all all 0.0.0.0/0 trust', 'hostssl all all all md5']}\n"
    assert said(reliable_store.RULE, tmp_path, listed) == ["error Cluster/shop/db spec.postgresql.pg_hba"]
    assert said(reliable_store.RULE, tmp_path, DATABASE, CLUSTER) == []


SERVICE = """apiVersion: v1
kind: Service
metadata: {name: stock, namespace: shop}
spec: {selector: {app: stock}, ports: [{name: grpc, port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: stock, namespace: shop}
spec:
  selector: {matchLabels: {app: stock}}
  template:
    metadata: {labels: {app: stock}}
    spec: {containers: [{name: stock, image: "example/stock:1", ports: [{containerPort: 80}]}]}
"""
RULE_OF_MESH = """apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: stock, namespace: shop}
spec: {host: HOST, trafficPolicy: {outlierDetection: {consecutive5xxErrors: 5}}}
"""


def test_breakers_of_every_kind_count(tmp_path: Path) -> None:
    """Istio's by any spelling of the host, Linkerd's, Kuma's, and one in callers' settings where there is no mesh."""
    broken = ["error Service/shop/stock spec"]
    assert said(circuit_breakers.RULE, tmp_path, SERVICE) == broken
    for host in ("stock", "stock.shop", "stock.shop.svc.cluster.local", '"*.local"', '"*.shop.svc.cluster.local"'):
        assert said(circuit_breakers.RULE, tmp_path, SERVICE, RULE_OF_MESH.replace("HOST", host)) == [], host
    for host in ("orders", '"*.other.svc.cluster.local"'):
        assert said(circuit_breakers.RULE, tmp_path, SERVICE, RULE_OF_MESH.replace("HOST", host)) == broken, host
    plain = RULE_OF_MESH.replace("HOST", "stock").replace(
        "outlierDetection: {consecutive5xxErrors: 5}", "tls: {mode: DISABLE}"
    )
    assert said(circuit_breakers.RULE, tmp_path, SERVICE, plain) == [
        "error DestinationRule/shop/stock spec.trafficPolicy"
    ]
    linkerd = SERVICE.replace(
        "name: stock, namespace: shop}",
        "name: stock, namespace: shop, annotations: {balancer.linkerd.io/failure-accrual: consecutive}}",
        1,
    )
    assert said(circuit_breakers.RULE, tmp_path, linkerd) == []
    settings = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: shop}\n"
        "data: {application.yaml: 'resilience4j.circuitbreaker: {}'}\n"
    )
    assert said(circuit_breakers.RULE, tmp_path, SERVICE, settings) == []


def test_what_stores_data_or_stands_at_the_entrance_is_not_called_by_services(tmp_path: Path) -> None:
    """A database is reached by connections, an entrance by people."""
    database = (
        "apiVersion: v1\nkind: Service\nmetadata: {name: db, namespace: shop}\n"
        "spec: {selector: {app: db}, ports: [{port: 5432}]}\n"
    )
    assert said(circuit_breakers.RULE, tmp_path, DATABASE, database) == []
    entrance = SERVICE.replace("spec: {selector", "spec: {type: LoadBalancer, selector")
    assert said(circuit_breakers.RULE, tmp_path, entrance) == []


TOPIC = """apiVersion: kafka.strimzi.io/v1
kind: KafkaTopic
metadata: {name: NAME, namespace: shop}
spec: {partitions: 3}
"""


def test_dead_letters_at_the_broker_in_settings_or_in_an_alert_count(tmp_path: Path) -> None:
    """A queue's own argument, a variable of a consumer, an alert on what it parks."""
    rabbit = CACHE.replace("sessions", "events").replace("redis:7", "rabbitmq:4-management")
    assert said(dead_letters.RULE, tmp_path, rabbit) == ["error Deployment/shop/events spec"]
    named = SERVICE.replace("ports: [{containerPort", "env: [{name: DLX_NAME, value: failed}], ports: [{containerPort")
    assert said(dead_letters.RULE, tmp_path, rabbit, named) == []
    topic = TOPIC.replace("NAME", "placed")
    assert said(dead_letters.RULE, tmp_path, topic) == ["warning KafkaTopic/shop/placed spec.topicName"]
    assert (
        said(dead_letters.RULE, tmp_path, TOPIC.replace("NAME", "placed.dlq"), TOPIC.replace("NAME", "connect-offsets"))
        == []
    )
    alert = (
        "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: parked, namespace: shop}\n"
        "spec: {groups: [{name: a, rules: [{alert: DeadLetters, expr: 'dead_letters{channel=\"placed\"} > 0'}]}]}\n"
    )
    assert said(dead_letters.RULE, tmp_path, topic, alert) == []
    assert said(dead_letters.RULE, tmp_path, TOPIC.replace("NAME", "sent"), alert) == [
        "warning KafkaTopic/shop/sent spec.topicName"
    ]
    assert said(dead_letters.RULE, tmp_path, SERVICE) == []
