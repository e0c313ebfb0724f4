"""Without a mesh, traffic stays TLS from the ingress to the workload.

Where TLS ends at the edge and nothing follows, all that comes in travels on in plain text. Without a mesh each
workload has its own certificate, and a proxy beside it or the application itself uses it for every hop.
"""

from collections.abc import Iterator

from fairway.core.conditions import MESH
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.node import Node
from fairway.estate.resource import Resource
from fairway.estate.service import Service

TLS_ANNOTATIONS = (
    "alb.ingress.kubernetes.io/certificate-arn",
    "ingress.gcp.kubernetes.io/pre-shared-cert",
    "networking.gke.io/managed-certificates",
    "service.beta.kubernetes.io/aws-load-balancer-ssl-cert",
    "cloud.google.com/app-protocols",
    "appgw.ingress.kubernetes.io/appgw-ssl-certificate",
)
"""By these a cloud's load balancer ends TLS."""
WEB_PORTS = frozenset({80, 3000, 8000, 8080, 8081})
SECURE_PORTS = frozenset({443, 8443, 6443, 9443})


def check(estate: Estate) -> Iterator[Finding]:
    """Find ways in from outside that offer plain HTTP and no TLS."""
    for ingress in estate.of_kind("Ingress", "networking.k8s.io", "extensions"):
        if not list(ingress.spec.items("tls")) and not _by_cloud(ingress):
            says = "it lets requests in as plain HTTP, with no certificate at all."
            yield found(RULE.id, ingress.spec, "tls", says, "Add spec.tls with a certificate, as of cert-manager.")
    for gateway in estate.of_kind("Gateway", "gateway.networking.k8s.io"):
        listeners = list(gateway.spec.items("listeners"))
        secure = any(one.text("protocol").upper() in {"HTTPS", "TLS"} for one in listeners)
        if not secure and not _by_cloud(gateway):
            yield from _plain(listeners)
    for gateway in estate.of_kind("Gateway", "networking.istio.io"):
        servers = list(gateway.spec.items("servers"))
        if not any(server.mapping("tls") for server in servers):
            yield from _plain([server.mapping("port") for server in servers])
    for service in estate.services:
        if service.public and (port := _web(service)) is not None and not _by_cloud(service.resource):
            says = f"port {port.number('port')} is open to the outside as plain HTTP, and no other port offers TLS."
            fix = "Put a gateway that ends TLS in front, and make this a ClusterIP."
            yield found(RULE.id, port, "port", says, fix)


def _plain(listeners: list[Node]) -> Iterator[Finding]:
    """Find the first listener of several that takes HTTP; none of them takes TLS."""
    first = next((one for one in listeners if one.text("protocol").upper() in {"HTTP", "HTTP2", "GRPC"}), None)
    if first is not None:
        says = "it listens for plain HTTP only: whoever is on the way can read and change everything."
        fix = "Add a listener with HTTPS and a certificate; redirect plain HTTP to it."
        yield found(RULE.id, first, "protocol", says, fix)


def _by_cloud(resource: Resource) -> bool:
    return any(resource.annotations.get(name) for name in TLS_ANNOTATIONS)


def _web(service: Service) -> Node | None:
    """Give the port on which plain HTTP is offered, where no other one offers TLS."""
    ports = list(service.resource.spec.items("ports"))
    for port in ports:
        words = f"{port.text('name')} {port.text('appProtocol')}".lower()
        if "https" in words or "tls" in words or port.number("port") in SECURE_PORTS:
            return None
    for port in ports:
        words = f"{port.text('name')} {port.text('appProtocol')}".lower()
        if words.strip().startswith("http") or "web" in words or port.number("port") in WEB_PORTS:
            return port
    return None


RULE = Rule(
    id="security/tls-without-mesh",
    applies=~MESH,
    proof=Proof.LIVE,
    shows="every hop behind the ingress is TLS, and a plain call is refused",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/platform/gateway-plain.yaml",
            new="apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata:\n  name: plain\n"
            "  namespace: gateway\n"
            "spec:\n  gatewayClassName: kong\n  listeners:\n  - name: http\n    protocol: HTTP\n    port: 80\n",
        ),
    ),
)
