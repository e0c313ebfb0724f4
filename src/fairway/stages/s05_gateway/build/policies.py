"""Who may reach the gateway and what it asks: the outside its two doors, and nobody anything else."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from fairway.core.artefact import Manifest
from fairway.core.cluster import (
    CHALLENGE,
    GATEWAY,
    GATEWAYS,
    MESH,
    NODE_DNS,
    OBSERVABILITY,
    OPERATORS,
    PROMETHEUS,
    TRUST_DOMAIN,
)
from fairway.core.profile import Landscape
from fairway.stages.s05_gateway.build.certificates import SOLVER, SOLVER_PORT
from fairway.stages.s05_gateway.build.objects import NAME, Program, described, platform, selector
from fairway_sdk.contract import REST_PORT

NAMESPACE: Final = "kubernetes.io/metadata.name"
DOORS: Final = {"kong": (8000, 8443), "ambassador": (8080, 8443)}
METRICS: Final = {"kong": 8100, "ambassador": 8877}
OPERATED: Final = {"kong": 8444, "ambassador": 0}  # where Kong's operator sets it up
API_PORTS: Final = (443, 6443)
MESH_PORT: Final = 15012


def default(landscape: Landscape, namespace: str) -> Manifest:
    """Refuse everything in both directions, for the whole namespace."""
    body = {"spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}}
    metadata = described(landscape, "default-deny", namespace)
    return platform("networking.k8s.io/v1", "NetworkPolicy", metadata, body, short=f"default-deny-{namespace}")


def around_challenge(landscape: Landscape, namespace: str) -> Manifest:
    """Let the gateway lead the issuer of public certificates to what answers it, as long as that stands there."""
    caller = _pods(GATEWAY, GATEWAYS[str(landscape.system.platform.gateway)])
    spec = {
        "podSelector": {"matchLabels": SOLVER},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": [caller], "ports": _tcp(SOLVER_PORT)}],
    }
    short = CHALLENGE if namespace == GATEWAY else f"{CHALLENGE}-{namespace}"
    metadata = described(landscape, CHALLENGE, namespace)
    body = {"spec": spec}
    return platform("networking.k8s.io/v1", "NetworkPolicy", metadata, body, topic="public certificate", short=short)


def around_gateway(landscape: Landscape, asked: list[Program], answering: Iterable[str]) -> Manifest:
    """Let the outside come to the doors, and the gateway go on to public services and what it asks."""
    gateway = str(landscape.system.platform.gateway)
    exposed = sorted(profile.name for profile in landscape.services.values() if profile.exposed)
    ingress: list[dict[str, Any]] = [{"ports": _tcp(*DOORS[gateway])}, _scraped(METRICS[gateway])]
    if OPERATED[gateway]:
        operators = {"namespaceSelector": {"matchExpressions": [{"key": OPERATORS, "operator": "Exists"}]}}
        ingress.append({"from": [operators], "ports": _tcp(OPERATED[gateway])})
    named = {"matchExpressions": [{"key": NAME, "operator": "In", "values": exposed}]}
    services = {**_namespace(landscape.system.system), "podSelector": named}
    egress = [*_basic(landscape), {"to": [services], "ports": _tcp(REST_PORT)}]
    egress += [{"to": [_pods(one.namespace, one.name)], "ports": _tcp(*one.ports.values())} for one in asked]
    challenges = [{**_namespace(name), "podSelector": {"matchLabels": SOLVER}} for name in answering]
    if challenges:
        egress.append({"to": challenges, "ports": _tcp(SOLVER_PORT)})
    if gateway == "ambassador":
        egress.append({"ports": _tcp(*API_PORTS)})  # it reads its routes from Kubernetes
    metadata = described(landscape, GATEWAYS[gateway])
    picked = {NAME: GATEWAYS[gateway]}
    return platform("networking.k8s.io/v1", "NetworkPolicy", metadata, _policy(picked, ingress, egress))


def around(
    landscape: Landscape, one: Program, asks: list[Program], *callers: str, outside: bool = False
) -> Iterator[Manifest]:
    """Let a program be asked by its *callers* in the gateway's namespace, and ask others itself."""
    ports = _tcp(*one.ports.values())
    ingress = [{"from": [_pods(GATEWAY, caller) for caller in callers], "ports": ports}, _scraped(one.metrics[0])]
    egress = [*_basic(landscape)]
    egress += [{"to": [_pods(other.namespace, other.name)], "ports": _tcp(*other.ports.values())} for other in asks]
    if outside:
        egress.append({"ports": _tcp(*API_PORTS)})  # providers outside, and Kubernetes
    metadata = described(landscape, one.name, one.namespace)
    picked = selector(landscape, one.name)
    yield platform(
        "networking.k8s.io/v1", "NetworkPolicy", metadata, _policy(picked, ingress, egress), one.rule, one.topic
    )
    if not landscape.mesh:
        return
    principals = [f"{TRUST_DOMAIN}/ns/{GATEWAY}/sa/{caller}" for caller in callers]
    scraper = f"{TRUST_DOMAIN}/ns/{OBSERVABILITY}/sa/{PROMETHEUS}"
    rules = [
        {
            "from": [{"source": {"principals": principals}}],
            "to": [{"operation": {"ports": [str(port) for port in one.ports.values()]}}],
        },
        {
            "from": [{"source": {"principals": [scraper]}}],
            "to": [{"operation": {"ports": [str(one.metrics[0])]}}],
        },
    ]
    body = {"spec": {"selector": {"matchLabels": picked}, "action": "ALLOW", "rules": rules}}
    yield platform("security.istio.io/v1", "AuthorizationPolicy", metadata, body, one.rule, one.topic)


def _policy(picked: dict[str, str], ingress: list[dict[str, Any]], egress: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "spec": {
            "podSelector": {"matchLabels": picked},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": ingress,
            "egress": egress,
        }
    }


def _basic(landscape: Landscape) -> Iterator[dict[str, Any]]:
    dns = {**_namespace("kube-system"), "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}
    ports = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
    yield {"to": [dns, {"ipBlock": {"cidr": NODE_DNS}}], "ports": ports}
    if landscape.mesh:
        control = {**_namespace(MESH), "podSelector": {"matchLabels": {"app": "istiod"}}}
        yield {"to": [control], "ports": _tcp(MESH_PORT)}


def _scraped(port: int) -> dict[str, Any]:
    return {"from": [_pods(OBSERVABILITY, PROMETHEUS)], "ports": _tcp(port)}


def _pods(namespace: str, name: str) -> dict[str, Any]:
    return {**_namespace(namespace), "podSelector": {"matchLabels": {NAME: name}}}


def _namespace(name: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": {NAMESPACE: name}}}


def _tcp(*ports: int) -> list[dict[str, Any]]:
    return [{"protocol": "TCP", "port": port} for port in ports]
