"""Declared channels and those who listen to them: who listens to nothing, and to whom nobody listens."""

import re
from collections.abc import Callable, Hashable, Iterable, Iterator
from itertools import islice
from typing import Final

import msgspec

from fairway.core.errors import did_you_mean
from fairway.estate.index import Estate
from fairway.estate.node import Node
from fairway.estate.resource import Resource

RABBITMQ: Final = "rabbitmq.com"
KNATIVE: Final = "messaging.knative.dev"
KNATIVE_CHANNELS: Final = ("Channel", "InMemoryChannel", "KafkaChannel", "NatsJetStreamChannel")
STRIMZI: Final = "kafka.strimzi.io"
CLUSTER: Final = "strimzi.io/cluster"
PREDEFINED: Final = ("", "amq.")  # exchanges that RabbitMQ has by itself
PARKED: Final = re.compile(r"dead|(?<![a-z])(dlq|dlt|dlx)(?![a-z])", re.IGNORECASE)
COMPARED: Final = 50
DECLARE: Final = "Declare it, or name one that is there."


class Mismatch(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A listener whose channel is not there, or a channel that nothing listens to."""

    node: Node
    key: str
    says: str
    fix: str
    arguable: bool = False


class Declared:
    """Objects by where they are and what they are called."""

    def __init__(
        self,
        estate: Estate,
        resources: Iterable[Resource],
        place: Callable[[Resource], Hashable],
        name: Callable[[Resource], str],
    ) -> None:
        """Take what is declared; *place* tells what a name is unique in."""
        self.estate = estate
        self.by_place: dict[Hashable, dict[str, list[Resource]]] = {}
        for one in resources:
            self.by_place.setdefault(place(one), {}).setdefault(name(one), []).append(one)

    def lacks(self, place: Hashable, name: str, seen_from: Resource) -> list[str] | None:
        """Give names that may have been meant where *name* is not there; None where it is, or where nothing is at all.

        They begin alike and are few, as each is compared letter by letter.
        """
        there = self.by_place.get(place, {})
        if self._seen(there.get(name, ()), seen_from) or not any(
            self._seen(ones, seen_from) for ones in there.values()
        ):
            return None
        alike = (other for other in there if other[:2] == name[:2] and self._seen(there[other], seen_from))
        return list(islice(alike, COMPARED))

    def _seen(self, ones: Iterable[Resource], seen_from: Resource) -> bool:
        return any(self.estate.visible(one, seen_from) for one in ones)


def mismatches(estate: Estate) -> Iterator[Mismatch]:
    """Give listeners and channels that do not meet. Where only one side is declared, the other is code's business."""
    yield from _jetstream(estate)
    yield from _rabbitmq(estate)
    yield from _knative(estate)
    yield from _kafka(estate)
    yield from _by_name(estate)


def _deaf(node: Node, key: str, what: str, others: Iterable[str]) -> Mismatch:
    """Say that somebody listens to what is not there."""
    name = node.text(key)
    says = f"it listens to {what} '{name}', which is not there, and hears nothing."
    return Mismatch(node=node, key=key, says=says, fix=did_you_mean(name, sorted(others)) or DECLARE)


def _namespace(one: Resource) -> Hashable:
    return one.namespace


def _name(one: Resource) -> str:
    return one.name


def _jetstream(estate: Estate) -> Iterator[Mismatch]:
    def account(one: Resource) -> Hashable:
        return one.spec.text("account"), one.spec.texts("servers")

    streams = estate.of_kind("Stream", "jetstream.nats.io")
    declared = Declared(estate, streams, account, lambda one: one.spec.text("name") or one.name)
    for one in estate.of_kind("Consumer", "jetstream.nats.io"):
        if (others := declared.lacks(account(one), one.spec.text("streamName"), one)) is not None:
            yield _deaf(one.spec, "streamName", "stream", others)


def _rabbitmq(estate: Estate) -> Iterator[Mismatch]:
    def virtual_host(one: Resource) -> Hashable:
        cluster = one.spec.mapping("rabbitmqClusterReference")
        return cluster.text("namespace") or one.namespace, cluster.text("name"), one.spec.text("vhost", "/")

    def known_as(one: Resource) -> str:
        return one.spec.text("name") or one.name

    bindings = estate.of_kind("Binding", RABBITMQ)
    exchanges = estate.of_kind("Exchange", RABBITMQ)
    declared = Declared(estate, exchanges, virtual_host, known_as)
    queues = Declared(estate, estate.of_kind("Queue", RABBITMQ), virtual_host, known_as)
    for one in bindings:
        source = one.spec.text("source")
        own = not source or source.startswith(PREDEFINED[1])
        if not own and (others := declared.lacks(virtual_host(one), source, one)) is not None:
            yield _deaf(one.spec, "source", "exchange", others)
        targets = declared if one.spec.text("destinationType") == "exchange" else queues
        target = one.spec.text("destination")
        if (others := targets.lacks(virtual_host(one), target, one)) is not None:
            says = f"it leads to '{target}', which is not there: nobody hears what it passes on."
            fix = did_you_mean(target, sorted(others)) or DECLARE
            yield Mismatch(node=one.spec, key="destination", says=says, fix=fix)
    bound = Declared(estate, bindings, virtual_host, lambda one: one.spec.text("source"))
    moved = {one.spec.text("srcExchange") for one in estate.of_kind("Shovel", RABBITMQ)}
    for one in exchanges:
        name = known_as(one)
        kept = (
            name in moved or name.startswith(PREDEFINED[1]) or one.spec.mapping("arguments").has("alternate-exchange")
        )
        if not kept and bound.lacks(virtual_host(one), name, one) is not None:
            says = f"no Binding leads from exchange {name}, as they do from others: what is sent to it is dropped."
            fix = "Bind a queue to it; where its consumer does so itself, declare it here with the others."
            yield Mismatch(node=one.spec, key="name", says=says, fix=fix, arguable=True)


def _knative(estate: Estate) -> Iterator[Mismatch]:
    eventing = "eventing.knative.dev"
    triggers, brokers = estate.of_kind("Trigger", eventing), estate.of_kind("Broker", eventing)
    yield from _both_ways(estate, triggers, brokers, lambda one: (one.spec, "broker"), "Trigger")
    channels = tuple(one for kind in KNATIVE_CHANNELS for one in estate.of_kind(kind, KNATIVE))
    subscriptions = estate.of_kind("Subscription", KNATIVE)
    yield from _both_ways(
        estate, subscriptions, channels, lambda one: (one.spec.mapping("channel"), "name"), "Subscription"
    )


def _both_ways(
    estate: Estate,
    listeners: tuple[Resource, ...],
    channels: tuple[Resource, ...],
    named: Callable[[Resource], tuple[Node, str]],
    word: str,
) -> Iterator[Mismatch]:
    """Compare listeners of a namespace with its channels, where both are declared there."""

    def heard(one: Resource) -> str:
        node, key = named(one)
        return node.text(key)

    declared = Declared(estate, channels, _namespace, _name)
    for one in listeners:
        if heard(one) and (others := declared.lacks(one.namespace, heard(one), one)) is not None:
            node, key = named(one)
            yield _deaf(node, key, "channel" if key == "name" else key, others)
    listening = Declared(estate, listeners, _namespace, heard)
    for one in channels:
        if listening.lacks(one.namespace, one.name, one) is not None:
            says = f"no {word} listens to {one.kind} {one.name}, as they do to others: what is sent to it is dropped."
            fix = f"Add a {word} for it, or take it away."
            yield Mismatch(node=one.root, key="spec", says=says, fix=fix, arguable=bool(estate.unknown))


def _kafka(estate: Estate) -> Iterator[Mismatch]:
    """Give topics that some user may write and none may read, where users' rights are declared."""
    rights: dict[Hashable, dict[str, set[str]]] = {}
    for user in estate.of_kind("KafkaUser", STRIMZI):
        may = rights.setdefault((user.namespace, user.labels.get(CLUSTER)), {})
        for acl in user.spec.mapping("authorization").items("acls"):
            resource = acl.mapping("resource")
            if resource.text("type") == "topic" and acl.text("type", "allow") == "allow":
                name = resource.text("name", "*")
                pattern = f"{name}*" if resource.text("patternType") == "prefix" else name
                may.setdefault(pattern, set()).update(acl.texts("operations"), {acl.text("operation")})
    for topic in estate.of_kind("KafkaTopic", STRIMZI):
        name = topic.spec.text("topicName") or topic.name
        allowed = rights.get((topic.namespace, topic.labels.get(CLUSTER)), {})
        ways = (name, *(f"{name[:length]}*" for length in range(len(name) + 1)))
        operations = {operation for way in ways for operation in allowed.get(way, ())}
        if "Write" in operations and operations.isdisjoint({"Read", "All"}) and not PARKED.search(name):
            says = (
                f"users may write topic {name}, and no KafkaUser here may read it: nobody acts on what is said there."
            )
            fix = "Let its consumer read it, or take the topic away."
            yield Mismatch(node=topic.root, key="spec", says=says, fix=fix, arguable=True)


def _by_name(estate: Estate) -> Iterator[Mismatch]:
    """Give subscriptions of Dapr and sensors of Argo Events that name what is not there."""
    components = (one for one in estate.of_kind("Component", "dapr.io") if one.spec.text("type").startswith("pubsub."))
    declared = Declared(estate, components, _namespace, _name)
    for one in estate.of_kind("Subscription", "dapr.io"):
        if (others := declared.lacks(one.namespace, one.spec.text("pubsubname"), one)) is not None:
            yield _deaf(one.spec, "pubsubname", "component", others)
    sources = Declared(estate, estate.of_kind("EventSource", "argoproj.io"), _namespace, _name)
    for one in estate.of_kind("Sensor", "argoproj.io"):
        named = {dependency.text("eventSourceName"): dependency for dependency in one.spec.items("dependencies")}
        for name, dependency in named.items():
            if (others := sources.lacks(one.namespace, name, one)) is not None:
                yield _deaf(dependency, "eventSourceName", "event source", others)
