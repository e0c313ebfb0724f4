"""What observability tells a running service: where its traces go, and how many."""

from collections.abc import Iterator

from fairway.core.artefact import Site
from fairway.core.parts import Bind
from fairway.core.profile import Landscape, Profile
from fairway.stages.s06_observability.decisions.telemetry import tracing
from fairway_sdk.contract import COLLECTOR_PORT


def bind(profile: Profile, landscape: Landscape, site: Site) -> Iterator[Bind]:
    """Tell the collector's address and the share of traces that are kept."""
    del landscape, site
    kept = tracing(profile)
    if kept is None:
        return
    collector = f"http://opentelemetry-collector.observability.svc.cluster.local:{COLLECTOR_PORT}/v1/traces"
    told: dict[str, object] = {"traces": collector, "share": kept.value.ratio}
    for key, value in told.items():
        yield Bind(service=profile.name, rule=kept.rule, topic=kept.topic, path=("telemetry", key), value=value)
