"""The namespace that watches the system, and who may reach what stands in it."""

from collections.abc import Iterator
from typing import Any, Final

from fairway.core.artefact import Manifest
from fairway.core.cluster import (
    ALERTMANAGER,
    COLLECTION,
    COLLECTOR,
    GATEWAY,
    GRAFANA,
    IDENTITY,
    LOGS,
    MESH,
    NODE_DNS,
    OBSERVABILITY,
    OPERATORS,
    PROMETHEUS,
    ROLLOUTS,
)
from fairway.core.profile import Landscape
from fairway.stages.s06_observability.build import placing
from fairway.stages.s06_observability.build.log_collectors import ELASTICSEARCH_PORT, LOKI_PORT
from fairway.stages.s06_observability.build.monitors import STATE
from fairway.stages.s06_observability.decisions import system
from fairway_sdk.contract import COLLECTOR_PORT

RULE: Final = "prometheus"
API_SERVER: Final = (443, 6443)
OUTSIDE: Final = (443, 587)  # to the channels and mail hosts of owners
MESH_PORT: Final = 15012  # of its control plane
LINES: Final = {LOGS["loki"]: LOKI_PORT, LOGS["elasticsearch"]: ELASTICSEARCH_PORT}
LABEL: Final = "kubernetes.io/metadata.name"


def manifests(landscape: Landscape) -> Iterator[Manifest]:
    """Build the namespace, and the one of what collects logs; from outside little of them is reached."""
    for name, file, level in (
        (OBSERVABILITY, "namespace", "restricted"),
        (COLLECTION, f"namespace-{COLLECTION}", "privileged"),  # it reads the disk of its node
    ):
        levels = {"enforce": level, "audit": "restricted", "warn": "restricted"}
        labels = {f"pod-security.kubernetes.io/{mode}": chosen for mode, chosen in levels.items()}
        described = placing.unplaced(landscape, name)
        described["labels"] = {**described["labels"], **labels}
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": described}
        yield placing.manifest(RULE, "monitoring", file, namespace)
    yield from _policies(landscape)


def _policies(landscape: Landscape) -> Iterator[Manifest]:
    """Let all in the namespace talk to each other, and each to those outside whom its work needs."""
    everybody: dict[str, Any] = {}
    inside: list[dict[str, Any]] = [{"podSelector": {}}]
    yield _policy(landscape, "inside", everybody, [{"from": inside}], [{"to": inside}, _names()])
    yield _policy(landscape, PROMETHEUS, _named(PROMETHEUS), *_of_prometheus(landscape))
    yield _policy(landscape, ALERTMANAGER, _named(ALERTMANAGER), [], [_outside(*OUTSIDE)])
    if any(profile.runs_to_completion for profile in landscape.services.values()):
        yield _policy(landscape, STATE, _named(STATE), [], [_outside(*API_SERVER)])
    if system.traces(landscape) is not None:
        callers = {"from": [_in(landscape.system.system)], **_ports(COLLECTOR_PORT)}
        yield _policy(landscape, COLLECTOR, _named(COLLECTOR), [callers], [])
    # It fetches the plugins that its own version comes without.
    yield _policy(landscape, GRAFANA, _named(GRAFANA), [{"from": [_operators()], **_ports(3000)}], [_outside(443)])
    yield from _of_lines(landscape)


def _of_lines(landscape: Landscape) -> Iterator[Manifest]:
    """Let the collector, whom nobody asks anything, reach the store of lines, and the store's operator too."""
    part = LOGS[system.log_pipeline(landscape).value.store]
    port = _ports(LINES[part])
    acting = [_operators()] if part == LOGS["elasticsearch"] else []
    yield _policy(landscape, part, _named(part), [{"from": [_in(COLLECTION), *acting], **port}], [])
    store = {"to": [{**_in(OBSERVABILITY), "podSelector": _named(part)}], **port}
    spec = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "egress": [_names(), store]}
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": placing.described(landscape, COLLECTION, namespace=COLLECTION),
        "spec": spec,
    }
    yield placing.manifest(RULE, "monitoring", f"networkpolicy-{COLLECTION}", policy)


def _of_prometheus(landscape: Landscape) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Say who asks Prometheus, and whom it asks: what is scraped lets it in at its own port and at no other."""
    scraped = {"to": [_in(name) for name in (landscape.system.system, GATEWAY, IDENTITY)]}
    asked = [scraped, _outside(*API_SERVER)]
    if landscape.mesh:
        control = {**_in(MESH), "podSelector": {"matchLabels": {"app": "istiod"}}}
        asked.append({"to": [control], **_ports(MESH_PORT)})
    # Whoever releases a version asks whether it is worse than the one before.
    return [{"from": [_in(ROLLOUTS)], **_ports(9090)}], asked


def _names() -> dict[str, Any]:
    """Let names be looked up."""
    resolver = {**_in("kube-system"), "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}
    ports = [{"protocol": protocol, "port": 53} for protocol in ("TCP", "UDP")]
    return {"to": [resolver, {"ipBlock": {"cidr": NODE_DNS}}], "ports": ports}


def _outside(*ports: int) -> dict[str, Any]:
    return {"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], **_ports(*ports)}


def _operators() -> dict[str, Any]:
    """Select the namespaces of operators, which act on what stands here."""
    return {"namespaceSelector": {"matchExpressions": [{"key": OPERATORS, "operator": "Exists"}]}}


def _in(namespace: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": {LABEL: namespace}}}


def _named(part: str) -> dict[str, Any]:
    return {"matchLabels": {"app.kubernetes.io/name": part}}


def _ports(*numbers: int) -> dict[str, Any]:
    return {"ports": [{"protocol": "TCP", "port": number} for number in numbers]}


def _policy(
    landscape: Landscape,
    name: str,
    chosen: dict[str, Any],
    ingress: list[dict[str, Any]],
    egress: list[dict[str, Any]],
) -> Manifest:
    open_for = {"ingress": ingress, "egress": egress}
    directions = {kind.capitalize(): rules for kind, rules in open_for.items() if rules}
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": placing.described(landscape, OBSERVABILITY, name),
        "spec": {
            "podSelector": chosen,
            "policyTypes": list(directions),
            **{kind.lower(): rules for kind, rules in directions.items()},
        },
    }
    return placing.manifest(RULE, "monitoring", f"networkpolicy-{name}", policy)
