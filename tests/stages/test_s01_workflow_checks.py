"""Checks of sagas, events and retries on objects that others wrote: what is found, and what is left alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from strangers import Thing, deployment, judged, said, thing

from fairway.stages.s01_design import events_with_compensation, eventual_consistency_retries, saga

CONSUMER: Final = "jetstream.nats.io/v1beta2/Consumer"
STREAM: Final = "jetstream.nats.io/v1beta2/Stream"
RABBIT: Final = "rabbitmq.com/v1beta1"
KNATIVE: Final = "eventing.knative.dev/v1"
SINK: Final = {"deadLetterSink": {"uri": "http://parked"}}


@pytest.mark.parametrize(
    ("kind", "spec", "expected"),
    [
        (CONSUMER, {"ackPolicy": "explicit"}, "error spec.maxDeliver"),
        (CONSUMER, {"ackPolicy": "all", "maxDeliver": -1}, "error spec.maxDeliver"),
        (CONSUMER, {"ackPolicy": "all", "maxDeliver": 1}, "error spec.maxDeliver"),
        (CONSUMER, {"ackPolicy": "all", "maxDeliver": 2}, ""),
        (CONSUMER, {"ackPolicy": "none", "maxDeliver": 5}, "error spec.ackPolicy"),
        (CONSUMER, {"ackPolicy": "explicit", "maxDeliver": 5}, ""),
        (CONSUMER, {}, ""),
        (f"{RABBIT}/Policy", {"definition": {"delivery-limit": -1}}, "error spec.definition.delivery-limit"),
        (f"{RABBIT}/Policy", {"definition": {"delivery-limit": 8}}, ""),
        (f"{RABBIT}/Policy", {"definition": {"dead-letter-exchange": "parked"}}, ""),
        (f"{RABBIT}/Queue", {"arguments": {"x-delivery-limit": -1}}, "error spec.arguments.x-delivery-limit"),
        (f"{RABBIT}/Queue", {"arguments": {"x-queue-type": "quorum"}}, ""),
        (f"{KNATIVE}/Broker", {"delivery": SINK}, "error spec.delivery.retry"),
        (f"{KNATIVE}/Broker", {"delivery": {**SINK, "retry": 10}}, ""),
        (f"{KNATIVE}/Broker", {}, ""),
        (f"{KNATIVE}/Trigger", {"delivery": SINK}, ""),
        (f"{KNATIVE}/Trigger", {"delivery": {"retry": 0}}, "error spec.delivery.retry"),
        ("messaging.knative.dev/v1/Subscription", {"delivery": {"retry": 0}}, "error spec.delivery.retry"),
        ("messaging.knative.dev/v1/Subscription", {"delivery": {"retry": 3}}, ""),
    ],
)
def test_a_declared_consumer_tries_again_and_not_for_ever(
    kind: str, spec: Thing, expected: str, tmp_path: Path
) -> None:
    """No limit and no second try are found; what is left to a default that may be sound is not."""
    found = said(eventual_consistency_retries.RULE, tmp_path, thing(kind, spec))
    assert [" ".join(line.split()[::2]) for line in found] == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("retry", "way", "count"),
    [
        ({"policy": "constant"}, "inbound", 1),
        ({"policy": "exponential", "maxRetries": -1}, "inbound", 1),
        ({"policy": "exponential", "maxRetries": 5}, "inbound", 0),
        ({"policy": "constant"}, "outbound", 0),
    ],
)
def test_what_dapr_retries_for_a_subscriber_has_an_end(
    retry: Thing,
    way: str,
    count: int,
    tmp_path: Path,
) -> None:
    """Without a number there is none; what is published, and what is called, is another matter."""
    component = {way: {"retry": "patient"}}
    spec = {"policies": {"retries": {"patient": retry}}, "targets": {"components": {"events": component}}}
    found = said(eventual_consistency_retries.RULE, tmp_path, thing("dapr.io/v1alpha1/Resiliency", spec))
    assert len(found) == count


CONNECT: Final = {"topics": "orders", "errors.tolerance": "all"}


@pytest.mark.parametrize(
    ("kind", "key"),
    [("kafka.strimzi.io/v1/KafkaConnector", "config"), ("platform.confluent.io/v1beta1/Connector", "configs")],
)
def test_a_connector_that_drops_what_it_cannot_handle_is_found(kind: str, key: str, tmp_path: Path) -> None:
    """One that stops at it, parks it, or only writes topics drops nothing."""
    parks = {**CONNECT, "errors.deadletterqueue.topic.name": "parked"}
    stops = {**CONNECT, "errors.tolerance": "none"}
    source = {"database.hostname": "db", "errors.tolerance": "all"}
    for config, count in ((CONNECT, 1), (parks, 0), (stops, 0), (source, 0)):
        assert len(said(eventual_consistency_retries.RULE, tmp_path, thing(kind, {key: config}))) == count


def test_a_queue_of_sqs_needs_a_redrive_policy(tmp_path: Path) -> None:
    """Not the queue to which others send what failed, by whichever operator."""
    sqs, upbound = "sqs.services.k8s.aws/v1alpha1/Queue", "sqs.aws.upbound.io/v1beta1"
    redrive = {"redrivePolicy": '{"deadLetterTargetArn": "arn:aws:sqs:eu-west-1:1:failed", "maxReceiveCount": 5}'}
    rule = eventual_consistency_retries.RULE
    orders, failed = thing(sqs, {"queueName": "orders"}, "orders"), thing(sqs, {"queueName": "failed"}, "failed")
    assert said(rule, tmp_path, orders) == ["warning Queue/shop/orders spec.redrivePolicy"]
    assert said(rule, tmp_path, thing(sqs, {"queueName": "orders", **redrive}), failed) == []
    assert said(rule, tmp_path, thing(sqs, {"queueName": "orders-dlq"})) == []
    assert said(rule, tmp_path, thing(sqs, {"redriveAllowPolicy": "{}"})) == []
    plain = thing(f"{upbound}/Queue", {"forProvider": {"region": "eu-west-1"}}, "orders")
    apart = thing(f"{upbound}/QueueRedrivePolicy", {"forProvider": {"queueUrlRef": {"name": "orders"}, **redrive}})
    assert len(said(rule, tmp_path, plain)) == 1
    assert said(rule, tmp_path, plain, apart) == []


def test_a_subscription_of_pubsub_needs_an_end_and_pauses(tmp_path: Path) -> None:
    """Both missing are one cause; a missing pause alone is a remark."""
    kind, rule = "pubsub.cnrm.cloud.google.com/v1beta1/PubSubSubscription", eventual_consistency_retries.RULE
    end, pause = {"deadLetterPolicy": {"maxDeliveryAttempts": 9}}, {"retryPolicy": {"minimumBackoff": "10s"}}
    assert said(rule, tmp_path, thing(kind, {})) == ["warning PubSubSubscription/shop/it spec.deadLetterPolicy"]
    assert said(rule, tmp_path, thing(kind, end)) == ["warning PubSubSubscription/shop/it spec.retryPolicy"]
    assert said(rule, tmp_path, thing(kind, {**end, **pause})) == []
    assert said(rule, tmp_path, thing(kind, {"bigqueryConfig": {"table": "a.b.c"}})) == []
    assert said(rule, tmp_path, thing(kind, {"topicRef": {"name": "dead-letters"}})) == []


def test_a_listener_to_what_is_not_there_is_found_where_others_are(tmp_path: Path) -> None:
    """By the stream's own name; another account, or no stream at all in the files, is unknown."""
    rule = events_with_compensation.RULE
    stream = thing(STREAM, {"name": "ORDERS", "account": "shop"}, "orders")
    heard, deaf = ({"streamName": name, "account": "shop"} for name in ("ORDERS", "ORDER"))
    assert said(rule, tmp_path, stream, thing(CONSUMER, heard)) == []
    assert said(rule, tmp_path, stream, thing(CONSUMER, deaf)) == ["error Consumer/shop/it spec.streamName"]
    assert said(rule, tmp_path, stream, thing(CONSUMER, {**deaf, "account": "other"})) == []
    assert said(rule, tmp_path, thing(CONSUMER, deaf)) == []


def bound(**binding: str) -> list[Thing]:
    """Write two exchanges, a queue, and a binding to it from the first."""
    spec = {"source": "placed", "destination": "mail", "destinationType": "queue", **binding}
    exchanges = [thing(f"{RABBIT}/Exchange", {"name": name}, name) for name in ("placed", "refunded")]
    other = {"source": "refunded", "destination": "mail", "destinationType": "queue"}
    bindings = [thing(f"{RABBIT}/Binding", spec, "first"), thing(f"{RABBIT}/Binding", other, "second")]
    return [*exchanges, thing(f"{RABBIT}/Queue", {"name": "mail"}, "mail"), *bindings]


@pytest.mark.parametrize(
    ("binding", "expected"),
    [
        ({}, []),
        ({"source": "amq.topic"}, ["warning Exchange/shop/placed spec.name"]),
        (
            {"source": "place"},
            ["error Binding/shop/first spec.source", "warning Exchange/shop/placed spec.name"],
        ),
        ({"destination": "mails"}, ["error Binding/shop/first spec.destination"]),
        ({"destination": "refunded", "destinationType": "exchange"}, []),
        ({"source": "placed", "vhost": "other"}, ["warning Exchange/shop/placed spec.name"]),
    ],
)
def test_exchanges_bindings_and_queues_meet(binding: dict[str, str], expected: list[str], tmp_path: Path) -> None:
    """Those that a server has by itself count, and another virtual host is another world."""
    assert sorted(said(events_with_compensation.RULE, tmp_path, *bound(**binding))) == expected


def test_what_may_have_been_meant_is_named(tmp_path: Path) -> None:
    """The nearest of those that are there; where none is near, what to do instead."""
    for source, fix in (("place", "Did you mean 'placed'?"), ("xyz", "Declare it, or name one that is there.")):
        found = judged(events_with_compensation.RULE, tmp_path, *bound(source=source))
        assert [one.fix for one in found if one.key == "spec.source"] == [fix]


@pytest.mark.parametrize("kept", ["arguments", "shovel", "amq"])
def test_an_exchange_that_is_read_otherwise_needs_no_binding(kept: str, tmp_path: Path) -> None:
    """By an exchange that takes what nobody else does, by a shovel, or by the server itself."""
    spec: Thing = {"name": "amq.audit" if kept == "amq" else "audit"}
    if kept == "arguments":
        spec["arguments"] = {"alternate-exchange": "placed"}
    things = [*bound(), thing(f"{RABBIT}/Exchange", spec, "audit")]
    if kept == "shovel":
        things.append(thing(f"{RABBIT}/Shovel", {"srcExchange": "audit"}, "away"))
    assert said(events_with_compensation.RULE, tmp_path, *things) == []


def test_the_server_that_is_named_tells_what_belongs_together(tmp_path: Path) -> None:
    """Objects of several namespaces may be about one server, and those of one namespace about several."""
    queue, binding = bound()[2], bound()[3]
    for one, cluster in ((queue, {"name": "rabbit", "namespace": "brokers"}), (binding, {"name": "rabbit"})):
        one["spec"] = {**one["spec"], "rabbitmqClusterReference": cluster}
    assert said(events_with_compensation.RULE, tmp_path, queue, binding) == []
    binding["metadata"]["namespace"] = "brokers"
    binding["spec"]["destination"] = "mails"
    assert said(events_with_compensation.RULE, tmp_path, queue, binding) == [
        "error Binding/brokers/first spec.destination"
    ]


def test_exchanges_are_left_alone_where_no_binding_is_declared(tmp_path: Path) -> None:
    """Consumers bind by themselves then."""
    exchanges = [one for one in bound() if one["kind"] != "Binding"]
    assert said(events_with_compensation.RULE, tmp_path, *exchanges) == []


@pytest.mark.parametrize(
    ("channel", "listener", "way"),
    [
        (f"{KNATIVE}/Broker", f"{KNATIVE}/Trigger", lambda name: {"broker": name}),
        (
            "messaging.knative.dev/v1/InMemoryChannel",
            "messaging.knative.dev/v1/Subscription",
            lambda name: {"channel": {"kind": "InMemoryChannel", "name": name}},
        ),
    ],
)
def test_channels_of_knative_have_listeners_and_listeners_channels(
    channel: str,
    listener: str,
    way: Callable[[str], Thing],
    tmp_path: Path,
) -> None:
    """A channel without any drops what it is sent; where no listener is declared at all, nobody can tell."""
    rule = events_with_compensation.RULE
    two = [thing(channel, {}, name) for name in ("orders", "refunds")]
    orders = thing(listener, way("orders"), "mail")
    lost = said(rule, tmp_path, *two, orders)
    assert [line.split()[1].rpartition("/")[2] for line in lost] == ["refunds"]
    assert said(rule, tmp_path, *two) == []
    assert said(rule, tmp_path, two[0], orders) == []
    deaf = said(rule, tmp_path, two[0], orders, thing(listener, way("order"), "deaf"))
    assert [line.split()[1].rpartition("/")[2] for line in deaf] == ["deaf"]


def acl(user: str, operations: list[str], topic: str, pattern: str = "literal") -> Thing:
    """Give a user rights to a topic."""
    rights = [{"resource": {"type": "topic", "name": topic, "patternType": pattern}, "operations": operations}]
    return thing(
        "kafka.strimzi.io/v1/KafkaUser",
        {"authorization": {"type": "simple", "acls": rights}},
        user,
        metadata={"labels": {"strimzi.io/cluster": "events"}},
    )


@pytest.mark.parametrize(
    ("operations", "topic", "pattern", "count"),
    [
        (["Read"], "orders", "literal", 0),
        (["All"], "ord", "prefix", 0),
        (["Read"], "*", "literal", 0),
        (["Describe"], "orders", "literal", 1),
        (["Read"], "refunds", "literal", 1),
        (["Read"], "refunds", "prefix", 1),
    ],
)
def test_a_topic_that_is_written_and_may_be_read_by_nobody_is_found(
    operations: list[str], topic: str, pattern: str, count: int, tmp_path: Path
) -> None:
    """Rights by a prefix or for all count; without any user's rights nothing is known."""
    orders = thing(
        "kafka.strimzi.io/v1/KafkaTopic", {}, "orders", metadata={"labels": {"strimzi.io/cluster": "events"}}
    )
    writer = acl("shop", ["Write"], "orders")
    found = said(events_with_compensation.RULE, tmp_path, orders, writer, acl("mail", operations, topic, pattern))
    assert found == ["warning KafkaTopic/shop/orders spec"] * count
    assert said(events_with_compensation.RULE, tmp_path, orders) == []


def test_rights_to_something_else_and_rights_that_are_denied_let_nobody_read(tmp_path: Path) -> None:
    """A group of consumers may have the topic's name."""
    orders = thing(
        "kafka.strimzi.io/v1/KafkaTopic", {}, "orders", metadata={"labels": {"strimzi.io/cluster": "events"}}
    )
    for change in ({"type": "deny"}, {"resource": {"type": "group", "name": "orders"}}):
        reader = acl("mail", ["Read"], "orders")
        reader["spec"]["authorization"]["acls"][0] |= change
        found = said(events_with_compensation.RULE, tmp_path, orders, acl("shop", ["Write"], "orders"), reader)
        assert found == ["warning KafkaTopic/shop/orders spec"]


def test_subscriptions_and_sensors_name_what_is_there(tmp_path: Path) -> None:
    """Dapr's by the component, Argo's by the event source; both are unknown where none is declared."""
    rule = events_with_compensation.RULE
    events = thing("dapr.io/v1alpha1/Component", {"type": "pubsub.redis"}, "events")
    store = thing("dapr.io/v1alpha1/Component", {"type": "state.redis"}, "store")
    mail = thing("dapr.io/v2alpha1/Subscription", {"pubsubname": "event"}, "mail")
    assert said(rule, tmp_path, events, mail) == ["error Subscription/shop/mail spec.pubsubname"]
    assert said(rule, tmp_path, store, mail) == []
    source = thing("argoproj.io/v1alpha1/EventSource", {}, "orders")
    dependencies = [{"name": name, "eventSourceName": "order"} for name in ("c", "d")]
    sensor = thing("argoproj.io/v1alpha1/Sensor", {"dependencies": dependencies}, "mail")
    assert said(rule, tmp_path, source, sensor) == ["error Sensor/shop/mail spec.dependencies[d].eventSourceName"]
    assert said(rule, tmp_path, sensor) == []


DISK: Final = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
DEVELOPMENT: Final = ["server", "start-dev"]


@pytest.mark.parametrize(
    ("one", "count"),
    [
        (deployment("temporalio/temporal:1.5", args=DEVELOPMENT), 1),
        (deployment("temporalio/temporal:1.5", args=[*DEVELOPMENT, "--db-filename", "/tmp/t.db"]), 1),  # noqa: S108
        (deployment("temporalio/temporal:1.5", args=[*DEVELOPMENT, "--db-filename=/data/t.db"], volumes=DISK), 0),
        (deployment("temporalio/server:1.29", env=[{"name": "DB", "value": "postgres12"}]), 0),
        (deployment("apache/seata-server:2.3.0"), 1),
        (deployment("apache/seata-server:2.3.0", env=[{"name": "STORE_MODE", "value": "file"}]), 1),
        (deployment("apache/seata-server:2.3.0", env=[{"name": "STORE_MODE", "value": "db"}]), 0),
        (deployment("apache/seata-server:2.3.0", volumes=DISK), 0),
        (deployment("apache/seata-server:2.3.0", volumes=[{"name": "c", "configMap": {"name": "seata"}}]), 0),
        (deployment("apache/seata-server:2.3.0", envFrom=[{"configMapRef": {"name": "seata"}}]), 0),
        (deployment("camunda/camunda-bpm-platform:7.24.0"), 1),
        (deployment("camunda/camunda-bpm-platform:7.24.0", env=[{"name": "DB_URL", "value": "jdbc:x"}]), 0),
        (deployment("quay.io/jbosstm/lra-coordinator:7.2"), 1),
        (deployment("conductoross/conductor:3", env=[{"name": "CONDUCTOR_DB_TYPE", "value": "memory"}]), 1),
        (deployment("conductoross/conductor:3", env=[{"name": "CONDUCTOR_DB_TYPE", "value": "postgres"}]), 0),
        (deployment("acme/orders:1", env=[{"name": "DB", "value": "memory"}]), 0),
        (deployment("acme/orders:1", args=["server", "start-dev"]), 0),
    ],
)
def test_a_coordinator_that_forgets_with_its_process_is_found(one: Thing, count: int, tmp_path: Path) -> None:
    """A disk or a named store lets it remember; settings that are not in the files are unknown."""
    claim = thing("v1/PersistentVolumeClaim", {"accessModes": ["ReadWriteOnce"]}, "data")
    assert len(said(saga.RULE, tmp_path, one, claim)) == count


@pytest.mark.parametrize(
    ("kind", "actors", "count"),
    [("state.in-memory", "true", 1), ("state.in-memory", "false", 0), ("state.redis", "true", 0)],
)
def test_workflows_of_dapr_need_a_store_that_lasts(kind: str, actors: str, count: int, tmp_path: Path) -> None:
    """A store in memory that holds no actors is a cache."""
    spec = {"type": kind, "version": "v1", "metadata": [{"name": "actorStateStore", "value": actors}]}
    assert len(said(saga.RULE, tmp_path, thing("dapr.io/v1alpha1/Component", spec))) == count
