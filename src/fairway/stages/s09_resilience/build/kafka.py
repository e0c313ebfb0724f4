"""Kafka: a cluster of Strimzi without ZooKeeper, a topic for each channel, a user for each service."""

from collections.abc import Iterator
from typing import Any, Final

from fairway.core.artefact import Manifest, Site
from fairway.core.profile import Landscape, Profile
from fairway.stages.s09_resilience.build import placing
from fairway.stages.s09_resilience.decisions import events
from fairway_sdk.contract.binding import Broker

NAME: Final = "kafka"
API: Final = "kafka.strimzi.io/v1"
VERSION: Final = "4.2.0"
OF_CLUSTER: Final = {"strimzi.io/cluster": NAME}
RESOURCES: Final = {"requests": {"cpu": "500m", "memory": "2Gi"}, "limits": {"cpu": "2", "memory": "2Gi"}}
SMALL: Final = {"requests": {"cpu": "50m", "memory": "384Mi"}, "limits": {"cpu": "500m", "memory": "384Mi"}}


def manifests(landscape: Landscape, site: Site) -> Iterator[Manifest]:
    """Build the cluster, and all that is on it."""
    yield placing.certificate(landscape, NAME, ["kafka-kafka-bootstrap", "*.kafka-kafka-brokers"])
    yield placing.manifest("kafka", _cluster(landscape))
    yield placing.manifest("kafkanodepool", _servers(landscape))
    for channel in landscape.channels:
        yield placing.manifest(f"kafkatopic-{channel}", _topic(landscape, channel), placing.CHANNEL)
    for profile in placing.talking(landscape):
        yield placing.login(landscape, site, NAME, profile.name)
        yield placing.manifest(f"kafkauser-{profile.name}", _user(landscape, profile))


def _count(landscape: Landscape) -> int:
    decided = events.servers(landscape)
    return decided.value if decided is not None else 1


def _least(landscape: Landscape) -> int:
    """Tell how many copies confirm an event: one less than there are, so that one server may be down."""
    return max(1, _count(landscape) - 1)


def _cluster(landscape: Landscape) -> dict[str, Any]:
    count, least = _count(landscape), _least(landscape)
    listener = {
        "name": "tls",
        "port": 9093,
        "type": "internal",
        "tls": True,
        "authentication": {"type": "scram-sha-512"},
        "configuration": {
            "useServiceDnsDomain": True,
            "brokerCertChainAndKey": {"secretName": placing.KEYS, "certificate": "tls.crt", "key": "tls.key"},
        },
    }
    settings = {
        "auto.create.topics.enable": False,
        "default.replication.factor": count,
        "min.insync.replicas": least,
        "offsets.topic.replication.factor": count,
        "transaction.state.log.replication.factor": count,
        "transaction.state.log.min.isr": least,
    }
    return {
        "apiVersion": API,
        "kind": "Kafka",
        "metadata": placing.described(landscape, NAME),
        "spec": {
            "kafka": {
                "version": VERSION,
                "listeners": [listener],
                "authorization": {"type": "simple"},
                "config": settings,
                "rack": {"topologyKey": placing.APART},
                "template": {"pod": {"metadata": {"labels": placing.outside_mesh(landscape)}}},
                "metricsConfig": {"type": "strimziMetricsReporter", "values": {"allowList": ["kafka_.*"]}},
            },
            "entityOperator": {"topicOperator": {"resources": SMALL}, "userOperator": {"resources": SMALL}},
        },
    }


def _servers(landscape: Landscape) -> dict[str, Any]:
    disk = {"id": 0, "type": "persistent-claim", "size": placing.SIZE, "deleteClaim": False, "kraftMetadata": "shared"}
    return {
        "apiVersion": API,
        "kind": "KafkaNodePool",
        "metadata": placing.described(landscape, NAME, labels=OF_CLUSTER),
        "spec": {
            "replicas": _count(landscape),
            "roles": ["controller", "broker"],
            "storage": {"type": "jbod", "volumes": [disk]},
            "resources": RESOURCES,
        },
    }


def _topic(landscape: Landscape, channel: str) -> dict[str, Any]:
    return {
        "apiVersion": API,
        "kind": "KafkaTopic",
        "metadata": placing.described(landscape, NAME, channel, labels=OF_CLUSTER),
        "spec": {
            "topicName": placing.named(channel),
            "partitions": Broker(kind="kafka").partitions,
            "replicas": _count(landscape),
            "config": {"retention.ms": placing.kept() * 1000, "min.insync.replicas": _least(landscape)},
        },
    }


def _user(landscape: Landscape, profile: Profile) -> dict[str, Any]:
    """Let a service write what it publishes and read what it consumes, in its own group alone."""
    acls: list[dict[str, Any]] = []
    for channels, operation in ((profile.facts.publishes, "Write"), (profile.facts.consumes, "Read")):
        for channel in channels:
            topic = {"type": "topic", "name": placing.named(channel), "patternType": "literal"}
            acls.append({"resource": topic, "operations": [operation, "Describe", "DescribeConfigs"]})
    if profile.facts.consumes:
        group = {"type": "group", "name": profile.name, "patternType": "literal"}
        acls.append({"resource": group, "operations": ["Read", "Describe"]})
    password = {"secretKeyRef": {"name": f"broker-user-{profile.name}", "key": "password"}}
    return {
        "apiVersion": API,
        "kind": "KafkaUser",
        "metadata": placing.described(landscape, NAME, profile.name, labels=OF_CLUSTER),
        "spec": {
            "authentication": {"type": "scram-sha-512", "password": {"valueFrom": password}},
            "authorization": {"type": "simple", "acls": acls},
            "template": {"secret": {"metadata": {"labels": {"app.kubernetes.io/part-of": landscape.system.system}}}},
        },
    }
