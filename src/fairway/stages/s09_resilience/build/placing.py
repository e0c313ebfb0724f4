"""What the objects of every broker share: names, certificates, users, and files."""

from typing import Any, Final

from fairway.core import cluster
from fairway.core.artefact import Manifest, Site
from fairway.core.labels import SINGLE_REPLICA, metadata
from fairway.core.profile import Landscape, Profile
from fairway.core.secrets import external_secret
from fairway_sdk.contract import EVENT_PREFIX
from fairway_sdk.contract.binding import Published

RULE: Final = "resilience/dead-letters"
CHANNEL: Final = "dead letters"
SERVERS: Final = "broker servers"
KEYS: Final = "broker-server-tls"  # the Secret with the broker's certificate and key, and the authority's certificate
SIZE: Final = "20Gi"  # of each server's disk
ALONE: Final = SINGLE_REPLICA
APART: Final = "topology.kubernetes.io/zone"


def described(
    landscape: Landscape, broker: str, name: str = "", labels: dict[str, str] | None = None
) -> dict[str, Any]:
    """Describe an object of the broker; its name is the broker's unless given."""
    return metadata(landscape.system.system, broker, name=name, labels=labels)


def manifest(file: str, obj: dict[str, Any], topic: str = SERVERS) -> Manifest:
    """Put an object into a file of the broker's folder."""
    return Manifest(path=f"data/broker/{file}.yaml", rule=RULE, topic=topic, object=obj)


def certificate(landscape: Landscape, broker: str, hosts: list[str]) -> Manifest:
    """Give the broker's servers a certificate for all names that they are reached by."""
    system = landscape.system.system
    names = [name for host in hosts for name in (f"{host}.{system}.svc.cluster.local", f"{host}.{system}.svc", host)]
    obj = {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": described(landscape, broker, KEYS),
        "spec": {
            "secretName": KEYS,
            "dnsNames": names,
            "usages": ["digital signature", "key encipherment", "server auth", "client auth"],
            "duration": "2160h",
            "renewBefore": "720h",
            # Of the forms of a key, Kafka reads this one only.
            "privateKey": {"algorithm": "RSA", "encoding": "PKCS8", "size": 3072, "rotationPolicy": "Always"},
            "issuerRef": {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": cluster.CLUSTER_ISSUER},
        },
    }
    return manifest("certificate", obj)


def login(landscape: Landscape, site: Site, broker: str, user: str) -> Manifest:
    """Fetch one service's name and password, as the broker's operator reads them."""
    entries = {"username": (user, "broker-user"), "password": (user, "broker-password")}
    described_as = described(landscape, broker, f"broker-user-{user}")
    obj = external_secret(landscape, site, described_as, entries, refresh="15m")
    return manifest(f"externalsecret-{user}", obj)


def talking(landscape: Landscape) -> list[Profile]:
    """Give the services that publish or consume."""
    return [one for one in landscape.services.values() if one.facts.publishes or one.facts.consumes]


def named(channel: str) -> str:
    """Name a channel at the broker, as the SDK does."""
    return f"{EVENT_PREFIX}{channel}"


def kept() -> int:
    """Tell how many seconds an event stays where a broker keeps it by time: what the SDK does unless told."""
    return int(Published().kept)


def outside_mesh(landscape: Landscape) -> dict[str, str]:
    """Keep the mesh's proxies away from servers that do their own TLS and tell their users apart."""
    return {"sidecar.istio.io/inject": "false"} if landscape.mesh else {}
