"""What a whole system lacks is said once, with the list of what it concerns."""

from collections.abc import Iterable, Sequence

from fairway.core.rule import Finding
from fairway.core.wording import listed
from fairway.estate.index import Estate
from fairway.estate.resource import Resource
from fairway.estate.traffic import serving
from fairway.estate.workload import Workload

SYSTEM = "System"
NAMED = 5  # of what it concerns; whoever wants all sees them in the files
GATES = frozenset(
    "aes ambassador argocd cert-manager dex emissary envoy heapster "  # noqa: SIM905 - words read better without quotes
    "istio-proxy keycloak kong linkerd pilot prometheus-operator proxyv2 ratelimit traefik vault velero".split()
)
WATCHERS = frozenset(
    "alertmanager all-in-one cadvisor dashboard grafana jaeger jaeger-all-in-one "  # noqa: SIM905 - as above
    "jaeger-collector jaeger-query k8s-sidecar kiali kibana kube-state-metrics loki node-exporter "
    "opentelemetry-collector opentelemetry-collector-contrib opentelemetry-collector-k8s otel-collector prometheus "
    "pushgateway tempo thanos zipkin".split()
)
TOOLS = GATES | WATCHERS
"""Images of what serves the platform: gateways, identity, whatever watches. Their makers watch over them."""


def serves(estate: Estate) -> tuple[Workload, ...]:
    """Give the workloads that requests reach and that keep no data for others: the system's own services."""
    return tuple(
        w
        for w in estate.workloads
        if not w.runs_to_completion
        and estate.store_of(w) is None
        and not is_tool(w)
        and estate.services_of(w)
        and serving(estate, w)
    )


def is_tool(workload: Workload) -> bool:
    """Tell whether a workload runs nothing but tools of the platform."""
    return _runs_only(workload, TOOLS)


def watches(workload: Workload) -> bool:
    """Tell whether a workload only watches the others: no request waits for it, and many keep what they saw."""
    return _runs_only(workload, WATCHERS)


def _runs_only(workload: Workload, programs: frozenset[str]) -> bool:
    images = [container.image for container in workload.containers]
    names = {image.partition("@")[0].rpartition("/")[2].partition(":")[0].lower() for image in images}
    return bool(names) and names <= programs


def without(estate: Estate, workloads: Iterable[Workload], there: Sequence[Resource]) -> list[Workload]:
    """Give those of the workloads from which none of what is *there* is seen.

    Workloads of one folder see the same, so each folder is asked once.
    """
    known: dict[str, bool] = {}
    found: list[Workload] = []
    for workload in workloads:
        folder = workload.resource.file
        if folder not in known:
            known[folder] = any(estate.visible(one, workload.resource) for one in there)
        if not known[folder]:
            found.append(workload)
    return found


def lacks(  # noqa: PLR0913 - all of it is what a finding says
    estate: Estate, rule: str, workloads: Sequence[Workload], says: str, fix: str, *, warning: bool = False
) -> Finding:
    """Say what the system lacks; a warning where it may be in what cannot be seen, or where it is a mere *warning*."""
    names = list(dict.fromkeys(w.name for w in workloads))
    rest = len(names) - NAMED
    shown = listed(names) if rest <= 1 else f"{', '.join(names[:NAMED])} and {rest} more"
    first = workloads[0].resource
    return Finding(
        rule=rule,
        severity="warning" if warning or estate.unknown else "error",
        resource=SYSTEM,
        file=first.file,
        line=first.root.line,
        key="",
        says=f"{says} It concerns {shown}.",
        fix=fix,
    )
