"""What a service tells about itself: logs, metrics, traces and the dashboard that shows them."""

from typing import Final, Literal

import msgspec

from fairway.core import programs
from fairway.core.conditions import MISSION_CRITICAL, TRACING
from fairway.core.decision import Decision, Instead
from fairway.core.facts import DataClass
from fairway.core.profile import Profile, tracked
from fairway.core.wording import listed
from fairway.stages.s06_observability.decisions.levels import MEASURES, Measure, level, measures, work
from fairway_sdk.contract import ADMIN_PORT, METRICS_PATH

LOGS_KEPT: Final[dict[DataClass, tuple[str, str]]] = {  # the first class that a service handles decides
    "regulated": ("365d", "an audit asks what was done a year ago"),
    "personal": ("14d", "what slips into a log in spite of all must be gone soon"),
    "internal": ("30d", "faults older than that are seldom looked into"),
    "public": ("30d", "faults older than that are seldom looked into"),
}


class Logs(msgspec.Struct, frozen=True, kw_only=True):
    """What a service's log lines are, and what never gets into them."""

    form: Literal["json"]
    redact: tuple[str, ...]


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """How long lines are kept, and the class of data that they are labelled with."""

    data: DataClass
    kept: str


class Scrape(msgspec.Struct, frozen=True, kw_only=True):
    """Where and how often metrics are read."""

    path: str
    port: int
    interval: str
    monitor: Literal["PodMonitor"]
    at: str = "admin"  # the name of the port


class Sampling(msgspec.Struct, frozen=True, kw_only=True):
    """The share of traces that are kept, 0 to 1; a trace that comes with a request is kept or not as its start was."""

    ratio: float


def logs(profile: Profile) -> Decision[Logs]:
    """Choose the form of log lines and what is taken out of them."""
    classes = tracked(profile.data)
    left_out = listed(["secrets", *(f"{kind} fields" for kind in classes)])
    answer = f"a line of JSON with its trace id on standard output, {left_out} taken out"
    if profile.foreign:
        answer = f"its standard output, a line of JSON by its fields; that {left_out} are not in it, it sees to itself"
    return Decision(
        rule="observability/structured-logs",
        topic="logs",
        answer=answer,
        because=_handles(classes),
        value=Logs(form="json", redact=("secrets", *classes)),
        instead=(Instead("plain text", "it cannot be searched by field or joined to a trace"),),
    )


def log_retention(profile: Profile) -> Decision[Retention]:
    """Choose how long its logs are kept, by the strictest class of data it handles."""
    strictest: DataClass = next((kind for kind in LOGS_KEPT if kind in profile.data), "internal")
    kept, why = LOGS_KEPT[strictest]
    return Decision(
        rule="observability/log-pipeline",
        topic="logs are kept",
        answer=kept,
        because=f"{_handles(tracked(profile.data))}, and {why}",
        value=Retention(data=strictest, kept=kept),
    )


def _handles(classes: tuple[DataClass, ...]) -> str:
    return f"it handles {listed(classes)} data" if classes else "it handles no personal or regulated data"


def metrics(profile: Profile) -> Decision[tuple[Measure, ...]]:
    """Name the groups of metrics that the service has to tell."""
    told = measures(profile)
    if profile.foreign:
        return _metrics_of_program(profile, told)
    return Decision(
        rule="observability/metrics",
        topic="metrics",
        answer=f"{METRICS_PATH} tells {listed([MEASURES[measure] for measure in told])}",
        because="that is what it does, by its declared calls, channels, stores and workflows",
        value=told,
    )


def _metrics_of_program(profile: Profile, told: tuple[Measure, ...]) -> Decision[tuple[Measure, ...]]:
    """Name what is known of a program that tells no metrics that we know."""
    if profile.runs_to_completion:
        answer = f"the cluster tells {listed([MEASURES[measure] for measure in told])}"
    elif told:
        answer = f"its proxy tells {listed([MEASURES[measure] for measure in told])}; what it does inside is not known"
    else:
        answer = "none: no proxy sees what it does, and what it tells itself is not known"
    return Decision(
        rule="observability/metrics",
        topic="metrics",
        answer=answer,
        because="it is not written with the SDK, so nothing says what its own metrics are called",
        value=told,
        instead=(
            Instead("a scrape of its port", "there may be nothing at /metrics, and that would look like an outage"),
        ),
    )


def _scraping_of_program(profile: Profile) -> Decision[Scrape | None]:
    """Choose who is scraped in the place of a program that tells no metrics that we know."""
    port, interval = programs.metrics_port(profile), level(profile).scrape
    meshed = port == programs.MESH_METRICS_PORT
    if port is None:
        answer = "nothing; a run is told by its Job" if profile.runs_to_completion else "nothing"
    else:
        answer = f"its proxy, every {interval} on port {port}, found by a PodMonitor"
    scrape = Scrape(
        path=programs.PROXY_METRICS,
        port=port or 0,
        interval=interval,
        monitor="PodMonitor",
        at=programs.MESH_METRICS if meshed else "proxy-ready",
    )
    return Decision(
        rule="observability/prometheus",
        topic="scraping",
        answer=answer,
        because="it is not written with the SDK, so only what carries its traffic is known to count",
        value=None if port is None else scrape,
    )


def scraping(profile: Profile) -> Decision[Scrape | None]:
    """Choose how often metrics are read, and what finds the replicas to read them from."""
    if profile.foreign:
        return _scraping_of_program(profile)
    interval, criticality = level(profile).scrape, profile.facts.criticality
    because = f"its criticality is {criticality}"
    if profile.runs_to_completion:
        because += "; a run that ends between two scrapes is told by its Job"
        instead = Instead("a push of its metrics", "what was pushed last stays for ever, and looks alive")
    elif profile.serving:
        instead = Instead("a ServiceMonitor", "its Service lets nobody at the admin port")
    else:
        instead = Instead("a ServiceMonitor", "a worker has no Service to select")
    return Decision(
        rule="observability/prometheus",
        topic="scraping",
        answer=f"every {interval} on port {ADMIN_PORT}, found by a PodMonitor",
        because=because,
        value=Scrape(path=METRICS_PATH, port=ADMIN_PORT, interval=interval, monitor="PodMonitor"),
        instead=(instead,),
    )


def tracing(profile: Profile) -> Decision[Sampling] | None:
    """Choose the share of traces that are kept, so that a steady few arrive each second."""
    asked, traffic = TRACING(profile), profile.facts.traffic
    if not asked.holds:
        return None
    assert traffic is not None
    wanted = level(profile).traces
    ratio = 1.0 if profile.runs_to_completion else min(1.0, float(f"{wanted / traffic.typical:.1g}"))
    rare = f"{asked.because}, and runs are rare"
    few = traffic.typical == 1
    kinds = " and ".join(kind.removesuffix("s") if few else kind for kind in work(profile))
    steady = (
        f"{asked.because}, {traffic.typical:,.10g} {kinds} a second {'is' if few else 'are'} typical, "
        f"and keeping {wanted:g} a second is enough where criticality is {profile.facts.criticality}"
    )
    return Decision(
        rule="observability/tracing",
        topic="tracing",
        answer=f"OpenTelemetry to Jaeger; {ratio * 100:g} % of the traces that start here are kept",
        because=rare if profile.runs_to_completion else steady,
        value=Sampling(ratio=ratio),
        instead=(Instead("a choice after the trace has ended", "every span would be sent and held until then"),),
    )


def dashboard(profile: Profile) -> Decision[tuple[str, ...]]:
    """Name the rows of the service's dashboard: its objectives, then what it measures."""
    rows = ("objectives", *measures(profile))
    return Decision(
        rule="observability/dashboards",
        topic="dashboard",
        answer=f"one in Grafana with rows for {listed(rows)}",
        because="each row shows metrics that it exports; the first shows what is left of its error budget",
        value=rows,
    )


def before_delivery(profile: Profile) -> Decision[bool] | None:
    """Decide that a new version of a mission-critical service waits for its observability."""
    asked = MISSION_CRITICAL(profile)
    if not asked.holds:
        return None
    return Decision(
        rule="observability/before-delivery",
        topic="before delivery",
        answer=f"no new version {'runs' if profile.runs_to_completion else 'takes traffic'} "
        "until its monitor, alerts and dashboard are accepted",
        because=f"{asked.because}, and its metrics decide whether a version goes back",
        value=True,
        instead=(Instead("both at once", "nobody would judge the first minutes of a version"),),
    )
