"""What carries events, and where they wait until they are sent."""

from typing import Final

import msgspec

from fairway.core.decision import Decision, Instead
from fairway.core.profile import ChannelProfile, Landscape
from fairway.core.wording import listed

BROKERS: Final = {"nats": "NATS JetStream", "kafka": "Kafka", "rabbitmq": "RabbitMQ"}
NOT_THIS_BROKER: Final = {
    "nats": "fewer ready-made connectors to other systems exist for it",
    "kafka": "it takes more machines and more care, which pays at very high rates only",
    "rabbitmq": "its queues forget an event once it is handled, so nothing can be read again",
}
NOT_THIS_ORDER: Final = {  # by whether a field orders the events
    True: Instead("one order for all events", "one replica would have to handle the whole stream"),
    False: Instead("events in order", "one bad event would hold up all that come after it"),
}


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """A channel as the broker must carry it."""

    broker: str
    publisher: str | None
    consumers: tuple[str, ...]
    ordered_by: str | None


def channel(profile: ChannelProfile, broker: str) -> Decision[Stream]:
    """Choose how one channel is carried and ordered; ask who is missing at either end of it."""
    publisher, consumers, key = profile.publisher, profile.consumers, profile.facts.ordered_by
    missing = [verb for verb, there in (("publishes", publisher), ("consumes", consumers)) if not there]
    if missing:
        answer = f"Who {' and who '.join(missing)} {profile.name}?"
        because = f"no service {' or '.join(missing)} it; until one does, it is built and carries nothing to anybody"
    else:
        answer = f"{BROKERS[broker]}, {f'events of one {key} in their order' if key else 'in no promised order'}"
        verb = "consumes" if len(consumers) == 1 else "consume"
        because = f"{publisher} publishes, {listed(consumers)} {verb}, and " + (
            f"{key} is declared to order it" if key else "nothing is declared to order it by"
        )
    return Decision(
        rule="design/events-with-compensation",
        topic="channel",
        subject=f"channel {profile.name}",
        answer=answer,
        because=because,
        value=Stream(broker=broker, publisher=publisher, consumers=consumers, ordered_by=key),
        instead=(NOT_THIS_ORDER[key is not None],) if not missing else (),
        state="unanswered" if missing else "decided",
    )


def outbox(profile: ChannelProfile, landscape: Landscape) -> Decision[str] | None:
    """Choose the store that a channel's events are committed to before they are sent; None without a publisher."""
    if profile.publisher is None:
        return None
    publisher = landscape.services[profile.publisher]
    store = publisher.transactional_store
    others = [other.name for other in publisher.durable_stores if other.name != store]
    return Decision(
        rule="design/events-with-compensation",
        topic="outbox",
        subject=f"channel {profile.name}",
        answer=f"{store} of {profile.publisher}",
        because="a change and the event that tells of it are committed together, or neither is"
        + (f"; what it writes to {listed(others)} is not part of that" if others else ""),
        value=store,
        instead=(Instead("publishing after the commit", "a crash in between loses the event for good"),),
    )


def broker(landscape: Landscape) -> Decision[str] | None:
    """Choose what carries events; None where there are none."""
    if not landscape.channels:
        return None
    chosen, declared = str(landscape.system.platform.broker), landscape.declared.platform.broker
    return Decision(
        rule="design/events-with-compensation",
        topic="broker",
        answer=BROKERS[chosen],
        because="the facts name it" if declared else "no broker is declared, and it keeps events with the least to run",
        value=chosen,
        instead=tuple(Instead(BROKERS[other], why) for other, why in NOT_THIS_BROKER.items() if other != chosen),
    )
