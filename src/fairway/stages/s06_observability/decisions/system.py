"""What watches the system as a whole: the log pipeline, Prometheus, alert delivery, traces, one dashboard."""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from fairway.core.conditions import TRACING
from fairway.core.decision import Decision, Instead
from fairway.core.facts import DataClass
from fairway.core.profile import Landscape, regions_of
from fairway.core.wording import listed
from fairway.stages.s06_observability.decisions.levels import Severity
from fairway.stages.s06_observability.decisions.telemetry import log_retention

NAMED: Final = 5  # names in a sentence; whoever wants all reads the value
METRICS_KEPT: Final = "35d"  # objectives are counted over 30 days
TRACES_KEPT: Final = "7d"
REPEAT: Final[dict[Severity, str]] = {"page": "4h", "ticket": "1d"}
COLLECTORS: Final = {
    "fluent-bit": ("Fluent Bit", "Fluentd", "it needs many times the memory on every node"),
    "fluentd": ("Fluentd", "Fluent Bit", "it has fewer plugins"),
}
STORES: Final = {
    "loki": ("Loki", "Elasticsearch", "it indexes every word, and costs the memory and disk for it"),
    "elasticsearch": ("Elasticsearch", "Loki", "it indexes labels only, so a search for a word reads all lines"),
}


class Pipeline(msgspec.Struct, frozen=True, kw_only=True):
    """Who collects logs, where they go, and how long each class of data is kept."""

    collector: Literal["fluent-bit", "fluentd"]
    store: Literal["loki", "elasticsearch"]
    kept: Mapping[DataClass, str]


class Monitoring(msgspec.Struct, frozen=True, kw_only=True):
    """How many of each part watch in each region, and how far back they see."""

    prometheus: int
    alertmanager: int
    kept: str


class AlertDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """To whom alerts go, how they are gathered, and how often they come again."""

    owners: Mapping[str, str]
    group_by: tuple[str, ...]
    group_wait: str
    repeat: Mapping[Severity, str]


class Traces(msgspec.Struct, frozen=True, kw_only=True):
    """What Jaeger keeps traces in, and for how long."""

    storage: Literal["badger", "elasticsearch"]
    kept: str


def log_pipeline(landscape: Landscape) -> Decision[Pipeline]:
    """Choose what collects logs, what keeps them, and for how long."""
    chosen, declared = landscape.system.platform, landscape.declared.platform
    assert chosen.log_collector is not None
    assert chosen.log_store is not None
    policies = (log_retention(profile).value for profile in landscape.services.values())
    kept = dict(sorted({policy.data: policy.kept for policy in policies}.items()))
    collector, other_collector, why_not_collector = COLLECTORS[chosen.log_collector]
    store, other_store, why_not_store = STORES[chosen.log_store]
    parts = {collector: declared.log_collector, store: declared.log_store}
    named = [part for part, said in parts.items() if said is not None]
    assumed = [part for part, said in parts.items() if said is None]
    because = [f"the facts name {listed(named)}"] if named else []
    because += [f"{listed(assumed)} {'is' if len(assumed) == 1 else 'are'} the default"] if assumed else []
    return Decision(
        rule="observability/log-pipeline",
        topic="log pipeline",
        answer=f"{collector} on every node, to {store}; kept {_by_class(kept)}",
        because=f"{listed(because)}, and how long follows from the classes of data",
        value=Pipeline(collector=chosen.log_collector, store=chosen.log_store, kept=kept),
        instead=(Instead(other_collector, why_not_collector), Instead(other_store, why_not_store)),
    )


def _by_class(kept: Mapping[DataClass, str]) -> str:
    return listed([f"{time} ({kind} data)" for kind, time in kept.items()])


def monitoring(landscape: Landscape) -> Decision[Monitoring]:
    """Choose how many replicas of Prometheus and Alertmanager watch, and how long metrics are kept."""
    critical = next((n for n, p in landscape.services.items() if p.facts.criticality == "mission-critical"), None)
    regions = len(regions_of(landscape.system))
    parts = "2 of Prometheus and 3 of Alertmanager" if critical else "one Prometheus and one Alertmanager"
    return Decision(
        rule="observability/prometheus",
        topic="monitoring",
        answer=f"{parts}{' in each region' if regions > 1 else ''}; metrics are kept {METRICS_KEPT}",
        because=(f"{critical} is mission-critical" if critical else "no service is mission-critical")
        + ", and objectives are counted over 30 days",
        value=Monitoring(
            prometheus=2 if critical else 1,
            alertmanager=3 if critical else 1,
            kept=METRICS_KEPT,
        ),
        instead=(Instead("one of each", "nothing would tell of its own failure"),) if critical else (),
    )


def alert_delivery(landscape: Landscape) -> Decision[AlertDelivery]:
    """Choose how Alertmanager gathers alerts and to whom it sends them; ask where services have no owner."""
    system = landscape.system
    value = AlertDelivery(owners=system.owners, group_by=("service", "alertname"), group_wait="30s", repeat=REPEAT)
    unowned = [name for name, profile in landscape.services.items() if profile.facts.owner is None]
    if unowned:
        return Decision(
            rule="observability/alerts",
            topic="alert delivery",
            answer=f"Who is told when {_some(unowned)} {'fails' if len(unowned) == 1 else 'fail'}, and how? "
            "Name a team and where it is reached in 'owners'",
            because="no owner is declared; until then their alerts are raised, and reach nobody",
            value=value,
            state="unanswered",
        )
    of_its_own = " of its own services" if len(system.owners) == 1 else " each of its own services"
    return Decision(
        rule="observability/alerts",
        topic="alert delivery",
        answer=f"Alertmanager tells {_some(list(system.owners))}{of_its_own}, one message for each service and alert; "
        f"a page comes again after {REPEAT['page']}, a ticket after {REPEAT['ticket']}",
        because="every service has an owner",
        value=value,
        instead=(Instead("one list for all", "what concerns everybody is answered by nobody"),),
    )


def _some(names: list[str]) -> str:
    """Write a few names and count the rest."""
    rest = len(names) - NAMED
    return listed(names) if rest <= 1 else f"{', '.join(names[:NAMED])} and {rest} more"


def traces(landscape: Landscape) -> Decision[Traces] | None:
    """Choose where Jaeger keeps traces, where any service is traced."""
    traced = next((name for name, profile in landscape.services.items() if TRACING(profile).holds), None)
    if traced is None:
        return None
    shared = landscape.system.platform.log_store == "elasticsearch"
    return Decision(
        rule="observability/tracing",
        topic="traces",
        answer=f"an OpenTelemetry collector hands them to Jaeger, which keeps them {TRACES_KEPT} "
        + ("in Elasticsearch" if shared else "on a disk of its own"),
        because=f"requests of {traced} are traced, and "
        + ("Elasticsearch keeps the logs already" if shared else "there is no Elasticsearch to share"),
        value=Traces(storage="elasticsearch" if shared else "badger", kept=TRACES_KEPT),
    )


def system_dashboard(landscape: Landscape) -> Decision[tuple[str, ...]]:
    """Name the rows of the system's dashboard."""
    there = {
        "objectives": True,
        "traffic": True,
        "public routes": any(profile.exposed for profile in landscape.services.values()),
        "workflows": bool(landscape.workflows),
        "channels": bool(landscape.channels),
        "stores": bool(landscape.stores),
        "regions": len(regions_of(landscape.system)) > 1,
    }
    rows = tuple(row for row, present in there.items() if present)
    return Decision(
        rule="observability/dashboards",
        topic="system dashboard",
        answer=f"one in Grafana with rows for {listed(rows)}",
        because="it shows what the system has, and leads to the dashboard of each service",
        value=rows,
    )
