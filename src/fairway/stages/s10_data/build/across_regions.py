"""What a store needs whose servers talk to those of other regions: an authority that all trust, and a way there."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from fairway.core.artefact import Manifest, Site
from fairway.core.cluster import ENGINE_PODS
from fairway.core.facts import Engine
from fairway.core.profile import Landscape, StoreProfile
from fairway.core.secrets import external_secret
from fairway.stages.s10_data.build import places

RULE: Final = "data/geo-replication"
TOPIC: Final = "other regions"
AUTHORITY: Final = "regions"  # each region has an authority of its own for all else, which the others do not know
KEYS: Final = f"{AUTHORITY}-authority"
ENGINES: Final[frozenset[Engine]] = frozenset({"mysql", "cassandra"})  # PostgreSQL meets its copies in an archive only


def several(landscape: Landscape, site: Site) -> bool:
    """Tell whether the site is one of several regions."""
    return len(places.regions(landscape, site)) > 1


def issued(landscape: Landscape, site: Site) -> dict[str, Any]:
    """Say who issues such a store's certificates, where that is not the region's own authority."""
    if not several(landscape, site):
        return {}
    return {"issuerRef": {"group": "cert-manager.io", "kind": "Issuer", "name": AUTHORITY}}


def authority(landscape: Landscape, site: Site, used: Iterable[StoreProfile]) -> Iterator[Manifest]:
    """Fetch the authority that all regions share, and let it issue certificates, where some store asks for it."""
    if not several(landscape, site) or not any(store.facts.engine in ENGINES for store in used):
        return
    described = places.described(landscape, AUTHORITY, KEYS)
    entries = {"tls.crt": (AUTHORITY, "authority-certificate"), "tls.key": (AUTHORITY, "authority-key")}
    template = {"type": "kubernetes.io/tls"}
    fetched = external_secret(landscape, site, described, entries, refresh="1h", template=template)
    issuer = {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Issuer",
        "metadata": places.described(landscape, AUTHORITY),
        "spec": {"ca": {"secretName": KEYS}},
    }
    for name, obj in (("externalsecret", fetched), ("issuer", issuer)):
        yield Manifest(path=f"data/{name}-{AUTHORITY}.yaml", rule=RULE, topic=TOPIC, object=obj)


def way(landscape: Landscape, site: Site, store: StoreProfile, ports: tuple[int, ...]) -> Iterator[Manifest]:
    """Open its servers' ports to other regions, whose addresses no fact tells; certificates tell friend from foe."""
    if not several(landscape, site):
        return
    opened = [{"protocol": "TCP", "port": port} for port in ports]
    anywhere = [{"ipBlock": {"cidr": "0.0.0.0/0"}}]
    pods = {"matchLabels": {ENGINE_PODS[str(store.facts.engine)]: store.name}}
    obj = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": places.described(landscape, store.name, f"store-{store.name}-{AUTHORITY}"),
        "spec": {
            "podSelector": pods,
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": anywhere, "ports": opened}],
            "egress": [{"to": anywhere, "ports": opened}],
        },
    }
    yield places.manifest(RULE, TOPIC, store.name, f"networkpolicy-{AUTHORITY}", obj)
