"""Observability: logs, metrics, alerts, traces and dashboards, with their figures."""

from collections.abc import Iterator

from fairway.core.decision import AnyDecision
from fairway.core.profile import Landscape, Profile
from fairway.stages.s06_observability.decisions import alerts, system, telemetry


def for_service(profile: Profile, landscape: Landscape) -> Iterator[AnyDecision]:
    """Decide everything that observability asks of one service."""
    yield telemetry.logs(profile)
    yield telemetry.log_retention(profile)
    yield telemetry.metrics(profile)
    yield telemetry.scraping(profile)
    if profile.runs_to_completion:
        yield alerts.alert_on_runs(profile)
    elif (unseen := alerts.unseen(profile)) is not None:
        yield unseen
    else:
        yield alerts.alert_on_errors(profile)
        yield alerts.alert_on_latency(profile)
        yield alerts.alert_on_throughput(profile, landscape)
    where_it_applies = (alerts.alerted(profile), telemetry.tracing(profile), telemetry.before_delivery(profile))
    yield from filter(None, where_it_applies)
    yield telemetry.dashboard(profile)


def for_system(landscape: Landscape) -> Iterator[AnyDecision]:
    """Decide what observability asks of the system as a whole."""
    yield system.log_pipeline(landscape)
    yield system.monitoring(landscape)
    yield system.alert_delivery(landscape)
    if (kept := system.traces(landscape)) is not None:
        yield kept
    yield system.system_dashboard(landscape)
