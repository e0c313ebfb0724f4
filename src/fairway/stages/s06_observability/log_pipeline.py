"""One pipeline carries every service's logs to one searchable store.

A container's log is gone with its container, which is when it is wanted. A collector on every node sends lines on at
once, and one store answers for all services. What is kept there is kept for a stated time and no longer.
"""

from collections.abc import Iterator
from typing import Final

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.index import Estate
from fairway.estate.resource import Resource
from fairway.estate.whole import lacks, serves, without
from fairway.estate.workload import Workload

IMAGES: Final = frozenset(
    "alloy cloudwatch-agent datadog-agent elastic-agent filebeat fluent-bit fluentbit fluentd promtail "  # noqa: SIM905 - words read better without quotes
    "splunk-otel-collector vector".split()
)
COLLECTOR_IMAGES: Final = ("otel", "opentelemetry", "otelcol")  # collect logs only where their configuration says so
KINDS: Final = {
    "Beat": "beat.k8s.elastic.co",
    "ClusterFlow": "logging.banzaicloud.io",
    "ClusterFluentBitConfig": "fluentbit.fluent.io",
    "ClusterLogForwarder": "observability.openshift.io",
    "ClusterLogging": "logging.openshift.io",
    "Flow": "logging.banzaicloud.io",
    "FluentBit": "fluentbit.fluent.io",
    "Fluentd": "fluentd.fluent.io",
    "FluentbitAgent": "logging.banzaicloud.io",
    "Logging": "logging.banzaicloud.io",
    "PodLogs": "monitoring.grafana.com",
}
READS: Final = ("filelog", "loki.source", "container_logs")
LINES: Final = ("/var/log", "/var/lib/docker")  # of a node: a DaemonSet that mounts them reads them


def check(estate: Estate) -> Iterator[Finding]:
    """Find services whose lines nobody collects; a cloud that collects by itself is in no file."""
    there = list(_collectors(estate))
    if lost := without(estate, serves(estate), there):
        says = "no log collector is there: a container's lines go with it."
        fix = "Run Fluent Bit or Fluentd on every node as a DaemonSet, and send the lines to a store."
        yield lacks(estate, RULE.id, lost, says, fix)


def _collectors(estate: Estate) -> Iterator[Resource]:
    for workload in estate.workloads:
        images = (container.image for container in workload.every_container)
        if _reads_lines(workload) or any(_collects(workload, image) for image in images):
            yield workload.resource
    for kind, group in KINDS.items():
        yield from estate.of_kind(kind, group)
    for resource in estate.of_kind("OpenTelemetryCollector", "opentelemetry.io"):
        if any(word in str(resource.spec.value) for word in READS):
            yield resource


def _reads_lines(workload: Workload) -> bool:
    paths = (volume.node.mapping("hostPath").text("path") for volume in workload.volumes if volume.source == "hostPath")
    return workload.kind == "DaemonSet" and any(path.startswith(LINES) for path in paths)


def _collects(workload: Workload, image: str) -> bool:
    """Tell whether a container collects lines: on each node, or in the Pod whose lines it takes."""
    name = image.partition("@")[0].rpartition("/")[2].partition(":")[0].lower()
    if any(name == word or name.startswith(f"{word}-") or name.endswith(f"-{word}") for word in IMAGES):
        return True
    if name == "agent":  # Datadog's and Grafana's
        return "datadog" in image or "grafana" in image
    return workload.kind == "DaemonSet" and any(word in name for word in COLLECTOR_IMAGES)


RULE = Rule(
    id="observability/log-pipeline",
    applies=ALWAYS,
    proof=Proof.LIVE,
    shows="the collector accepts its configuration, and a planted line is found in the store",
    places=(Place.LOCAL, Place.CLUSTER),
    once=True,
    check=check,
    breaks=(Edit(path="production/eu-west-1/observability/daemonset-fluent-bit.yaml", old="kind: DaemonSet"),),
)
