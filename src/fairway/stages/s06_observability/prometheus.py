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
from fairway.estate.scraping import BROUGHT, ENDPOINTS, SCRAPE, Monitor, Scraping, made_elsewhere, tells
from fairway.estate.traffic import serving
from fairway.estate.whole import is_tool
from fairway.estate.workload import Workload


def check(estate: Estate) -> Iterator[Finding]:
    """Find services that nothing scrapes, and monitors that scrape nothing. A worker without a Service is let be."""
    scraping = Scraping(estate)
    for workload in estate.workloads:
        yield from _unscraped(estate, scraping, workload)
    elsewhere = made_elsewhere(estate)
    for monitor in scraping.monitors:
        yield from _idle(estate, scraping, monitor, elsewhere)


def _unscraped(estate: Estate, scraping: Scraping, workload: Workload) -> Iterator[Finding]:
    services = estate.services_of(workload)
    store = estate.store_of(workload)
    if workload.runs_to_completion or not services or scraping.monitors_of(workload):
        return
    if store is not None and not tells(workload):
        return  # it has nothing to be scraped, which is a finding of its own
    if is_tool(workload) or (store is None and not serving(estate, workload)):
        return
    says = "no monitor selects it"
    if asking := scraping.annotated(workload):
        if scraping.heeded(workload):
            return
        says = f"{asking.kind} '{asking.name}' asks to be scraped by the annotation {SCRAPE}, and nothing here heeds it"
    first = min(services, key=lambda one: (one.public, one.resource.name))
    fix = "Add a PodMonitor or ServiceMonitor that selects it and names its port and path."
    says = f"nothing collects the metrics of {workload.resource.id}: {says}."
    yield found(RULE.id, first.resource.spec, "selector", says, fix, warning=bool(estate.unknown))


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
