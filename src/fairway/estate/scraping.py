"""Who scrapes a workload: monitors of an operator, or annotations that something in the estate heeds."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import msgspec

from fairway.estate.index import Estate
from fairway.estate.resource import Resource
from fairway.estate.selectors import LabelIndex, Selector, label_selector
from fairway.estate.unknown import elsewhere
from fairway.estate.workload import Workload, is_workload

if TYPE_CHECKING:
    from fairway.estate.service import Service

POD_MONITORS: Final = {
    "PodMonitor": ("monitoring.coreos.com", "azmonitoring.coreos.com"),
    "VMPodScrape": ("operator.victoriametrics.com",),
    "PodMonitoring": ("monitoring.googleapis.com",),
    "ClusterPodMonitoring": ("monitoring.googleapis.com",),
}
SERVICE_MONITORS: Final = {
    "ServiceMonitor": ("monitoring.coreos.com", "azmonitoring.coreos.com"),
    "VMServiceScrape": ("operator.victoriametrics.com",),
}
ENDPOINTS: Final = ("podMetricsEndpoints", "endpoints")
SCRAPE: Final = "prometheus.io/scrape"
MISSPELT: Final = ("prometheus.io.scrape", "prometheus.io-scrape", "prometheus/scrape", "prometheus.io/scape")
DISCOVERED: Final = "io.opentelemetry.discovery.metrics/enabled"  # asks the collectors of OpenTelemetry
HEEDED: Final = re.compile(r"annotation_prometheus_io_scrape|prometheus\.io/scrape|receiver_creator")
PUSHES: Final = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
TELLS_ITSELF: Final = frozenset({"CockroachDB", "MinIO", "Prometheus", "RabbitMQ", "etcd"})
"""Stores that need no exporter; RabbitMQ's image has had its own since 3.8."""
METRICS_PORT: Final = re.compile(r"metric|prom|exporter")
BROUGHT: Final = frozenset({"http-envoy-prom"})  # ports that the mesh's proxy brings into the Pod
INJECTED: Final = "istio.io"  # labels that exist only once the mesh has put its proxy into the Pod


class Monitor(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A monitor of an operator, and what it selects."""

    resource: Resource
    of_pods: bool
    selector: Selector | None
    namespaces: tuple[str, ...]  # empty: all

    @property
    def unseen(self) -> bool:
        """Tell whether it goes by labels that no file shows."""
        keys = [key for key, _ in self.selector.labels] if self.selector else []
        keys += [one.key for one in self.selector.requirements] if self.selector else []
        return any(INJECTED in key for key in keys)


class Scraping:
    """Which workloads are scraped, by what; worked out once for an estate, in linear time."""

    def __init__(self, estate: Estate) -> None:
        """Match every monitor with what it selects."""
        self._estate = estate
        self.monitors = tuple(_monitors(estate))
        self._pods = LabelIndex((w.namespace, w.pod_labels, w) for w in estate.workloads)
        services = ((s.resource.namespace, s.resource.labels, s) for s in estate.services)
        self._services = LabelIndex(services)
        self._selected: dict[Monitor, tuple[Workload, ...]] = {}
        self._by_workload: dict[Workload, list[Monitor]] = {}
        self.services_of: dict[Monitor, tuple[Service, ...]] = {}
        for monitor in self.monitors:
            found = tuple(dict.fromkeys(self._match(monitor)))
            self._selected[monitor] = found
            for workload in found:
                self._by_workload.setdefault(workload, []).append(monitor)
        self._heeding = tuple(_heeding(estate))

    def selected(self, monitor: Monitor) -> tuple[Workload, ...]:
        """Give the workloads that a monitor selects."""
        return self._selected[monitor]

    def monitors_of(self, workload: Workload) -> tuple[Monitor, ...]:
        """Give the monitors that select a workload."""
        return tuple(self._by_workload.get(workload, ()))

    def annotated(self, workload: Workload) -> Resource | None:
        """Give the object whose annotation asks for the workload to be scraped: its own Pods, or a Service."""
        template = workload.pod_annotations
        if "true" in {template.get(SCRAPE), template.get(DISCOVERED)}:
            return workload.resource
        services = self._estate.services_of(workload)
        return next((s.resource for s in services if s.resource.annotations.get(SCRAPE) == "true"), None)

    def heeded(self, workload: Workload) -> bool:
        """Tell whether anything seen from the workload scrapes what is annotated."""
        return any(self._estate.visible(one, workload.resource) for one in self._heeding)

    def _match(self, monitor: Monitor) -> Iterator[Workload]:
        resource, seen = monitor.resource, self._estate.visible
        for namespace in monitor.namespaces or sorted(self._estate.namespaces):
            if monitor.of_pods:
                found = self._pods.find(namespace, monitor.selector)
                yield from (w for w in found if seen(w.resource, resource))
                continue
            services = [s for s in self._services.find(namespace, monitor.selector) if seen(s.resource, resource)]
            self.services_of[monitor] = (*self.services_of.get(monitor, ()), *services)
            for one in services:
                yield from self._estate.workloads_of(one)


def _monitors(estate: Estate) -> Iterator[Monitor]:
    for kinds, of_pods in ((POD_MONITORS, True), (SERVICE_MONITORS, False)):
        for kind, groups in kinds.items():
            for resource in estate.of_kind(kind, *groups):
                chosen = resource.spec.mapping("namespaceSelector")
                everywhere = chosen.flag("any") or kind.startswith("Cluster")
                yield Monitor(
                    resource=resource,
                    of_pods=of_pods,
                    selector=label_selector(resource.spec, "selector"),
                    namespaces=() if everywhere else chosen.texts("matchNames") or (resource.namespace,),
                )


def _heeding(estate: Estate) -> Iterator[Resource]:
    """Give the objects whose configuration scrapes by annotation: of Prometheus, of an agent, of a collector."""
    for resource in estate.of_kind("ConfigMap", "") + estate.of_kind("Secret", ""):
        texts: list[object] = [*_texts(resource, "data"), *_texts(resource, "stringData")]
        if any(isinstance(text, str) and _heeds(text) for text in texts):
            yield resource
    for kind, group in (("OpenTelemetryCollector", "opentelemetry.io"), ("ScrapeConfig", "monitoring.coreos.com")):
        for resource in estate.of_kind(kind, group):
            if HEEDED.search(str(resource.root.value)):
                yield resource


@lru_cache(maxsize=4096)  # systems beside one another share most texts
def _heeds(text: str) -> bool:
    return HEEDED.search(text) is not None


def _texts(resource: Resource, key: str) -> list[object]:
    return list(resource.root.mapping(key).value.values())


def made_elsewhere(estate: Estate) -> Mapping[str, tuple[str, ...]]:
    """Name by namespace the objects whose Pods an operator makes: what selects those selects nothing here."""
    found: dict[str, list[str]] = {}
    for resource in estate.resources:
        if "." in resource.group and not is_workload(resource) and elsewhere(resource) is None:
            found.setdefault(resource.namespace, []).append(resource.name)
    return {namespace: tuple(dict.fromkeys(names)) for namespace, names in found.items()}


def pushes(workload: Workload) -> bool:
    """Tell whether a workload sends its metrics to a collector by OTLP: then nobody needs to scrape it."""
    for container in workload.containers:
        settings = {variable.name: variable.value for variable in container.variables}
        if settings.get("OTEL_METRICS_EXPORTER", "otlp") == "otlp" and any(name in settings for name in PUSHES):
            return True
    return False


def tells(workload: Workload) -> bool:
    """Tell whether a workload shows that it tells metrics: by an exporter beside it, or a port of that name."""
    for container in workload.every_container:
        if "exporter" in container.image_words or "exporter" in container.name.lower().split("-"):
            return True
        if any(METRICS_PORT.search(port.name.lower()) for port in container.ports):
            return True
    return False
