"""What observability builds: rules, monitors, the pipelines of logs and traces, dashboards, and pages for people."""

from collections.abc import Iterator

from fairway.core.artefact import Manifest, Page, Site
from fairway.core.parts import Part, Port
from fairway.core.profile import Landscape
from fairway.stages.s06_observability.build import (
    alerting,
    dashboards,
    log_collectors,
    log_stores,
    monitors,
    namespace,
    receivers,
    runbooks,
    traces,
)
from fairway.stages.s06_observability.decisions.telemetry import scraping


def parts(landscape: Landscape, site: Site) -> Iterator[Part]:
    """Open the port of metrics of what runs to completion; all others are probed there anyway."""
    del site
    for name, profile in landscape.services.items():
        if profile.runs_to_completion:
            scraped = scraping(profile)
            if scraped.value is not None:
                port = scraped.value.port
                yield Port(service=name, rule=scraped.rule, topic=scraped.topic, name="admin", number=port)


def manifests(landscape: Landscape, site: Site) -> Iterator[Manifest]:
    """Build everything that watches the system on one site; each region watches itself."""
    yield from namespace.manifests(landscape)
    yield from monitors.prometheus(landscape, site)
    yield from monitors.monitors(landscape)
    yield from monitors.alertmanager(landscape)
    yield from alerting.manifests(landscape)
    yield from receivers.manifests(landscape, site)
    yield from log_collectors.manifests(landscape, site)
    yield from log_stores.manifests(landscape, site)
    yield from traces.manifests(landscape)
    yield from dashboards.manifests(landscape)


def pages(landscape: Landscape) -> Iterator[Page]:
    """Write the rules with their tests for promtool, and a page for each alert."""
    yield from alerting.pages(landscape)
    yield from runbooks.pages(landscape)
