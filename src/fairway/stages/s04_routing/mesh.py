"""What a service needs of the network itself comes from a service mesh.

Routing by content, retries and circuit breaking for programs in any language need a proxy at both ends of a call,
set up from one place. Kubernetes alone gives a name and a connection. Where the need is declared and no mesh is
there, nothing meets it and nothing says so.
"""

from collections.abc import Iterator

from fairway.core.conditions import NETWORK_NEEDS
from fairway.core.rule import Edit, Finding, Proof, Rule
from fairway.core.wording import listed
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.resource import Resource
from fairway.estate.routes import service_of
from fairway.estate.workload import Workload

INJECTED = {"istio-injection": ("enabled",), "istio.io/dataplane-mode": ("ambient",)}
REVISION = "istio.io/rev"
POD = "sidecar.istio.io/inject"
NAMED = 3  # names that a sentence carries


def check(estate: Estate) -> Iterator[Finding]:
    """Find routes and balancing of a mesh for workloads that no proxy of it carries.

    What a service needs of the network is seen only where somebody wrote it as routes of the mesh. A namespace that
    is not among the files may be in the mesh, and is not judged.
    """
    needing: dict[str, list[Resource]] = {}
    for resource in (*_of(estate, "VirtualService"), *_of(estate, "DestinationRule")):
        for namespace in dict.fromkeys(_namespaces(estate, resource)):
            needing.setdefault(namespace, []).append(resource)
    bare = {w.namespace for w in estate.workloads if not w.runs_to_completion and not _proxied(w)}
    for one in estate.of_kind("Namespace", ""):
        if one.name not in needing or _injected(one):
            continue
        asking = needing[one.name]
        if one.name in bare:
            names = listed([f"{r.kind} {r.name}" for r in asking[:NAMED]])
            says = f"{names} ask a mesh to route here, and no proxy is put beside the Pods: nothing carries it out."
            node = one.root.mapping("metadata")
            yield found(RULE.id, node, "labels", says, "Add the label istio-injection: enabled (or istio.io/rev).")


def _of(estate: Estate, kind: str) -> tuple[Resource, ...]:
    return estate.of_kind(kind, "networking.istio.io")


def _namespaces(estate: Estate, resource: Resource) -> Iterator[str]:
    """Name where the workloads are whose proxies would carry a route or balancing out."""
    hosts = (resource.spec.text("host"),) if resource.kind == "DestinationRule" else resource.spec.texts("hosts")
    if resource.kind == "VirtualService" and not set(resource.spec.texts("gateways")) <= {"mesh"}:
        return  # a gateway carries it out
    for host in filter(None, hosts):
        namespace, name = service_of(host, resource.namespace)
        if estate.find("Service", namespace, name, resource):
            yield resource.namespace


def _injected(namespace: Resource) -> bool:
    labels = namespace.labels
    return REVISION in labels or any(labels.get(key) in values for key, values in INJECTED.items())


def _proxied(workload: Workload) -> bool:
    said = {**workload.pod.pairs("annotations"), **workload.pod_labels}.get(
        POD
    ) == "true" or REVISION in workload.pod_labels
    return said or any(container.name == "istio-proxy" for container in workload.every_container)


RULE = Rule(
    id="routing/mesh",
    applies=NETWORK_NEEDS,
    proof=Proof.STATIC,
    once=True,
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/platform/namespace.yaml",
            old="    istio-injection: enabled\n",
            new="",
        ),
    ),
)
