"""Who may open a connection to whom: what is declared, and nothing else."""

from collections.abc import Iterator
from typing import Final, Literal
from urllib.parse import urlsplit

import msgspec

from fairway.core import programs
from fairway.core.cluster import KEYRING
from fairway.core.conditions import CALLED, EXPOSED, MESH, MESSAGING, TRACING
from fairway.core.decision import Decision, Instead
from fairway.core.facts import Engine, System
from fairway.core.profile import Landscape, Profile, waives_grpc
from fairway.core.wording import listed
from fairway_sdk.contract import ADMIN_PORT, COLLECTOR_PORT, GRPC_PORT, REST_PORT

STORE_PORTS: Final[dict[Engine, int]] = {
    "postgresql": 5432,
    "mysql": 3306,
    "cassandra": 9042,
    "dynamodb": 443,
    "redis": 6379,
}
BROKERS: Final = {"nats": ("NATS", 4222), "kafka": ("Kafka", 9093), "rabbitmq": ("RabbitMQ", 5671)}
ENCRYPTED: Final = 443
MESH_PORT: Final = 15012
DNS_PORT: Final = 53


class Peer(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody at the other end of a connection, and the port that is open for it."""

    kind: Literal[
        "service", "gateway", "prometheus", "dns", "store", "broker", "external", "issuer", "collector", "mesh"
    ]
    name: str
    port: int
    host: str = ""  # only of what lies outside


def may_be_called_by(profile: Profile) -> Decision[tuple[Peer, ...]]:
    """Name everybody who may open a connection to the service."""
    peers = [
        Peer(kind="service", name=caller, port=_inner_port(profile.system, profile.name)) for caller in profile.callers
    ]
    if profile.exposed:
        peers.append(Peer(kind="gateway", name=str(profile.system.platform.gateway), port=REST_PORT))
    scraped = _scraped(profile)
    peers += [Peer(kind="prometheus", name="prometheus", port=port) for port in scraped]
    because = [verdict.because for verdict in (CALLED(profile), EXPOSED(profile)) if verdict.holds]
    return Decision(
        rule="security/network-policies",
        topic="may be called by",
        answer=f"{listed([_said(peer) for peer in peers])}; nobody else" if peers else "nobody",
        because=listed([*because, _seen(profile, scraped)]),
        value=tuple(peers),
        instead=(Instead("the whole namespace", "a break-in at one service would reach all"),),
    )


def _scraped(profile: Profile) -> tuple[int, ...]:
    """Give the ports of its metrics, and of its proxy's: in a mesh every Pod has one, whoever wrote what runs there."""
    own = programs.metrics_port(profile) if profile.foreign else ADMIN_PORT
    proxy = programs.MESH_METRICS_PORT if MESH(profile).holds else None
    return tuple(dict.fromkeys(port for port in (own, proxy) if port is not None))


def _seen(profile: Profile, ports: tuple[int, ...]) -> str:
    if not ports:
        return "nobody scrapes it"
    seen = [*([] if profile.foreign else ["its"]), *(["its proxy's"] if profile.foreign or len(ports) > 1 else [])]
    return f"{' and '.join(seen)} metrics are scraped"


def may_call(profile: Profile) -> Decision[tuple[Peer, ...]]:
    """Name everything that the service may open a connection to."""
    peers = tuple(_called(profile))
    return Decision(
        rule="security/network-policies",
        topic="may call",
        answer=f"{listed([_said(peer) for peer in peers])}; nothing else",
        because=f"its calls, stores, channels and traces are declared{_held(profile)}{_verifies(profile)}",
        value=peers,
        instead=(Instead("anything outside the cluster", "stolen data would have a way out"),),
    )


def _held(profile: Profile) -> str:
    if not profile.outside:
        return ""
    how = "the mesh holds calls to its host name" if MESH(profile).holds else "a policy holds calls to its port only"
    return f"; {listed(profile.outside)} {'is' if len(profile.outside) == 1 else 'are'} outside: {how}"


def _verifies(profile: Profile) -> str:
    return "; tokens are verified by the keys of who gave them" if any(_issuers(profile)) else ""


def _issuers(profile: Profile) -> Iterator[Peer]:
    """Name whose keys the service fetches to verify tokens: the federation's alone where several are joined.

    What does not use the SDK is told of no issuer: it relies on the gateway.
    """
    providers = profile.system.identity_providers
    if not profile.serving or profile.foreign:
        return
    if len(providers) > 1:
        yield Peer(kind="issuer", name="the federation of identity providers", port=ENCRYPTED)
        return
    for name, provider in providers.items():
        at = urlsplit(provider.issuer)
        yield Peer(kind="issuer", name=f"identity provider {name}", port=at.port or ENCRYPTED, host=at.hostname or "")


def _called(profile: Profile) -> list[Peer]:
    system = profile.system
    peers = [Peer(kind="dns", name="cluster-dns", port=DNS_PORT)]
    peers += [Peer(kind="service", name=callee, port=_inner_port(profile.system, callee)) for callee in profile.callees]
    for store in profile.stores:
        assert store.facts.engine is not None
        peers.append(Peer(kind="store", name=store.name, port=STORE_PORTS[store.facts.engine]))
    if "personal" in profile.data:
        peers.append(Peer(kind="store", name=KEYRING, port=STORE_PORTS["postgresql"]))
    if MESSAGING(profile).holds:
        broker = str(system.platform.broker)
        peers.append(Peer(kind="broker", name=broker, port=BROKERS[broker][1]))
    for name in profile.outside:
        external = system.external_systems[name]
        peers.append(Peer(kind="external", name=name, port=external.port, host=external.host))
    peers += _issuers(profile)
    if TRACING(profile).holds:
        peers.append(Peer(kind="collector", name="opentelemetry-collector", port=COLLECTOR_PORT))
    if MESH(profile).holds:
        peers.append(Peer(kind="mesh", name="istiod", port=MESH_PORT))
    return peers


def _said(peer: Peer) -> str:
    match peer.kind:
        case "gateway":
            name = f"the gateway {peer.name.capitalize()}"
        case "store":
            name = f"store {peer.name}"
        case "broker":
            name = f"the broker {BROKERS[peer.name][0]}"
        case "external":
            name = f"{peer.name} at {peer.host}"
        case "issuer" if peer.host:
            name = f"{peer.name} at {peer.host}"
        case _:
            name = peer.name
    return f"{name} ({peer.port})"


def network_default(landscape: Landscape) -> Decision[tuple[str, ...]]:
    """Choose what happens to connections that nobody declared."""
    return Decision(
        rule="security/network-policies",
        topic="undeclared connections",
        answer=f"refused in both directions, for all of namespace {landscape.system.system}",
        because="every allowed connection follows from a declared fact",
        value=("Ingress", "Egress"),
        instead=(Instead("refusal of what comes in only", "a stolen service could still send its data anywhere"),),
    )


def _inner_port(system: System, service: str) -> int:
    """Tell the port that other services call: gRPC, unless that is waived."""
    return REST_PORT if waives_grpc(system, service) else GRPC_PORT
