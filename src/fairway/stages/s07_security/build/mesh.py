"""The mesh's rules: mutual TLS everywhere, nobody allowed, and then the declared callers of each service."""

from collections.abc import Iterator
from typing import Any, Final

from fairway.core import cluster, programs
from fairway.core.artefact import Manifest
from fairway.core.labels import metadata, selector
from fairway.core.profile import Landscape, Profile
from fairway.stages.s07_security.decisions.identity import TRUST_DOMAIN, internal_tls
from fairway.stages.s07_security.decisions.network import Peer, may_be_called_by

API: Final = "security.istio.io/v1"


def rules(landscape: Landscape) -> Iterator[Manifest]:
    """Demand mutual TLS at the mesh's root, and allow nobody anything in the system's namespace."""
    if not landscape.mesh:
        return
    decided, system = internal_tls(landscape), landscape.system.system
    labels = {"app.kubernetes.io/part-of": system, "app.kubernetes.io/managed-by": "fairway"}
    strict: dict[str, Any] = {"mtls": {"mode": decided.value.mode}}
    for kind, namespace, name, spec in (
        ("PeerAuthentication", cluster.MESH, "default", strict),
        ("AuthorizationPolicy", system, "default-deny", {}),
    ):
        yield Manifest(
            path=f"platform/{kind.lower()}.yaml",
            rule=decided.rule,
            topic=decided.topic,
            object={
                "apiVersion": API,
                "kind": kind,
                "metadata": {"name": name, "namespace": namespace, "labels": labels},
                "spec": spec,
            },
        )


def callers(landscape: Landscape, profile: Profile) -> Iterator[Manifest]:
    """Allow the declared callers of a service, each at the port that is open for it."""
    if not landscape.mesh:
        return
    system, decided = landscape.system.system, may_be_called_by(profile)
    by_port: dict[int, list[str]] = {}
    for peer in decided.value:
        if peer.port != programs.MESH_METRICS_PORT:  # the proxy's own, which it asks nobody's leave for
            by_port.setdefault(peer.port, []).append(_principal(system, peer))
    yield Manifest(
        path=f"services/{profile.name}/authorizationpolicy.yaml",
        service=profile.name,
        rule="security/mesh-mtls",
        topic=internal_tls(landscape).topic,
        object={
            "apiVersion": API,
            "kind": "AuthorizationPolicy",
            "metadata": metadata(system, profile.name),
            "spec": {
                "selector": {"matchLabels": selector(system, profile.name)},
                "action": "ALLOW",
                "rules": [
                    {
                        "from": [{"source": {"principals": sorted(principals)}}],
                        "to": [{"operation": {"ports": [str(port)]}}],
                    }
                    for port, principals in by_port.items()
                ],
            },
        },
    )


def _principal(system: str, peer: Peer) -> str:
    namespace, account = {
        "gateway": (cluster.GATEWAY, cluster.GATEWAYS.get(peer.name, peer.name)),
        "prometheus": (cluster.OBSERVABILITY, cluster.PROMETHEUS),
    }.get(peer.kind, (system, peer.name))
    return f"{TRUST_DOMAIN}/ns/{namespace}/sa/{account}"
