"""How often declared consumers are given an event that they do not handle, and what becomes of it then."""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from fairway.estate.handed_on import at, handed_on, plain
from fairway.estate.index import Estate
from fairway.estate.node import Node
from fairway.estate.resource import Resource

ENDLESS: Final = "is given an event that always fails again and again, without end"
ONCE: Final = "gives up an event at its first error"
KNATIVE: Final = ("eventing.knative.dev", "messaging.knative.dev")
BY_DEFAULT: Final = ("DefaultComponentInboundRetryPolicy", "DefaultPubsubComponentInboundRetryPolicy")
"""Dapr's names for the policies that hold for consumers which name none."""
CONNECTORS: Final = (  # kind, group, and the key of spec with what is handed on to Kafka Connect
    ("KafkaConnector", "kafka.strimzi.io", "config"),
    ("Connector", "platform.confluent.io", "configs"),
)
SQS_OF_CROSSPLANE: Final = ("sqs.aws.upbound.io", "sqs.aws.m.upbound.io")
_PARKED: Final = re.compile(r"dead|(?<![a-z])(dlq|dlt|dlx)(?![a-z])", re.IGNORECASE)


class Delivery(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A consumer whose tries have no end, or of which there is one alone."""

    node: Node
    key: str
    says: str
    fix: str
    arguable: bool = False  # a cloud's queue may be some tool's, and forgets in the end


def faulty_deliveries(estate: Estate) -> Iterator[Delivery]:
    """Give the consumers that are tried for ever or once, as far as an object says so; what code says is not seen."""
    yield from _jetstream(estate)
    yield from _rabbitmq(estate)
    yield from _knative(estate)
    yield from _dapr(estate)
    yield from _connectors(estate)
    yield from _sqs(estate)
    yield from _pubsub(estate)


def _jetstream(estate: Estate) -> Iterator[Delivery]:
    for one in estate.of_kind("Consumer", "jetstream.nats.io"):
        policy, tries = one.spec.text("ackPolicy"), one.spec.number("maxDeliver") or -1
        if policy == "none":
            says = f"it {ONCE}: ackPolicy none takes every event as handled once it is sent."
            yield Delivery(node=one.spec, key="ackPolicy", says=says, fix="Set ackPolicy: explicit, and maxDeliver.")
        elif policy and tries <= 1:
            says = f"it {ONCE}: its maxDeliver is 1." if tries == 1 else f"it {ENDLESS}: no maxDeliver."
            fix = "Set maxDeliver and backoff, and park what reaches the limit."
            yield Delivery(node=one.spec, key="maxDeliver", says=says, fix=fix)


def _rabbitmq(estate: Estate) -> Iterator[Delivery]:
    """Give queues whose limit is taken away; without a word quorum queues have one, and classic ones have none."""
    fix = "Give it a number, and a dead-letter exchange for what reaches it."
    for kind, where, key in (("Policy", "definition", "delivery-limit"), ("Queue", "arguments", "x-delivery-limit")):
        for one in estate.of_kind(kind, "rabbitmq.com"):
            settings = one.spec.mapping(where)
            if handed_on(settings, key).startswith("-"):
                says = f"whoever reads there {ENDLESS}: the limit of deliveries is off."
                yield Delivery(node=settings, key=key, says=says, fix=fix)


def _knative(estate: Estate) -> Iterator[Delivery]:
    """Give deliveries without a second try. A Broker that says something of delivery has no default for the rest."""
    for kind in ("Broker", "Trigger", "Subscription", "Channel", "InMemoryChannel", "KafkaChannel"):
        for one in estate.of_kind(kind, *KNATIVE):
            delivery = one.spec.mapping("delivery")
            none = delivery.has("retry") and delivery.number("retry") == 0
            if delivery and (none or (kind == "Broker" and not delivery.has("retry"))):
                says = f"it {ONCE}: it is told how to deliver, and not to retry."
                fix = "Set delivery.retry, backoffPolicy: exponential and backoffDelay."
                yield Delivery(node=delivery, key="retry", says=says, fix=fix)


def _dapr(estate: Estate) -> Iterator[Delivery]:
    for one in estate.of_kind("Resiliency", "dapr.io"):
        retries = one.spec.mapping("policies").mapping("retries")
        components = one.spec.mapping("targets").mapping("components")
        named = [plain(at(value, "inbound", "retry")) for value in components.value.values()]
        wanted = {*filter(None, named), *(name.lower() for name in BY_DEFAULT)}
        for name in retries.value:
            if name.lower() in wanted and handed_on(retries.mapping(name), "maxRetries") in {"", "-1"}:
                says = f"what is told to retry by '{name}' {ENDLESS}: it has no maxRetries."
                fix = "Give it maxRetries, and its Subscription a deadLetterTopic."
                yield Delivery(node=retries.mapping(name), key="maxRetries", says=says, fix=fix)


def _connectors(estate: Estate) -> Iterator[Delivery]:
    """Give connectors that read topics and drop what they cannot handle. Those that stop instead lose nothing."""
    for kind, group, where in CONNECTORS:
        for one in estate.of_kind(kind, group):
            config = one.spec.mapping(where)
            reads = config.has("topics") or config.has("topics.regex")
            drops = handed_on(config, "errors.tolerance") == "all"
            if reads and drops and not config.has("errors.deadletterqueue.topic.name"):
                says = "it drops an event that it cannot handle, and nobody ever sees it again."
                fix = "Give errors.deadletterqueue.topic.name a topic."
                yield Delivery(node=config, key="errors.tolerance", says=says, fix=fix)


def _sqs(estate: Estate) -> Iterator[Delivery]:
    """Give queues of SQS without a redrive policy; those to which others send what failed need none."""
    queues = [(one, one.spec) for one in estate.of_kind("Queue", "sqs.services.k8s.aws")]
    queues += [(one, one.spec.mapping("forProvider")) for one in estate.of_kind("Queue", *SQS_OF_CROSSPLANE)]
    policies = estate.of_kind("QueueRedrivePolicy", *SQS_OF_CROSSPLANE)
    apart = {one.spec.mapping("forProvider").mapping("queueUrlRef").text("name") for one in policies}
    texts = [spec.text("redrivePolicy") for _, spec in queues]
    texts += [one.spec.mapping("forProvider").text("redrivePolicy") for one in policies]
    targets = set(re.findall(r"[\w.-]+", " ".join(texts)))
    for one, spec in queues:
        names = {one.name, spec.text("queueName") or spec.text("name")}
        parks = spec.has("redriveAllowPolicy") or any(map(_PARKED.search, names)) or not targets.isdisjoint(names)
        if not spec.has("redrivePolicy") and one.name not in apart and not parks:
            says = f"whoever reads it {ENDLESS}, until the queue forgets it: it has no redrive policy."
            fix = "Give redrivePolicy a dead-letter queue and a maxReceiveCount."
            yield Delivery(node=spec, key="redrivePolicy", says=says, fix=fix, arguable=True)


def _pubsub(estate: Estate) -> Iterator[Delivery]:
    for one in estate.of_kind("PubSubSubscription", "pubsub.cnrm.cloud.google.com"):
        spec = one.spec
        if _read_by_the_cloud(spec) or _of_the_parked(one):
            continue
        hasty = "" if spec.has("retryPolicy") else ", and at once, without a pause"
        if not spec.has("deadLetterPolicy"):
            says = f"whoever reads it {ENDLESS}{hasty}, until the subscription forgets it."
            fix = "Give spec.deadLetterPolicy maxDeliveryAttempts, and spec.retryPolicy a back-off."
            yield Delivery(node=spec, key="deadLetterPolicy", says=says, fix=fix, arguable=True)
        elif hasty:
            says = "whoever reads it is given an event again at once, without a pause that grows."
            fix = "Give spec.retryPolicy minimumBackoff and maximumBackoff."
            yield Delivery(node=spec, key="retryPolicy", says=says, fix=fix, arguable=True)


def _read_by_the_cloud(spec: Node) -> bool:
    return spec.has("bigqueryConfig") or spec.has("cloudStorageConfig")


def _of_the_parked(one: Resource) -> bool:
    """Tell whether a subscription reads what was parked already."""
    topic = one.spec.mapping("topicRef")
    return any(map(_PARKED.search, (one.name, topic.text("name"), topic.text("external"))))
