"""The namespace that watches the system, and who may reach what stands in it."""

from collections.abc import Iterator
from typing import Any, Final

from fairway.core import programs
from fairway.core.artefact import Manifest
from fairway.core.cluster import ALERTMANAGER, COLLECTOR, GRAFANA, LOGS, OBSERVABILITY, PROMETHEUS
from fairway.core.profile import Landscape
from fairway.stages.s06_observability.build import placing
from fairway.stages.s06_observability.build.monitors import STATE
from fairway.stages.s06_observability.decisions import system
from fairway_sdk.contract import ADMIN_PORT, COLLECTOR_PORT

RULE: Final = "prometheus"
API_SERVER: Final = (443, 6443)
OUTSIDE: Final = (443, 587)  # to the channels and mail hosts of owners
LABEL: Final = "kubernetes.io/metadata.name"


def manifests(landscape: Landscape) -> Iterator[Manifest]:
    """Build the namespace; from outside little of it is reached.

    What collects logs reads the disk of its node, which only privileged Pods may. All others are restricted by their
    own security contexts, and one that is not is told of.
    """
    levels = {"enforce": "privileged", "audit": "restricted", "warn": "restricted"}
    labels = {f"pod-security.kubernetes.io/{mode}": level for mode, level in levels.items()}
    described = placing.unplaced(landscape, OBSERVABILITY)
    described["labels"] = {**described["labels"], **labels}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": described}
    yield placing.manifest(RULE, "monitoring", "namespace", namespace)
    yield from _policies(landscape)


def _policies(landscape: Landscape) -> Iterator[Manifest]:
    """Let all in the namespace talk to each other, and each to those outside whom its work needs."""
    everybody: dict[str, Any] = {}
    inside: list[dict[str, Any]] = [{"podSelector": {}}]
    names: dict[str, Any] = {"to": [{**_in("kube-system"), "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}]}
    names["ports"] = [{"protocol": protocol, "port": 53} for protocol in ("TCP", "UDP")]
    yield _policy(landscape, "inside", everybody, [{"from": inside}], [{"to": inside}, names])
    services = [_in(landscape.system.system)]
    proxies = {programs.metrics_port(profile) for profile in landscape.services.values() if profile.foreign} - {None}
    of_proxies = [programs.MESH_METRICS_PORT] if landscape.mesh else sorted(filter(None, proxies))
    scraped = {"to": services, **_ports(ADMIN_PORT, *of_proxies)}
    asked = {"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], **_ports(*API_SERVER)}
    yield _policy(landscape, PROMETHEUS, _named(PROMETHEUS), [], [scraped, asked])
    told = {"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], **_ports(*OUTSIDE)}
    yield _policy(landscape, ALERTMANAGER, _named(ALERTMANAGER), [], [told])
    if any(profile.runs_to_completion for profile in landscape.services.values()):
        yield _policy(landscape, STATE, _named(STATE), [], [asked])
    if system.traces(landscape) is not None:
        yield _policy(landscape, COLLECTOR, _named(COLLECTOR), [{"from": services, **_ports(COLLECTOR_PORT)}], [])
    # Operators stand in namespaces of their own; they come with a password and by TLS.
    operators: list[dict[str, Any]] = [{"namespaceSelector": {}}]
    yield _policy(landscape, GRAFANA, _named(GRAFANA), [{"from": operators, **_ports(3000)}], [])
    if system.log_pipeline(landscape).value.store == "elasticsearch":
        part = LOGS["elasticsearch"]
        yield _policy(landscape, part, _named(part), [{"from": operators, **_ports(9200)}], [])


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
