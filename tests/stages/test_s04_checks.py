"""Routing's checks: names that lead nowhere, routes to what is not there, and a mesh that nobody carries out."""

from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from fairway.estate.addresses import private_address
from fairway.estate.read import read
from fairway.stages.s04_routing import ingress, kubernetes_dns, mesh, virtualservice_destinationrule

if TYPE_CHECKING:
    from fairway.core.rule import Finding

APP = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web, version: v1}}
    spec: {containers: [{name: web, image: "acme/web:1", ports: [{name: http, containerPort: 8080}], env: [ENV]}]}
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: SELECTOR, ports: [{port: 80, targetPort: TARGET}]}
"""
VIRTUAL = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec:
  hosts: [web]
  http:
  - route: [{destination: DESTINATION}]
    MORE
"""
BALANCING = """\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web, namespace: shop}
spec: {host: HOST, subsets: [{name: v1, labels: {version: VERSION}}]}
"""
NAMESPACE = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {LABELS}}
"""
WAY = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop}
spec: {rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: NAME, port: {number: 80}}}}]}}]}
"""


def app(env: str = "") -> str:
    """Write an application."""
    return APP.replace("ENV", env)


def service(selector: str = "{app: web}", target: str = "http") -> str:
    """Write its Service."""
    return SERVICE.replace("SELECTOR", selector).replace("TARGET", target)


def virtual(destination: str = "{host: web}", more: str = "timeout: 1s") -> str:
    """Write a route of the mesh."""
    return VIRTUAL.replace("DESTINATION", destination).replace("MORE", more)


def balancing(host: str = "web", version: str = "v1") -> str:
    """Write how the mesh balances."""
    return BALANCING.replace("HOST", host).replace("VERSION", version)


def findings(rule: ModuleType, folder: Path, *documents: str) -> list[str]:
    """Tell where a rule finds something in documents of one file, and how bad it is."""
    (folder / "all.yaml").write_text("---\n".join(documents))
    found: list[Finding] = list(rule.check(read([folder])))
    assert all(one.fix and one.line for one in found)
    return [f"{one.severity} {one.resource} {one.key}" for one in found]


def test_a_service_whose_selector_picks_nothing_is_found_with_what_was_meant(tmp_path: Path) -> None:
    """The name resolves, and nobody answers."""
    assert findings(kubernetes_dns, tmp_path, app(), service()) == []
    assert findings(kubernetes_dns, tmp_path, app(), service("{app: wbe}")) == ["error Service/shop/web spec.selector"]
    (tmp_path / "all.yaml").write_text(f"{app()}---\n{service('{app: wbe}')}")
    [found] = kubernetes_dns.check(read([tmp_path]))
    assert found.fix == "Did you mean 'web'?"


@pytest.mark.parametrize(
    "selector", ["{cnpg.io/cluster: orders}", "{strimzi.io/name: kafka}", "{statefulset.kubernetes.io/pod-name: a-0}"]
)
def test_what_an_operator_starts_is_not_missed(tmp_path: Path, selector: str) -> None:
    """Its Pods are in no file."""
    assert findings(kubernetes_dns, tmp_path, app(), service(selector)) == []


def test_a_service_without_workloads_around_it_is_not_judged(tmp_path: Path) -> None:
    """They are kept elsewhere."""
    assert findings(kubernetes_dns, tmp_path, service("{app: other}")) == []


def test_a_port_of_no_container_is_found(tmp_path: Path) -> None:
    """By name; a number may be one that the container does not declare."""
    assert findings(kubernetes_dns, tmp_path, app(), service(target="web")) == [
        "error Service/shop/web spec.ports[0].targetPort"
    ]
    assert findings(kubernetes_dns, tmp_path, app(), service(target="9999")) == []


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("http://10.1.2.3:8080/path", "10.1.2.3"),
        ("postgres://user:word@172.16.4.9:5432/db", "172.16.4.9"),
        ("192.168.7.7:6379", "192.168.7.7"),
        ("10.0.0.0/8", ""),
        ("172.32.0.1", ""),
        ("8.8.8.8", ""),
        ("127.0.0.1:80", ""),
        ("255.255.255.255", ""),
        ("1.10.2.3", ""),
        ("orders.shop:80", ""),
        ("10.1.2", ""),
    ],
)
def test_an_address_inside_a_network_is_told_from_ranges_and_others(text: str, address: str) -> None:
    """Ranges, loopback and the world's own resolvers are not what moves."""
    assert private_address(text) == address


def test_an_address_that_is_written_down_is_found_in_settings(tmp_path: Path) -> None:
    """As a variable, or as a key of a ConfigMap."""
    config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: shop}\ndata: {db: '10.9.8.7:5432'}\n"
    found = findings(kubernetes_dns, tmp_path, app("{name: DB, value: '10.9.8.7'}"), service(), config)
    assert found == [
        "error Deployment/shop/web spec.template.spec.containers[web].env[DB].value",
        "error ConfigMap/shop/c data.db",
    ]


@pytest.mark.parametrize(
    ("documents", "places"),
    [
        ((virtual(),), []),
        ((virtual("{host: web.shop.svc.cluster.local}"),), []),
        ((virtual("{host: wbe}"),), ["error VirtualService/shop/web spec.http[0].route[0].destination.host"]),
        ((virtual("{host: api.elsewhere.example}"),), []),
        (
            (virtual("{host: web, subset: v2}"), balancing()),
            ["error VirtualService/shop/web spec.http[0].route[0].destination.subset"],
        ),
        ((virtual("{host: web, subset: v1}"), balancing()), []),
        ((balancing("wbe"),), ["error DestinationRule/shop/web spec.host"]),
        ((balancing(version="v9"),), ["error DestinationRule/shop/web spec.subsets[v1].labels"]),
        ((virtual(more=""),), ["error VirtualService/shop/web spec.http[0].timeout"]),
        (
            (virtual(more="timeout: 1s\n    match: [{method: {exact: POST}}]\n    retries: {attempts: 3}"),),
            ["error VirtualService/shop/web spec.http[0].retries.attempts"],
        ),
        ((virtual(more="timeout: 1s\n    match: [{method: {exact: GET}}]\n    retries: {attempts: 3}"),), []),
        ((virtual(more="timeout: 1s\n    retries: {attempts: 0}"),), []),
        (
            (virtual(more="timeout: 1s\n    retries: {attempts: 2, retryOn: '5xx,reset'}"),),
            ["warning VirtualService/shop/web spec.http[0].retries.retryOn"],
        ),
        ((virtual(more="timeout: 1s\n    retries: {attempts: 2, retryOn: connect-failure}"),), []),
    ],
)
def test_a_route_of_the_mesh_leads_somewhere_ends_and_repeats_nothing_twice(
    tmp_path: Path, documents: tuple[str, ...], places: list[str]
) -> None:
    """Each fault at its key, and only there."""
    assert findings(virtualservice_destinationrule, tmp_path, app(), service(), *documents) == places


def test_a_host_outside_that_is_made_known_is_there(tmp_path: Path) -> None:
    """A ServiceEntry may have a short name."""
    entry = (
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: p, namespace: shop}\n"
        "spec: {hosts: [payments.svc], ports: [{number: 443, name: tls}]}\n"
    )
    asked = (app(), service(), virtual("{host: payments.svc}"))
    assert len(findings(virtualservice_destinationrule, tmp_path, *asked)) <= 1
    assert findings(virtualservice_destinationrule, tmp_path, *asked, entry) == []


@pytest.mark.parametrize(
    ("labels", "count"),
    [
        ("", 1),
        ("istio-injection: disabled", 1),
        ("istio-injection: enabled", 0),
        ("istio.io/rev: stable", 0),
        ("istio.io/dataplane-mode: ambient", 0),
    ],
)
def test_routes_of_a_mesh_need_proxies(tmp_path: Path, labels: str, count: int) -> None:
    """Without, they are words on paper; a namespace that is not among the files is not judged."""
    namespace = NAMESPACE.replace("LABELS", labels)
    found = findings(mesh, tmp_path, app(), service(), virtual(), balancing(), namespace)
    assert found == ["error Namespace/shop metadata.labels"] * count
    assert findings(mesh, tmp_path, app(), service(), virtual()) == []


def test_a_gateways_route_needs_no_proxy_beside_the_pods(tmp_path: Path) -> None:
    """The gateway itself carries it out."""
    outer = virtual().replace("hosts: [web]", "hosts: [web]\n  gateways: [front]")
    assert findings(mesh, tmp_path, app(), service(), outer, NAMESPACE.replace("LABELS", "")) == []


def test_a_way_in_to_what_is_not_there_is_found(tmp_path: Path) -> None:
    """By name and by port."""
    assert findings(ingress, tmp_path, app(), service(), WAY.replace("NAME", "web")) == []
    assert findings(ingress, tmp_path, app(), service(), WAY.replace("NAME", "wbe")) == [
        "error Ingress/shop/web spec.rules[0].http.paths[0].backend.service.name"
    ]
    other = WAY.replace("NAME", "web").replace("number: 80", "number: 81")
    assert findings(ingress, tmp_path, app(), service(), other) == [
        "error Ingress/shop/web spec.rules[0].http.paths[0].backend.service.name"
    ]
