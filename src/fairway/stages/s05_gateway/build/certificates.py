"""The gateway's certificates: the public one, and its own where no mesh gives it one."""

from collections.abc import Iterator
from typing import Any, Final

from fairway.core.artefact import Manifest
from fairway.core.cluster import (
    CLUSTER_ISSUER,
    GATEWAY,
    GATEWAY_CLIENTS,
    GATEWAY_TLS,
    GATEWAYS,
    IDENTITY,
    PUBLIC_ISSUER,
    TRUST_DOMAIN,
)
from fairway.core.profile import Landscape
from fairway.stages.s05_gateway.build.objects import described, platform
from fairway.stages.s05_gateway.decisions import federation

CERTIFICATE: Final = "cert-manager.io/v1"


def manifests(landscape: Landscape, domain: str) -> Iterator[Manifest]:
    """Ask for the certificate of the domain; without a mesh also for one that services know the gateway by."""
    system, platform_facts = landscape.system.system, landscape.system.platform
    public = {
        "secretName": GATEWAY_TLS,
        "dnsNames": [domain],
        "issuerRef": {"kind": "ClusterIssuer", "name": PUBLIC_ISSUER},
        "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
        "usages": ["digital signature", "server auth"],
    }
    ingress = platform_facts.gateway == "kong" and platform_facts.routes == "ingress"
    # An Ingress takes its certificate from its own namespace.
    others = (system, *([IDENTITY] if federation(landscape) else [])) if ingress else ()
    for namespace in (GATEWAY, *others):
        metadata = described(landscape, GATEWAY_TLS, namespace)
        short = GATEWAY_TLS if namespace == GATEWAY else f"{GATEWAY_TLS}-{namespace}"
        yield platform(CERTIFICATE, "Certificate", metadata, {"spec": public}, topic="public route", short=short)
    if landscape.mesh or platform_facts.gateway != "kong":
        return
    # Kong looks for its own certificate beside the Service that it shows it to.
    own: dict[str, Any] = {
        "secretName": GATEWAY_CLIENTS["kong"],
        "duration": "24h",
        "renewBefore": "8h",
        "uris": [f"spiffe://{TRUST_DOMAIN}/ns/{GATEWAY}/sa/{GATEWAYS['kong']}"],
        "issuerRef": {"kind": "ClusterIssuer", "name": CLUSTER_ISSUER},
        "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
        "usages": ["digital signature", "client auth"],
    }
    metadata = described(landscape, GATEWAY_CLIENTS["kong"], system)
    yield platform(CERTIFICATE, "Certificate", metadata, {"spec": own})
