"""Events that fail or come twice: how many a replica takes on, where they are parked, how they are recognised."""

from math import ceil
from typing import Final, Literal

import msgspec

from fairway.core.decision import Decision, Instead
from fairway.core.facts import Workload, seconds
from fairway.core.levels import EVENT_RETRIES, strictest
from fairway.core.profile import ChannelProfile, Landscape, Profile, StoreProfile
from fairway.core.wording import listed
from fairway.stages.s09_resilience.decisions.levels import (
    LEAST_CONCURRENT,
    latency,
    parked_days,
    rate,
)

InboxForm = Literal["transaction", "conditional-write", "expiring-key"]
INBOXES: Final[tuple[Workload, ...]] = ("transactional", "write-heavy", "cache")  # the best first


class InFlight(msgspec.Struct, frozen=True, kw_only=True):
    """How many events of one channel a replica holds without having confirmed them."""

    events: int
    in_order_of: str | None  # events that agree in this field are handled one after the other


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How often one consumer tries an event before it parks it."""

    tries: int
    first_pause: str  # doubled after each try
    longest_pause: str


class DeadLetters(msgspec.Struct, frozen=True, kw_only=True):
    """Where the events of a channel are parked, after how many tries of each consumer, and for how long."""

    queue: str
    consumers: dict[str, Patience]
    kept: str


class Inbox(msgspec.Struct, frozen=True, kw_only=True):
    """Where a consumer notes which events it has handled."""

    form: InboxForm
    store: str
    kept: str  # a day longer than dead letters, so that one redriven late is still known


def in_flight(profile: Profile, channel: ChannelProfile) -> Decision[InFlight]:
    """Choose how many events of one channel a replica takes on at a time."""
    handled_a_second, within, field = rate(profile.facts), latency(profile.facts), channel.facts.ordered_by
    events = max(LEAST_CONCURRENT, ceil(handled_a_second * seconds(within)))
    order = f", those with the same {field} one after the other" if field else ""
    return Decision(
        rule="resilience/isolation",
        topic="limits",
        subject=f"channel {channel.name}",
        answer=f"{events} events at a time in each replica{order}",
        because=f"a replica handles {handled_a_second:,.10g} event{'' if handled_a_second == 1 else 's'} a second, "
        f"each within {within}" + (f", and the channel is ordered by {field}" if field else ""),
        value=InFlight(events=events, in_order_of=field),
        instead=(Instead("no limit", "one replica would hoard events that others are free to handle"),),
    )


def dead_letters(channel: ChannelProfile, landscape: Landscape) -> Decision[DeadLetters] | None:
    """Choose when each consumer parks an event, where, and for how long; None where nobody consumes."""
    if not channel.consumers:
        return None
    consumers = {name: _patience(channel, landscape.services[name]) for name in channel.consumers}
    first, *rest = consumers.items()
    tries = "1 try" if first[1].tries == 1 else f"{first[1].tries} tries"
    after = [f"{tries} by {first[0]}", *(f"{patience.tries} by {name}" for name, patience in rest)]
    levels = [f"{landscape.services[name].facts.criticality} for {name}" for name in consumers]
    reason = "its tries are declared" if channel.facts.tries else f"criticality is {listed(levels)}"
    days, data, queue = parked_days(channel), strictest(channel.facts.data), f"{channel.name}.dead"
    return Decision(
        rule="resilience/dead-letters",
        topic="dead letters",
        subject=f"channel {channel.name}",
        answer=f"parked in {queue} after {listed(after)}, and kept for {days}d;"
        " a redrive sends an event back to the consumer that failed on it, and to no other",
        because=f"{reason}, and its events carry {data} data",
        value=DeadLetters(queue=queue, consumers=consumers, kept=f"{days}d"),
        instead=(
            Instead("trying for ever", "one event that always fails would hold up all behind it"),
            Instead("dropping it", "nobody would know until a customer asks"),
        ),
    )


def handled(profile: Profile, channel: ChannelProfile) -> Decision[Inbox | None]:
    """Choose where a consumer notes handled events: beside their effects where it keeps any."""
    redriven = parked_days(channel)
    kept = f"{redriven + 1}d"
    missing = Decision[Inbox | None](
        rule="resilience/idempotent-retries",
        topic="handled events",
        subject=f"channel {channel.name}",
        answer=f"a store for {profile.name} to note them in: a cache, or a durable one",
        because="it has none; until then an event that comes twice is handled twice",
        value=None,
        state="owed",
    )
    if not profile.stores:
        return missing
    store = min(profile.stores, key=lambda store: INBOXES.index(store.facts.workload))
    form, answer, because = _inbox(store)
    return msgspec.structs.replace(
        missing,
        answer=f"{answer}, kept for {kept}",
        because=f"{because}, and a dead letter may be sent again for {redriven}d",
        value=Inbox(form=form, store=store.name, kept=kept),
        instead=(Instead("trusting the broker to deliver once", "it delivers again whenever a confirmation is lost"),),
        state="decided",
    )


def identity(channel: str) -> Decision[str]:
    """Choose by what a consumer recognises an event that is sent again."""
    return Decision(
        rule="resilience/idempotent-retries",
        topic="event identity",
        subject=f"channel {channel}",
        answer="each event carries the id of its outbox row, the same however often it is sent",
        because=f"it publishes {channel}, and the outbox sends again what was not confirmed",
        value="outbox-row",
        instead=(Instead("an id for each sending", "the second sending would pass for a new event"),),
    )


def servers(landscape: Landscape) -> Decision[int] | None:
    """Choose how many servers carry the events; None where there are none."""
    if not landscape.channels:
        return None
    ends = [name for channel in landscape.channels.values() for name in (channel.publisher, *channel.consumers) if name]
    above = next((name for name in ends if landscape.services[name].facts.criticality != "low"), None)
    level = f"{above} is {landscape.services[above].facts.criticality}" if above else "nothing above low uses it"
    return Decision(
        rule="resilience/dead-letters",
        topic="broker servers",
        answer="3; an event is confirmed once two have it" if above else "1",
        because=f"{level}, and events wait there until they are handled",
        value=3 if above else 1,
        instead=(
            Instead("1", "its disk would take waiting and parked events with it")
            if above
            else Instead("3", "nobody would miss it for the minutes it takes to restart"),
        ),
    )


def _patience(channel: ChannelProfile, consumer: Profile) -> Patience:
    tries, first, longest = EVENT_RETRIES[consumer.facts.criticality]
    return Patience(tries=channel.facts.tries or tries, first_pause=first, longest_pause=longest)


def _inbox(store: StoreProfile) -> tuple[InboxForm, str, str]:
    if store.facts.workload == "transactional":
        return (
            "transaction",
            f"a row in {store.name}, in the transaction of the effect",
            f"{store.name} is transactional",
        )
    if store.facts.workload == "write-heavy":
        return (
            "conditional-write",
            f"a row in {store.name} that can be written once only",
            f"{store.name} is write-heavy",
        )
    because = f"it keeps no durable store; should {store.name} be lost, an event may have its effect twice"
    return "expiring-key", f"a key in {store.name} that expires", because
