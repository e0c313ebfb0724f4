"""An event that cannot be handled is parked where it can be read and sent again.

One event that always fails blocks everything behind it, or is dropped and never missed until a customer asks. Parked
beside its error it hurts nobody, somebody is told, and after the fix it takes its normal way.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from fairway.core.conditions import MESSAGING
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.resource import Resource
from fairway.estate.stores import BROKERS

CHANNELS: Final = (  # kind, group, and the key of spec that names the channel at the broker
    ("Stream", "jetstream.nats.io", "name"),
    ("KafkaTopic", "kafka.strimzi.io", "topicName"),
    ("Queue", "rabbitmq.com", "name"),
)
OPERATED: Final = (
    ("RabbitmqCluster", "rabbitmq.com"),
    ("Kafka", "kafka.strimzi.io"),
    ("Broker", "eventing.knative.dev"),
)
PARKED: Final = re.compile(r"dead[-_. ]?letter|(?<![a-z])(dlq|dlt|dlx)(?![a-z])", re.IGNORECASE)
SETTING: Final = re.compile(
    r"x-dead-letter|dead[-_.]?letter[-_.]?(queue|topic|exchange|sink|routing|policy)|(?<![a-z])(dlq|dlt|dlx)(?![a-z])",
    re.IGNORECASE,
)
"""In settings the word alone may be of a dashboard; a place for dead letters is meant where a queue is named."""
TEXTS: Final = 4096  # of settings that are remembered, as systems beside one another share most of them
OWN: Final = re.compile(r"^(__|connect-|strimzi)|-(offsets|configs|status|changelog|repartition)$")
"""Names of topics that tools keep for themselves."""


def check(estate: Estate) -> Iterator[Finding]:
    """Find channels, or brokers, for which nothing says where an event goes that cannot be handled.

    A dead-letter queue at the broker counts, one that consumers' settings name, and an alert on what consumers park
    themselves. Those that are in the code alone cannot be seen.
    """
    if _in_settings(estate):
        return
    watched = [text for rule in estate.of_kind("PrometheusRule", "monitoring.coreos.com") for text in _alerts(rule)]
    policies = estate.of_kind("Policy", "rabbitmq.com")
    if any(PARKED.search(" ".join(one.spec.keys("definition"))) for one in policies):
        return
    channels = [
        (one, key, one.spec.text(key) or one.name)
        for kind, group, key in CHANNELS
        for one in estate.of_kind(kind, group)
    ]
    for one, key, name in channels:
        if not PARKED.search(name) and not OWN.search(name) and not _parks(one, watched):
            says = f"nothing says where an event of {name} goes that cannot be handled."
            fix = "Name a dead-letter queue for it, or park it in the consumer's store and alert on that."
            yield found(RULE.id, one.spec, key, says, fix, warning=one.kind == "KafkaTopic")
    if channels or any(PARKED.search(text) for text in watched):
        return
    yield from _brokers(estate)


def _brokers(estate: Estate) -> Iterator[Finding]:
    """Find brokers about whose dead letters nothing is said anywhere."""
    fix = "Declare a dead-letter exchange, queue or topic, and who is told when something is in it."
    for workload in estate.workloads:
        store = estate.store_of(workload)
        if store is not None and store.engine in BROKERS:
            says = f"{workload.name} runs {store.engine}, and nothing here says where an event goes that always fails."
            yield found(RULE.id, workload.resource.root, "spec", says, fix)
    for kind, group in OPERATED:
        for one in estate.of_kind(kind, group):
            delivery = one.spec.mapping("delivery")
            if not delivery.has("deadLetterSink"):
                says = f"nothing here says where an event goes that always fails in consumers of {one.name}."
                yield found(RULE.id, one.root, "spec", says, fix, warning=bool(estate.unknown))


def _in_settings(estate: Estate) -> bool:
    """Tell whether settings of workloads name a place for dead letters; which channel's it is, they do not tell."""
    for workload in estate.workloads:
        for container in workload.containers:
            for variable in container.variables:
                if SETTING.search(f"{variable.name}={variable.value or ''}"):
                    return True
            if any(map(SETTING.search, (*container.command, *container.arguments))):
                return True
    return any(_parking(text) for one in estate.of_kind("ConfigMap", "") for text in one.root.pairs("data").values())


@lru_cache(maxsize=TEXTS)
def _parking(text: str) -> bool:
    return SETTING.search(text) is not None


def _alerts(rule: Resource) -> Iterator[str]:
    """Give what each alert on dead letters asks."""
    for group in rule.spec.items("groups"):
        for one in group.items("rules"):
            if PARKED.search(one.text("alert")) or PARKED.search(one.text("expr")):
                yield one.text("expr")


def _parks(one: Resource, watched: list[str]) -> bool:
    """Tell whether a channel has a place of its own for dead letters, or an alert on those that consumers park."""
    arguments = one.spec.mapping("arguments")
    if any(PARKED.search(key) for key in one.spec.keys("arguments")) or arguments.has("x-dead-letter-exchange"):
        return True
    return any(f'"{one.name}"' in text or "channel=" not in text for text in watched) or any(
        f'channel="{other}"' in text for text in watched for other in _prefixes(one.name)
    )


def _prefixes(name: str) -> Iterator[str]:
    """Give the beginnings of a name by its parts: a queue is often called as its channel and its consumer."""
    parts = name.split("-")
    yield from ("-".join(parts[:length]) for length in range(1, len(parts)))


RULE = Rule(
    id="resilience/dead-letters",
    applies=MESSAGING,
    proof=Proof.DRILL,
    shows="an event that always fails is parked after its tries, and handled when it is sent again after the fix",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/data/broker/stream-refunds.yaml",
            new="apiVersion: jetstream.nats.io/v1beta2\nkind: Stream\n"
            "metadata:\n  name: refunds\n  namespace: bookshop\nspec:\n  name: fairway_refunds\n  maxAge: 24h\n",
        ),
    ),
)
