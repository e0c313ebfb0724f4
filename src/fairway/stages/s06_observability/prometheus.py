"""Prometheus scrapes every service.

Metrics that nobody collects help nobody, and a monitor whose selector matches nothing looks just like one that works.
Each service has a monitor that names its port and path, at an interval that fits how fast a fault must be seen.
"""

from collections.abc import Iterator, Mapping

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.core.wording import listed
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.resource import Resource
from fairway.estate.scraping import (
    BROUGHT,
    DISCOVERED,
    ENDPOINTS,
    SCRAPE,
    TELLS_ITSELF,
    Monitor,
    Scraping,
    made_elsewhere,
    pushes,
    tells,
)
from fairway.estate.traffic import serving
from fairway.estate.whole import is_tool
from fairway.estate.workload import Workload


def check(estate: Estate) -> Iterator[Finding]:
    """Find services that nothing scrapes, and monitors that scrape nothing. A worker without a Service is let be."""
    scraping = Scraping(estate)
    behind: dict[tuple[Resource, str], list[Workload]] = {}
    for workload in estate.workloads:
        for where in _unscraped(estate, scraping, workload):
            behind.setdefault(where, []).append(workload)
    for (service, why), workloads in behind.items():
        names = listed(list(dict.fromkeys(workload.resource.id for workload in workloads)))
        fix = "Add a PodMonitor or ServiceMonitor that selects it and names its port and path."
        says = f"nothing collects the metrics of {names}: {why}."
        yield found(RULE.id, service.spec, "selector", says, fix, warning=bool(estate.unknown))
    elsewhere = made_elsewhere(estate)
    for monitor in scraping.monitors:
        yield from _idle(estate, scraping, monitor, elsewhere)


def _unscraped(estate: Estate, scraping: Scraping, workload: Workload) -> Iterator[tuple[Resource, str]]:
    """Give the Service before a workload that nothing scrapes, with the reason."""
    services = estate.services_of(workload)
    store = estate.store_of(workload)
    if workload.runs_to_completion or not services or scraping.monitors_of(workload) or pushes(workload):
        return
    if store is not None and not tells(workload) and (store.may_be_lost or store.engine not in TELLS_ITSELF):
        return  # it has nothing to be scraped, which is a finding of its own
    if is_tool(workload) or (store is None and not serving(estate, workload)):
        return
    says = "no monitor selects it"
    if asking := scraping.annotated(workload):
        if scraping.heeded(workload):
            return
        key = SCRAPE if asking.kind == "Service" or SCRAPE in workload.pod_annotations else DISCOVERED
        says = f"{asking.kind} '{asking.name}' asks to be scraped by the annotation {key}, and nothing here heeds it"
    first = min(services, key=lambda one: (one.public, one.resource.name))
    yield first.resource, says


def _idle(
    estate: Estate, scraping: Scraping, monitor: Monitor, elsewhere: Mapping[str, tuple[str, ...]]
) -> Iterator[Finding]:
    """Find monitors that select nothing, or ask at a port that what they select does not have."""
    spec, namespaces = monitor.resource.spec, monitor.namespaces or tuple(sorted(estate.namespaces))
    selected, services = scraping.selected(monitor), scraping.services_of.get(monitor, ())
    if not selected and not services:
        here = any(w.namespace in namespaces for w in estate.workloads)
        values = [value for _, value in monitor.selector.labels] if monitor.selector else []
        made = any(value.startswith(name) for value in values for one in namespaces for name in elsewhere.get(one, ()))
        if here and not made and not monitor.unseen and not estate.unknown:
            says = f"it selects nothing in {listed(namespaces)}, and scrapes nothing."
            fix = "Write the labels that the Pods (or for a ServiceMonitor, the Service) carry."
            yield found(RULE.id, spec, "selector", says, fix)
        return
    there = {port.name for w in selected for c in w.every_container for port in c.ports}
    if not monitor.of_pods:
        there = {port.name for service in services for port in service.ports}
    for kind in ENDPOINTS:
        for endpoint in spec.items(kind):
            port = endpoint.number_or_text("port")
            if isinstance(port, str) and port and port not in there | BROUGHT and not monitor.unseen and selected:
                known = f"it has {listed(sorted(filter(None, there)))}" if any(there) else "it names no port"
                says = f"it scrapes port '{port}', which what it selects does not have: {known}."
                yield found(RULE.id, endpoint, "port", says, "Name a port that is there.")


RULE = Rule(
    id="observability/prometheus",
    applies=ALWAYS,
    proof=Proof.LIVE,
    shows="Prometheus scrapes every service with the built configuration",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(path="production/eu-west-1/observability/podmonitor-orders.yaml", old="kind: PodMonitor"),
        Edit(
            path="production/eu-west-1/observability/podmonitor-notifications.yaml",
            old="  selector:\n    matchLabels:\n      app.kubernetes.io/name: notifications",
            new="  selector:\n    matchLabels:\n      app.kubernetes.io/name: notification",
        ),
        Edit(
            path="production/eu-west-1/observability/podmonitor-orders.yaml",
            old="port: admin",
            new="port: metrics",
        ),
    ),
)
