"""Whether requests reach a workload, where from, and how much hangs on it."""

import re

from fairway.core.labels import CRITICALITY, CUSTOMER_FACING, SINGLE_REPLICA
from fairway.estate.container import Container
from fairway.estate.index import Estate
from fairway.estate.workload import Workload

OPERATIONAL = frozenset(
    "admin debug exporter health healthcheck healthz jmx liveness "  # noqa: SIM905 - words read better without quotes
    "management metric metrics monitoring pprof probe probes prom prometheus readiness status telemetry".split()
)
"""Words of port names that only operators and monitors ask."""
PLAIN = frozenset({"exporter", "jmx", "metric", "metrics", "pprof", "probe", "probes", "prom", "prometheus"})
"""Those that mean it even where the program itself is called so: a store-admin may well serve its users."""
_WORDS = re.compile(r"[a-z]+")


def _operational(name: str, workload: Workload | None = None) -> bool:
    """Tell whether a port is for operators; one that is called as its program is for whom the program is."""
    own = workload is not None and name in {workload.name, *(container.name for container in workload.containers)}
    return not (PLAIN if own else OPERATIONAL).isdisjoint(_WORDS.findall(name.lower()))


def serving(estate: Estate, workload: Workload) -> str:
    """Say what shows that requests reach a workload; empty where nothing does, as for a worker or load generator."""
    names = {port.number: port.name for container in workload.containers for port in container.ports}
    for service in estate.services_of(workload):
        behind = (names.get(p.target, "") if isinstance(p.target, int) else p.target or "" for p in service.ports)
        ports = zip(service.ports, behind, strict=True)
        if not all(_operational(port.name, workload) or _operational(target, workload) for port, target in ports):
            return f"Service {service.resource.name} sends it requests"
    for container in workload.containers:
        for port in container.ports:
            if not _operational(port.name, workload):
                named = f" ({port.name})" if port.name else ""
                return f"it listens on port {port.number}{named}"
    return ""


def receivers(estate: Estate, workload: Workload) -> tuple[Container, ...]:
    """Give the containers of a workload that requests go to: those behind a Service's ports, or else the first."""
    targets = {port.target for service in estate.services_of(workload) for port in service.ports}
    found = tuple(
        container
        for container in workload.containers
        if any(
            (port.number in targets or port.name in targets) and not _operational(port.name, workload)
            for port in container.ports
        )
    )
    return found or workload.containers[:1]


def importance(estate: Estate, workload: Workload) -> str:
    """Say why a workload may not stop, in words that follow 'which'; empty where nothing says so."""
    labels = {**workload.pod_labels, **workload.resource.labels}
    if labels.get(CRITICALITY) == "mission-critical":
        return "is mission-critical"
    if labels.get(CUSTOMER_FACING) == "true":
        return "is customer-facing"
    entrance = next(iter(estate.entrances(workload)), None)
    return f"is reached from outside through {entrance.kind} {entrance.name}" if entrance is not None else ""


def may_be_single(workload: Workload) -> bool:
    """Tell whether a single replica is intended, and somebody wrote down why, or that little hangs on it."""
    labels = {**workload.pod_labels, **workload.resource.labels}
    reason = workload.resource.annotations.get(SINGLE_REPLICA, "")
    return bool(reason.strip()) or labels.get(CRITICALITY) == "low"
