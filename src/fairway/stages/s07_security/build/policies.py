"""Network policies: everything is refused, and every declared connection is let through, and no other."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from fairway.core import cluster
from fairway.core.artefact import Manifest, Reason
from fairway.core.labels import metadata, selector
from fairway.core.profile import Landscape, Profile
from fairway.stages.s07_security.decisions import network
from fairway.stages.s07_security.decisions.network import Peer
from fairway_sdk.contract import GRPC_PORT, REST_PORT

RULE: Final = "security/network-policies"
CHORES: Final = ("migration", "retention", "rewrap")  # what runs in a service's name, as <service>-<chore>
NAMESPACE: Final = "kubernetes.io/metadata.name"
EXPORTERS: Final = {"postgresql": 9187, "mysql": 9104, "cassandra": 9000, "redis": 9121}  # where a store is scraped
CLUSTER_PORTS: Final = {"mysql": (4444, 4567, 4568, 33062), "cassandra": (7000, 7001, 8080)}  # among its servers
BROKER_METRICS: Final = {"nats": 7777, "kafka": 9404, "rabbitmq": 15692}


def default(landscape: Landscape) -> Manifest:
    """Refuse everything in both directions, for the whole namespace."""
    system, decided = landscape.system.system, network.network_default(landscape)
    return Manifest(
        path="platform/networkpolicy-default-deny.yaml",
        rule=decided.rule,
        topic=decided.topic,
        object=_policy(_described(system, "default-deny"), {}, directions=decided.value),
    )


def around(landscape: Landscape, profile: Profile) -> Iterator[Manifest]:
    """Let a service's own connections through: of its replicas, and of what runs in its name."""
    system = landscape.system.system
    callers, called = network.may_be_called_by(profile), network.may_call(profile)
    egress = _egress(landscape, called.value)
    yield Manifest(
        path=f"services/{profile.name}/networkpolicy.yaml",
        service=profile.name,
        rule=RULE,
        topic=callers.topic,
        reasons={("spec", "egress"): Reason(rule=called.rule, topic=called.topic)},
        object=_policy(
            metadata(system, profile.name),
            {"matchLabels": selector(system, profile.name)},
            ingress=list(_ingress(landscape, profile, callers.value)),
            egress=egress,
        ),
    )
    if not profile.stores and "personal" not in profile.data:
        return
    needed = [peer for peer in called.value if peer.kind in {"dns", "store", "mesh"}]
    yield Manifest(
        path=f"services/{profile.name}/networkpolicy-chores.yaml",
        service=profile.name,
        rule=RULE,
        topic=called.topic,
        object=_policy(
            metadata(system, profile.name, name=f"{profile.name}-chores"),
            _named(system, [f"{profile.name}-{chore}" for chore in CHORES]),
            egress=_egress(landscape, needed),
        ),
    )


def around_stores(landscape: Landscape) -> Iterator[Manifest]:
    """Let the users of each store and of the broker reach it, its servers each other, and its operator all of them."""
    for name, store in landscape.stores.items():
        if (engine := store.facts.engine) is not None and engine != "dynamodb":
            port = network.STORE_PORTS[engine]
            yield _around_store(landscape, name, engine, store.users, port)
    if holders := [name for name, profile in landscape.services.items() if "personal" in profile.data]:
        yield _around_store(landscape, cluster.KEYRING, "postgresql", holders, network.STORE_PORTS["postgresql"])
    talking = [name for name, one in landscape.services.items() if one.facts.publishes or one.facts.consumes]
    if talking:
        broker = str(landscape.system.platform.broker)
        yield _guarded(
            landscape,
            "broker",
            cluster.BROKER_PODS[broker],
            [_from_services(landscape, talking, network.BROKERS[broker][1])],
            BROKER_METRICS[broker],
            (),
        )


def _around_store(landscape: Landscape, name: str, engine: str, users: Iterable[str], port: int) -> Manifest:
    users = [user for one in users for user in (one, *(f"{one}-{chore}" for chore in CHORES))]
    pods = {cluster.ENGINE_PODS[engine]: name}
    reached = [_from_services(landscape, users, port)]
    return _guarded(landscape, name, pods, reached, EXPORTERS[engine], CLUSTER_PORTS.get(engine, ()))


def _guarded(  # noqa: PLR0913, PLR0917 - all that such a policy says
    landscape: Landscape,
    name: str,
    pods: dict[str, str],
    reached: list[dict[str, Any]],
    metrics: int,
    inner: tuple[int, ...],
) -> Manifest:
    """Guard what stands in the namespace and is run by an operator, which needs the Kubernetes API and a bucket."""
    del inner  # its servers are alike: all their ports are open to one another
    own = {"podSelector": {"matchLabels": pods}}
    scraped = {"from": [_prometheus()], "ports": _tcp(metrics)}
    operator = {
        "from": [{"namespaceSelector": {"matchExpressions": [{"key": cluster.OPERATORS, "operator": "Exists"}]}}]
    }
    system = landscape.system.system
    return Manifest(
        path=f"data/networkpolicy-{name}.yaml",
        rule=RULE,
        topic="undeclared connections",
        object=_policy(
            _described(system, f"store-{name}"),
            {"matchLabels": pods},
            ingress=[*reached, {"from": [own]}, scraped, operator],
            egress=[_dns(), {"to": [own]}, {"ports": _tcp(443, 6443)}],
        ),
    )


def _ingress(landscape: Landscape, profile: Profile, peers: Iterable[Peer]) -> Iterator[dict[str, Any]]:
    by_port: dict[int, list[dict[str, Any]]] = {}
    services = [peer for peer in peers if peer.kind == "service"]
    if services:
        pods = {"podSelector": _named(landscape.system.system, [peer.name for peer in services])}
        by_port.setdefault(services[0].port, []).append(pods)
    for peer in peers:
        match peer.kind:
            case "gateway":
                by_port.setdefault(peer.port, []).append(_pods(cluster.GATEWAY, cluster.GATEWAYS[peer.name]))
            case "prometheus":
                by_port.setdefault(peer.port, []).append(_prometheus())
    del profile
    for port, allowed in by_port.items():
        yield {"from": allowed, "ports": _tcp(port)}


def _egress(landscape: Landscape, peers: Iterable[Peer]) -> list[dict[str, Any]]:
    """Open what peers need, each way once: what lies outside is told apart by its port alone."""
    ways: list[dict[str, Any]] = []
    for way in _opened(landscape, peers):
        if way not in ways:
            ways.append(way)
    return ways


def _opened(landscape: Landscape, peers: Iterable[Peer]) -> Iterator[dict[str, Any]]:
    system = landscape.system.system
    for port in (GRPC_PORT, REST_PORT):
        names = [peer.name for peer in peers if peer.kind == "service" and peer.port == port]
        if names:
            yield {"to": [{"podSelector": _named(system, names)}], "ports": _tcp(port)}
    for peer in peers:
        match peer.kind:
            case "dns":
                yield _dns()
            case "store":
                yield _to_store(landscape, peer)
            case "broker":
                pods = {"podSelector": {"matchLabels": cluster.BROKER_PODS[peer.name]}}
                yield {"to": [pods], "ports": _tcp(peer.port)}
            case "external" | "issuer":
                yield {"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": _tcp(peer.port)}
            case "collector":
                yield {"to": [_pods(cluster.OBSERVABILITY, cluster.COLLECTOR)], "ports": _tcp(peer.port)}
            case "mesh":
                to = {**_namespace(cluster.MESH), "podSelector": {"matchLabels": {"app": peer.name}}}
                yield {"to": [to], "ports": _tcp(peer.port)}


def _to_store(landscape: Landscape, peer: Peer) -> dict[str, Any]:
    engine = "postgresql" if peer.name == cluster.KEYRING else landscape.stores[peer.name].facts.engine
    if engine == "dynamodb":
        return {"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": _tcp(peer.port)}
    pods = {"podSelector": {"matchLabels": {cluster.ENGINE_PODS[str(engine)]: peer.name}}}
    return {"to": [pods], "ports": _tcp(peer.port)}


def _from_services(landscape: Landscape, users: Iterable[str], port: int) -> dict[str, Any]:
    return {"from": [{"podSelector": _named(landscape.system.system, users)}], "ports": _tcp(port)}


def _named(system: str, names: Iterable[str]) -> dict[str, Any]:
    """Select the Pods of several services of the system."""
    return {
        "matchLabels": {"app.kubernetes.io/part-of": system},
        "matchExpressions": [{"key": "app.kubernetes.io/name", "operator": "In", "values": sorted(names)}],
    }


def _prometheus() -> dict[str, Any]:
    return _pods(cluster.OBSERVABILITY, cluster.PROMETHEUS)


def _pods(namespace: str, name: str) -> dict[str, Any]:
    return {**_namespace(namespace), "podSelector": {"matchLabels": {"app.kubernetes.io/name": name}}}


def _namespace(name: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": {NAMESPACE: name}}}


def _dns() -> dict[str, Any]:
    pods = {**_namespace("kube-system"), "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}
    ports = [{"protocol": protocol, "port": network.DNS_PORT} for protocol in ("UDP", "TCP")]
    return {"to": [pods, {"ipBlock": {"cidr": cluster.NODE_DNS}}], "ports": ports}


def _tcp(*ports: int) -> list[dict[str, Any]]:
    return [{"protocol": "TCP", "port": port} for port in ports]


def _described(system: str, name: str) -> dict[str, Any]:
    labels = {"app.kubernetes.io/part-of": system, "app.kubernetes.io/managed-by": "fairway"}
    return {"name": name, "namespace": system, "labels": labels}


def _policy(
    described: dict[str, Any],
    pods: dict[str, Any],
    *,
    directions: Iterable[str] = (),
    ingress: list[dict[str, Any]] | None = None,
    egress: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    given = {"ingress": ingress, "egress": egress}
    ways = list(directions) or [key.capitalize() for key, rules in given.items() if rules is not None]
    if ingress is None and egress is not None and not directions:
        ways = ["Ingress", "Egress"]  # nobody calls it
    spec = {"podSelector": pods, "policyTypes": ways, **{key: rules for key, rules in given.items() if rules}}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": described, "spec": spec}
