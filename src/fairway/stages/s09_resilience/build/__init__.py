"""What resilience builds: the broker with a place for each channel, alerts on what is parked, its redrive."""

from collections.abc import Callable, Iterator
from typing import Final

from fairway.core.artefact import Manifest, Page, Site
from fairway.core.parts import Files, Part
from fairway.core.profile import Landscape
from fairway.stages.s09_resilience.binding import BROKER_AUTHORITY
from fairway.stages.s09_resilience.build import kafka, nats, placing, rabbitmq
from fairway.stages.s09_resilience.build import pages as written

__all__ = ("manifests", "pages", "parts")

BROKERS: Final[dict[str, Callable[[Landscape, Site], Iterator[Manifest]]]] = {
    "nats": nats.manifests,
    "kafka": kafka.manifests,
    "rabbitmq": rabbitmq.manifests,
}


def parts(landscape: Landscape, site: Site) -> Iterator[Part]:
    """Mount beside each service that sends or receives events who vouches for the broker."""
    del site
    folder, _, file = BROKER_AUTHORITY.rpartition("/")
    for profile in placing.talking(landscape):
        source = {"secretName": placing.KEYS, "items": [{"key": "ca.crt", "path": file}], "defaultMode": 0o444}
        yield Files(
            service=profile.name,
            rule=placing.RULE,
            topic=placing.SERVERS,
            name="broker-authority",
            folder=folder,
            source={"secret": source},
        )


def manifests(landscape: Landscape, site: Site) -> Iterator[Manifest]:
    """Build the broker and its channels, where there are any."""
    if placing.talking(landscape):
        yield from BROKERS[str(landscape.system.platform.broker)](landscape, site)
    yield from written.alerts(landscape)


def pages(landscape: Landscape) -> Iterator[Page]:
    """Write a page for each channel."""
    yield from written.pages(landscape)
