"""Resilience's part of the order of work: what events need before anyone sends them."""

from collections.abc import Iterator

from fairway.core.order import Before
from fairway.core.profile import Landscape


def order(landscape: Landscape) -> Iterator[Before]:
    """Put the broker before its channels, and a channel with its dead letters before whoever uses it."""
    rule = "resilience/dead-letters"
    if landscape.channels:
        yield Before(first="platform", then="broker", rule=rule, because="the broker's operator runs it")
    for name, channel in landscape.channels.items():
        piece = f"channel/{name}"
        yield Before(first="broker", then=piece, rule=rule, because="the broker carries it")
        if channel.publisher is not None:
            because = "an event that is published before its channel exists is lost"
            yield Before(first=piece, then=f"workload/{channel.publisher}", rule=rule, because=because)
        for consumer in channel.consumers:
            if consumer != channel.publisher:
                because = "it subscribes as it starts, and what it cannot handle needs a place to go"
                yield Before(first=piece, then=f"workload/{consumer}", rule=rule, because=because)
