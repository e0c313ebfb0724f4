"""The system's own authority, and a certificate for each service without a mesh."""

from collections.abc import Iterator
from typing import Any, Final

from fairway.core import cluster
from fairway.core.artefact import Manifest
from fairway.core.labels import metadata
from fairway.core.profile import Landscape, Profile
from fairway.stages.s07_security.decisions.identity import TRUST_DOMAIN, internal_tls, tls_proxy

API: Final = "cert-manager.io/v1"
AUTHORITY: Final = "fairway-authority"
ROOT: Final = "fairway-root"
AUTHORITY_LIFETIME: Final = {"duration": "87600h", "renewBefore": "720h"}
KEY: Final = {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"}


def authority(landscape: Landscape) -> Iterator[Manifest]:
    """Build what certificates inside the system are issued by, and the gateway's own where no mesh gives it one."""
    decided = internal_tls(landscape)
    public = any(profile.exposed for profile in landscape.services.values())
    root = {
        "isCA": True,
        "commonName": f"{landscape.system.system} {AUTHORITY}",
        "secretName": AUTHORITY,
        **AUTHORITY_LIFETIME,
        "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Never"},
        "issuerRef": {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": ROOT},
    }
    made: list[tuple[str, str, dict[str, Any]]] = [
        ("ClusterIssuer", ROOT, {"selfSigned": {}}),
        ("Certificate", AUTHORITY, root),
        ("ClusterIssuer", cluster.CLUSTER_ISSUER, {"ca": {"secretName": AUTHORITY}}),
    ]
    labels = {"app.kubernetes.io/part-of": landscape.system.system, "app.kubernetes.io/managed-by": "fairway"}
    for kind, name, spec in made:
        placed = {"namespace": cluster.CERTIFICATES} if kind == "Certificate" else {}
        yield Manifest(
            path=f"platform/{kind.lower()}-{name}.yaml",
            rule="security/mtls",
            topic="",
            reasons={},
            object={
                "apiVersion": API,
                "kind": kind,
                "metadata": {"name": name, **placed, "labels": labels},
                "spec": spec,
            },
        )
    if not landscape.mesh and public:
        gateway = cluster.GATEWAYS[str(landscape.system.platform.gateway)]
        described = {"name": f"{gateway}-tls", "namespace": cluster.GATEWAY, "labels": labels}
        uri = f"spiffe://{TRUST_DOMAIN}/ns/{cluster.GATEWAY}/sa/{gateway}"
        yield Manifest(
            path="platform/certificate-gateway.yaml",
            rule=decided.rule,
            topic=decided.topic,
            object=_certificate(described, f"{gateway}-tls", [uri], [], "24h", "8h"),
        )


def certificate(landscape: Landscape, profile: Profile) -> Iterator[Manifest]:
    """Build the certificate that a service's proxy shows, where no mesh issues one."""
    decided = tls_proxy(profile)
    if decided is None:
        return
    own = decided.value
    yield Manifest(
        path=f"services/{profile.name}/certificate.yaml",
        service=profile.name,
        rule=decided.rule,
        topic=decided.topic,
        object=_certificate(
            metadata(landscape.system.system, profile.name, name=own.certificate),
            own.certificate,
            [own.spiffe],
            list(own.dns_names),
            own.lifetime,
            own.renew_before,
        ),
    )


def _certificate(  # noqa: PLR0913, PLR0917 - all that a certificate says
    described: dict[str, Any], secret: str, uris: list[str], names: list[str], lifetime: str, renewed: str
) -> dict[str, Any]:
    return {
        "apiVersion": API,
        "kind": "Certificate",
        "metadata": described,
        "spec": {
            "secretName": secret,
            "uris": uris,
            **({"dnsNames": names} if names else {}),
            "duration": lifetime,
            "renewBefore": renewed,
            "privateKey": KEY,
            "usages": ["digital signature", "server auth", "client auth"],
            "issuerRef": {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": cluster.CLUSTER_ISSUER},
        },
    }
