"""Who vouches for the stores: a certificate for each, and the authority's own beside every service that connects."""

from collections.abc import Iterator
from typing import Any, Final

from fairway.core import cluster
from fairway.core.artefact import Manifest
from fairway.core.parts import Files
from fairway.core.profile import Landscape, Profile, StoreProfile
from fairway.stages.s10_data.binding import AUTHORITIES, by_tls
from fairway.stages.s10_data.build.places import described, manifest

RULE: Final = "data/reliable-store"


def keys_of(store: str) -> str:
    """Name the Secret with a store's certificate and key, and the authority's certificate."""
    return f"{store}-server-tls"


def certificate(
    landscape: Landscape, store: StoreProfile, hosts: list[str], more: dict[str, Any], afar: tuple[str, ...] = ()
) -> Manifest:
    """Give a store's servers a certificate for all names that they are reached by; *afar*: from other regions."""
    system = landscape.system.system
    names = [name for host in hosts for name in (f"{host}.{system}.svc.cluster.local", f"{host}.{system}.svc", host)]
    rule = RULE if store.durable else "data/ephemeral"
    return manifest(
        rule,
        "access" if store.durable else "cache",
        store.name,
        "certificate",
        {
            "apiVersion": "cert-manager.io/v1",
            "kind": "Certificate",
            "metadata": described(landscape, store.name, keys_of(store.name)),
            "spec": {
                "secretName": keys_of(store.name),
                "dnsNames": [*names, *afar],
                "usages": ["digital signature", "key encipherment", "server auth", "client auth"],
                "duration": "2160h",
                "renewBefore": "720h",
                "privateKey": {"algorithm": "RSA", "size": 3072, "rotationPolicy": "Always"},
                "issuerRef": {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": cluster.CLUSTER_ISSUER},
                **more,
            },
        },
    )


def mounted(profile: Profile) -> Iterator[Files]:
    """Mount the certificates of those who vouch for a service's stores, and no key of theirs."""
    sources = [_authority(keys_of(store.name), store.name) for store in profile.stores if by_tls(store)]
    if "personal" in profile.data:
        sources.append(_authority(keys_of(cluster.KEYRING), cluster.KEYRING))
    if sources:
        yield Files(
            service=profile.name,
            rule=RULE if profile.durable_stores or "personal" in profile.data else "data/ephemeral",
            topic="access" if profile.durable_stores or "personal" in profile.data else "cache",
            name="authorities",
            folder=AUTHORITIES,
            source={"projected": {"sources": sources, "defaultMode": 0o444}},
        )


def _authority(secret: str, store: str) -> dict[str, Any]:
    return {"secret": {"name": secret, "items": [{"key": "ca.crt", "path": f"{store}.crt"}]}}
