"""The gateway's certificates: the public one with its issuer, and its own where no mesh gives it one."""

from collections.abc import Iterator
from typing import Any, Final

from fairway.core.artefact import Manifest, Site
from fairway.core.cluster import (
    CHALLENGE,
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
from fairway.stages.s05_gateway.decisions import Proof, certificates, federation

CERTIFICATE: Final = "cert-manager.io/v1"
TOPIC: Final = "public certificate"
LETS_ENCRYPT: Final = "https://acme-v02.api.letsencrypt.org/directory"
SOLVER: Final = {"acme.cert-manager.io/http01-solver": "true"}  # the label of Pods that answer the issuer
SOLVER_PORT: Final = 8089
# The gateway stops without any certificate; until the issuer has answered, it shows one that nobody trusts.
AT_FIRST: Final = {"cert-manager.io/issue-temporary-certificate": "true"}


def proof(landscape: Landscape, site: Site) -> Proof:
    """Tell how the domain of a site is proven."""
    return next(one.value for one in certificates(landscape) if one.subject == f"environment {site.environment}")


def places(landscape: Landscape) -> tuple[str, ...]:
    """Name the namespaces that hold the public certificate: the gateway's, and those whose Ingresses show it."""
    facts = landscape.system.platform
    if facts.gateway != "kong" or facts.routes != "ingress":
        return (GATEWAY,)
    return (GATEWAY, landscape.system.system, *([IDENTITY] if federation(landscape) else []))


def manifests(landscape: Landscape, site: Site, domain: str) -> Iterator[Manifest]:
    """Ask for the certificate of the domain; without a mesh also for one that services know the gateway by."""
    system, platform_facts = landscape.system.system, landscape.system.platform
    yield _issuer(landscape, site)
    public = {
        "secretName": GATEWAY_TLS,
        "dnsNames": [domain],
        "issuerRef": {"kind": "ClusterIssuer", "name": PUBLIC_ISSUER},
        "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
        "usages": ["digital signature", "server auth"],
    }
    for namespace in places(landscape):  # an Ingress takes its certificate from its own namespace
        metadata = described(landscape, GATEWAY_TLS, namespace, annotations=AT_FIRST)
        short = GATEWAY_TLS if namespace == GATEWAY else f"{GATEWAY_TLS}-{namespace}"
        yield platform(CERTIFICATE, "Certificate", metadata, {"spec": public}, topic=TOPIC, short=short)
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


def _issuer(landscape: Landscape, site: Site) -> Manifest:
    """Name the issuer that browsers trust, and how it is shown that the domain is ours."""
    proven, gateway = proof(landscape, site), str(landscape.system.platform.gateway)
    # Ambassador is led to the answer by a Mapping of its own, so nobody is to act on the Ingress.
    asked = {
        "ingressClassName": CHALLENGE if gateway == "ambassador" else GATEWAYS[gateway],
        "serviceType": "ClusterIP",
    }
    solver: dict[str, Any] = {"http01": {"ingress": asked}}
    if proven.cloud == "aws":
        solver = {"dns01": {"route53": {"region": site.region}}}
    elif proven.cloud == "gcp":
        solver = {"dns01": {"cloudDNS": {"project": f"{landscape.system.system}-{site.environment}"}}}
    acme = {
        "server": LETS_ENCRYPT,
        "privateKeySecretRef": {"name": f"{PUBLIC_ISSUER}-account"},
        "solvers": [solver],
    }
    described_as = described(landscape, PUBLIC_ISSUER, "")
    return platform(CERTIFICATE, "ClusterIssuer", described_as, {"spec": {"acme": acme}}, topic=TOPIC)
