"""What reaches a workload, and whether from outside."""

from pathlib import Path

import pytest

from fairway.estate.index import Estate
from fairway.estate.read import read
from fairway.estate.traffic import importance, may_be_single, receivers, serving

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: agent
          ports: [{name: metrics, containerPort: 9090}]
        - name: main
          ports: [{name: PORT, containerPort: 8080}]
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
"""


def estate(folder: Path, *documents: str) -> Estate:
    """Read documents."""
    (folder / "a.yaml").write_text("\n---\n".join(documents))
    return read([folder])


def entrances(found: Estate) -> list[str]:
    """Name what leads from outside to the one workload."""
    return [entrance.kind for entrance in found.entrances(found.workloads[0])]


@pytest.mark.parametrize(
    ("port", "service", "shows"),
    [
        ("http", SERVICE, "Service web sends it requests"),
        ("http", "", "it listens on port 8080 (http)"),
        ("admin", "", ""),
        ("http-metrics", "", ""),
        ("admin", SERVICE, ""),
        ("health", SERVICE.replace("8080", "health"), ""),
        ("http", SERVICE.replace("app: web", "app: other"), "it listens on port 8080 (http)"),
    ],
)
def test_requests_reach_what_a_service_selects_or_what_listens(
    tmp_path: Path, port: str, service: str, shows: str
) -> None:
    """A port that only monitors and operators ask does not count."""
    found = estate(tmp_path, WEB.replace("PORT", port), *([service] if service else []))
    assert serving(found, found.workloads[0]) == shows


def test_a_workload_without_ports_and_service_serves_nothing(tmp_path: Path) -> None:
    """It is a worker or a load generator."""
    found = estate(tmp_path, WEB.replace("ports: [{name: PORT, containerPort: 8080}]", "image: a"))
    assert serving(found, found.workloads[0]) == ""


@pytest.mark.parametrize("service", [SERVICE, SERVICE.replace("8080", "http"), ""])
def test_requests_go_to_the_container_behind_the_service_or_else_the_first(tmp_path: Path, service: str) -> None:
    """A port is meant by number or by name."""
    found = estate(tmp_path, WEB.replace("PORT", "http"), *([service] if service else []))
    assert [c.name for c in receivers(found, found.workloads[0])] == ["main" if service else "agent"]


ROUTES = {
    "Ingress": "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: r, namespace: shop}\n"
    "spec: {rules: [{http: {paths: [{path: /, backend: {service: {name: web, port: {number: 80}}}}]}}]}",
    "Ingress default": "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: r, namespace: shop}\n"
    "spec: {defaultBackend: {service: {name: web}}}",
    "Ingress old": "apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: r, namespace: shop}\n"
    "spec: {backend: {serviceName: web, servicePort: 80}}",
    "HTTPRoute": "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r, namespace: edge}\n"
    "spec: {parentRefs: [{name: g}], rules: [{backendRefs: [{name: web, namespace: shop, port: 80}]}]}",
    "GRPCRoute": "apiVersion: gateway.networking.k8s.io/v1\nkind: GRPCRoute\nmetadata: {name: r, namespace: shop}\n"
    "spec: {rules: [{backendRefs: [{name: web, port: 80}]}]}",
    "VirtualService": "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: r, namespace: edge}\n"
    "spec: {gateways: [public, mesh], http: [{route: [{destination: {host: web.shop.svc.cluster.local}}]}]}",
    "Mapping": "apiVersion: getambassador.io/v3alpha1\nkind: Mapping\nmetadata: {name: r, namespace: shop}\n"
    "spec: {hostname: '*', prefix: /, service: 'http://web.shop:80'}",
    "IngressRoute": "apiVersion: traefik.io/v1alpha1\nkind: IngressRoute\nmetadata: {name: r, namespace: shop}\n"
    "spec: {routes: [{match: x, services: [{name: web, port: 80}]}]}",
    "HTTPProxy": "apiVersion: projectcontour.io/v1\nkind: HTTPProxy\nmetadata: {name: r, namespace: shop}\n"
    "spec: {routes: [{services: [{name: web, port: 80}]}]}",
    "Route": "apiVersion: route.openshift.io/v1\nkind: Route\nmetadata: {name: r, namespace: shop}\n"
    "spec: {to: {kind: Service, name: web}}",
}


@pytest.mark.parametrize("route", ROUTES)
def test_every_kind_of_route_leads_from_outside_to_its_workload(tmp_path: Path, route: str) -> None:
    """Old and new spellings, in the same namespace or another."""
    found = estate(tmp_path, WEB, SERVICE, ROUTES[route])
    assert entrances(found) == [route.partition(" ")[0]]
    assert importance(found, found.workloads[0]) == f"is reached from outside through {route.partition(' ')[0]} r"


@pytest.mark.parametrize(
    "route",
    [
        ROUTES["VirtualService"].replace("gateways: [public, mesh], ", ""),
        ROUTES["VirtualService"].replace("public, ", ""),
        ROUTES["HTTPRoute"].replace("[{name: g}]", "[{kind: Service, group: '', name: web}]"),
        ROUTES["HTTPRoute"].replace(", namespace: shop", ""),
        ROUTES["Ingress"].replace("namespace: shop", "namespace: other"),
    ],
)
def test_a_route_inside_the_mesh_or_in_another_namespace_leads_nowhere(tmp_path: Path, route: str) -> None:
    """The same kinds, for traffic between services."""
    assert entrances(estate(tmp_path, WEB, SERVICE, route)) == []


@pytest.mark.parametrize(
    ("spec", "annotations", "public"),
    [
        ("type: LoadBalancer, ", "", True),
        ("type: NodePort, ", "", True),
        ("type: ClusterIP, ", "", False),
        ("externalIPs: ['192.0.2.1'], ", "", True),
        ("type: LoadBalancer, ", ", annotations: {networking.gke.io/load-balancer-type: Internal}", False),
        (
            "type: LoadBalancer, ",
            ", annotations: {service.beta.kubernetes.io/aws-load-balancer-scheme: internal}",
            False,
        ),
        ("type: ExternalName, externalName: a.example.com, ", "", False),
    ],
)
def test_a_service_is_open_by_its_type_unless_its_load_balancer_is_internal(
    tmp_path: Path, spec: str, annotations: str, *, public: bool
) -> None:
    """A node port is open on every machine."""
    text = SERVICE.replace("spec: {", f"spec: {{{spec}").replace("namespace: shop}", f"namespace: shop{annotations}}}")
    assert entrances(estate(tmp_path, WEB, text)) == ["Service"] * public


@pytest.mark.parametrize(
    ("metadata", "why", "single"),
    [
        ("labels: {fairway.dev/criticality: mission-critical}", "is mission-critical", False),
        ("labels: {fairway.dev/customer-facing: 'true'}", "is customer-facing", False),
        ("labels: {fairway.dev/criticality: standard}", "", False),
        ("labels: {fairway.dev/criticality: low}", "", True),
        ("annotations: {fairway.dev/single-replica-because: it holds a lock}", "", True),
        ("annotations: {fairway.dev/single-replica-because: ' '}", "", False),
    ],
)
def test_labels_declare_what_hangs_on_a_workload(tmp_path: Path, metadata: str, why: str, *, single: bool) -> None:
    """They are the ones that our own build writes."""
    found = estate(tmp_path, WEB.replace("namespace: shop", f"namespace: shop, {metadata}"))
    assert (importance(found, found.workloads[0]), may_be_single(found.workloads[0])) == (why, single)
