"""A page for each channel: who sends, who receives, where what failed is parked, and how it is sent again."""

from collections.abc import Iterator
from typing import Any, Final

from fairway.core import cluster
from fairway.core.artefact import Manifest, Page
from fairway.core.labels import metadata
from fairway.core.profile import ChannelProfile, Landscape
from fairway.stages.s09_resilience.build.placing import CHANNEL, RULE
from fairway.stages.s09_resilience.decisions import events
from fairway_sdk.contract.metrics import DEAD_LETTERS

WAITS: Final = "5m"  # until somebody is told: whoever repairs things at that moment may redrive first


def pages(landscape: Landscape) -> Iterator[Page]:
    """Write the page of each channel that somebody consumes."""
    for name, channel in landscape.channels.items():
        parked = events.dead_letters(channel, landscape)
        if parked is not None:
            yield Page(path=runbook(name), text=_page(landscape, channel, parked.value), rule=RULE)


def runbook(channel: str) -> str:
    """Give the path of a channel's page below the built tree."""
    return f"runbooks/dead-letters-{channel}.md"


def _page(landscape: Landscape, channel: ChannelProfile, parked: events.DeadLetters) -> str:
    system = landscape.system.system
    rows = "\n".join(
        f"| {consumer} | {one.tries} | {one.first_pause} to {one.longest_pause} |"
        for consumer, one in parked.consumers.items()
    )
    ours = [name for name in channel.consumers if landscape.services[name].facts.run is None]
    commands = (
        "\n\n".join(_commands(landscape, channel.name, consumer) for consumer in ours) or "    (see its own page)"
    )
    return f"""# Dead letters of {channel.name}

{channel.publisher or "Nobody yet"} publishes; {", ".join(channel.consumers)} consume. An event that a consumer cannot
handle is tried again with growing pauses, then parked in that consumer's own store, with its error: {parked.queue} is
the name it has there and in metrics. The broker holds no queue of dead letters; whatever it delivered is in a store, so
a fault of one consumer never comes to another, and a redrive is one transaction.

| consumer | tries | pauses |
|---|---|---|
{rows}

Parked events are kept for {parked.kept}, then removed.

## What to do

1. List them. The error says what is wrong: the code, something it needs, or the event itself.
2. Correct that first, and release it. What is sent again before the fix comes back.
3. Redrive one and see that it is handled; then all. What was handled before is recognised, so twice does no harm.
4. Drop only what nobody will ever want, with its owner's consent.

{commands}

Run these in the namespace {system} of the region where the letters are: each region has its own.
"""


def _commands(landscape: Landscape, channel: str, consumer: str) -> str:
    profile = landscape.services[consumer]
    kind = "statefulset" if profile.stateful else "deployment"
    module = f"{consumer.replace('-', '_')}.service:service"
    base = f"    kubectl -n {landscape.system.system} exec {kind}/{consumer} -- python -m fairway_sdk dead-letters"
    lines = [
        f"{base} list {module} --channel {channel}",
        f"{base} show {module} ID",
        f"{base} redrive {module} ID",
        f"{base} redrive {module} --all --channel {channel}",
        f"{base} drop {module} ID",
    ]
    return "\n".join(lines)


def alerts(landscape: Landscape) -> Iterator[Manifest]:
    """Tell each consumer's owner that something of a channel is parked."""
    for name, channel in landscape.channels.items():
        if not channel.consumers:
            continue
        rules = [_alert(landscape, name, consumer) for consumer in channel.consumers]
        described = metadata(landscape.system.system, "dead-letters", name=f"dead-letters-{name}")
        obj: dict[str, Any] = {
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "PrometheusRule",
            "metadata": {**described, "namespace": cluster.OBSERVABILITY},
            "spec": {"groups": [{"name": f"dead-letters.{name}", "interval": "30s", "rules": rules}]},
        }
        path = f"observability/prometheusrule-dead-letters-{name}.yaml"
        yield Manifest(path=path, rule=RULE, topic=CHANNEL, object=obj)


def _alert(landscape: Landscape, channel: str, consumer: str) -> dict[str, Any]:
    profile = landscape.services[consumer]
    owner = profile.facts.owner or next(iter(landscape.system.owners), "")
    urgent = profile.facts.criticality == "mission-critical"
    return {
        "alert": "DeadLetters",
        "expr": f'max({DEAD_LETTERS}{{service="{consumer}", channel="{channel}", box="in"}}) > 0',
        "for": WAITS,
        "labels": {
            "severity": "page" if urgent else "ticket",
            "service": consumer,
            "channel": channel,
            **({"owner": owner} if owner else {}),
            "rule": RULE,
        },
        "annotations": {
            "summary": f"{consumer} has parked events of {channel}",
            "description": f"{{{{ $value }}}} events of {channel} failed in {consumer} as often as they may, and wait.",
            "runbook_url": runbook(channel),
        },
    }
