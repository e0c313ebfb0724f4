"""The check of periods on objects that others wrote: those without effect, and what is kept for ever."""

from pathlib import Path
from typing import Final

import pytest
from strangers import Thing, deployment, said, settings, thing

from fairway.stages.s10_data import retention

STREAM: Final = "jetstream.nats.io/v1beta2/Stream"
TOPIC: Final = "kafka.strimzi.io/v1/KafkaTopic"
QUEUE: Final = "rabbitmq.com/v1beta1/Queue"
TABLE: Final = "dynamodb.services.k8s.aws/v1alpha1/Table"
POLICY: Final = "stackconfigpolicy.k8s.elastic.co/v1alpha1/StackConfigPolicy"
PXC: Final = "pxc.percona.com/v1/PerconaXtraDBCluster"
CLUSTER: Final = "postgresql.cnpg.io/v1/Cluster"
OBJECTS: Final = "barmancloud.cnpg.io/v1/ObjectStore"
FOR_EVER: Final = {"retention.ms": -1}
AS_A_STREAM: Final = {"x-queue-type": "stream"}


def cycle(**phases: Thing) -> Thing:
    """Write a lifecycle of indices."""
    return thing(POLICY, {"elasticsearch": {"indexLifecyclePolicies": {"logs": {"phases": phases}}}})


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (thing(TABLE, {"timeToLive": {"attributeName": "gone", "enabled": False}}), "error spec.timeToLive.enabled"),
        (thing(TABLE, {"timeToLive": {"attributeName": "gone", "enabled": True}}), ""),
        (thing(TABLE, {"timeToLive": {"enabled": False}}), ""),
        (thing(TABLE, {}), ""),
        (thing(TOPIC, {"config": FOR_EVER}), "warning spec.config[retention.ms]"),
        (thing(TOPIC, {"config": {"retention.ms": "-1"}}), "warning spec.config[retention.ms]"),
        (thing(TOPIC, {"config": {**FOR_EVER, "cleanup.policy": "compact"}}), ""),
        (thing(TOPIC, {"config": {**FOR_EVER, "retention.bytes": 1_000_000}}), ""),
        (thing(TOPIC, {"config": {"retention.ms": 604800000}}), ""),
        (thing(TOPIC, {}), ""),
        (
            thing("kafka.strimzi.io/v1/Kafka", {"kafka": {"config": {"log.retention.hours": -1}}}),
            "warning spec.kafka.config[log.retention.hours]",
        ),
        (thing("kafka.strimzi.io/v1/Kafka", {"kafka": {"config": {"log.retention.hours": 168}}}), ""),
        (thing(STREAM, {"name": "S"}), "warning spec.maxAge"),
        (thing(STREAM, {"name": "S", "retention": "limits", "maxMsgs": -1}), "warning spec.maxAge"),
        (thing(STREAM, {"name": "S", "maxAge": "24h"}), ""),
        (thing(STREAM, {"name": "S", "maxBytes": 1_000_000}), ""),
        (thing(STREAM, {"name": "S", "retention": "workqueue"}), ""),
        (thing(STREAM, {"name": "S", "mirror": {"name": "T"}}), ""),
        (thing(QUEUE, {"arguments": AS_A_STREAM}), "warning spec.arguments"),
        (thing(QUEUE, {"type": "stream"}), "warning spec.arguments"),
        (thing(QUEUE, {"arguments": {**AS_A_STREAM, "x-max-age": "7D"}}), ""),
        (thing(QUEUE, {"type": "quorum"}), ""),
        (thing("cloudwatchlogs.services.k8s.aws/v1alpha1/LogGroup", {"name": "a"}), "warning spec.retentionDays"),
        (thing("cloudwatchlogs.services.k8s.aws/v1alpha1/LogGroup", {"name": "a", "retentionDays": 30}), ""),
        (cycle(hot={}), "warning spec.elasticsearch.indexLifecyclePolicies.logs"),
        (cycle(hot={}, delete={"min_age": "30d"}), ""),
        (
            thing(PXC, {"backup": {"schedule": [{"name": "night", "schedule": "0 0 * * *"}]}}),
            "warning spec.backup.schedule[night].retention",
        ),
        (thing(PXC, {"backup": {"schedule": [{"name": "night", "keep": 7}]}}), ""),
        (thing(PXC, {"backup": {"schedule": [{"name": "night", "retention": {"count": 7}}]}}), ""),
        (
            thing(
                "psmdb.percona.com/v1/PerconaServerMongoDB", {"backup": {"tasks": [{"name": "day", "enabled": True}]}}
            ),
            "warning spec.backup.tasks[day].retention",
        ),
        (
            thing(
                "psmdb.percona.com/v1/PerconaServerMongoDB", {"backup": {"tasks": [{"name": "d", "enabled": False}]}}
            ),
            "",
        ),
        (
            thing(
                "k8ssandra.io/v1alpha1/K8ssandraCluster", {"medusa": {"storageProperties": {"storageProvider": "s3"}}}
            ),
            "warning spec.medusa.storageProperties.maxBackupAge",
        ),
        (
            thing("k8ssandra.io/v1alpha1/K8ssandraCluster", {"medusa": {"storageProperties": {"maxBackupCount": 9}}}),
            "",
        ),
        (
            thing(CLUSTER, {"backup": {"barmanObjectStore": {"destinationPath": "s3://b/"}}}),
            "warning spec.backup.retentionPolicy",
        ),
        (thing(CLUSTER, {"backup": {"barmanObjectStore": {}, "retentionPolicy": "30d"}}), ""),
    ],
)
def test_what_is_kept_for_ever_is_found(one: Thing, expected: str, tmp_path: Path) -> None:
    """Switched-off deletion is an error; the rest is a remark, as files do not tell whose data it is."""
    found = said(retention.RULE, tmp_path, one)
    assert [" ".join(line.split()[::2]) for line in found] == ([expected] if expected else [])


def test_a_policy_may_give_streams_an_end(tmp_path: Path) -> None:
    """Which queues it is about is a pattern of the server's."""
    policy = thing("rabbitmq.com/v1beta1/Policy", {"pattern": ".*", "definition": {"max-age": "7D"}})
    assert said(retention.RULE, tmp_path, thing(QUEUE, {"arguments": AS_A_STREAM}), policy) == []
    policy["spec"]["definition"] = {"max-age": "7D", "max-length-bytes": 1000}
    assert said(retention.RULE, tmp_path, thing(QUEUE, {"arguments": AS_A_STREAM}), policy) == []
    policy["spec"]["definition"] = {"message-ttl": 1000}
    assert len(said(retention.RULE, tmp_path, thing(QUEUE, {"arguments": AS_A_STREAM}), policy)) == 1


def test_an_archive_of_changes_has_an_end_where_it_is_written(tmp_path: Path) -> None:
    """A cluster that only reads it leaves it to the one that writes."""
    plugin = {"name": "barman-cloud.cloudnative-pg.io", "parameters": {"barmanObjectName": "it"}}
    writes = thing(CLUSTER, {"plugins": [{**plugin, "isWALArchiver": True}]}, "db")
    reads = thing(CLUSTER, {"externalClusters": [{"name": "far", "plugin": plugin}]}, "db")
    store = thing(OBJECTS, {"configuration": {"destinationPath": "s3://b"}})
    assert said(retention.RULE, tmp_path, writes, store) == ["warning ObjectStore/shop/it spec.retentionPolicy"]
    assert said(retention.RULE, tmp_path, reads, store) == []
    store["spec"]["retentionPolicy"] = "30d"
    assert said(retention.RULE, tmp_path, writes, store) == []


LOKI: Final = "schema_config: {configs: [{store: tsdb}]}\n"
PERIOD: Final = "limits_config: {retention_period: 30d}\n"


@pytest.mark.parametrize(
    ("more", "severity"),
    [
        ("", "warning"),
        (PERIOD, "error"),
        (f"{PERIOD}compactor: {{retention_enabled: false}}\n", "error"),
        (f"{PERIOD}compactor: {{retention_enabled: true}}\n", ""),
        (f"{PERIOD}compactor: {{retention_enabled: '${{RETENTION}}'}}\n", ""),
        (f"{PERIOD}table_manager: {{retention_deletes_enabled: true}}\n", ""),
        ("table_manager: {retention_deletes_enabled: true, retention_period: 720h}\n", ""),
        ("compactor: {retention_enabled: true}\nlimits_config: {retention_period: 0s}\n", "warning"),
        ("compactor: {retention_enabled: true}\nlimits_config: {retention_stream: [{period: 1d}]}\n", ""),
        ("runtime_config: {file: /etc/overrides.yaml}\n", ""),
    ],
)
def test_loki_deletes_what_it_is_given_a_period_for(more: str, severity: str, tmp_path: Path) -> None:
    """A period without the compactor has no effect; periods by table, by stream and at run time are periods."""
    found = said(retention.RULE, tmp_path, settings("loki", config_yaml=LOKI + more))
    assert [line.split()[0] for line in found] == ([severity] if severity else [])


def test_loki_may_be_told_on_its_command_line(tmp_path: Path) -> None:
    """Then the file alone says nothing; and another program's file is not Loki's."""
    flags = deployment("grafana/loki:3.5.0", args=["-compactor.retention-enabled=true"])
    assert said(retention.RULE, tmp_path, settings("loki", config_yaml=LOKI + PERIOD), flags) == []
    assert said(retention.RULE, tmp_path, settings("app", config_yaml="about: schema_config\n")) == []
