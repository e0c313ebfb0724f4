"""A Service: what it selects, on which ports, and whether it is open to the outside by itself."""

import msgspec

from fairway.estate.resource import Resource
from fairway.estate.selectors import Selector, map_selector

# Annotations of the big clouds that keep a LoadBalancer inside the network, with the values that mean it.
INTERNAL = {
    "cloud.google.com/load-balancer-type": {"internal"},
    "networking.gke.io/load-balancer-type": {"internal"},
    "service.beta.kubernetes.io/aws-load-balancer-internal": {"true", "0.0.0.0/0"},
    "service.beta.kubernetes.io/aws-load-balancer-scheme": {"internal"},
    "service.beta.kubernetes.io/azure-load-balancer-internal": {"true"},
}


class ServicePort(msgspec.Struct, frozen=True, eq=False):
    """A port of a Service, and the container's port behind it, by number or name."""

    name: str
    number: int | None
    target: int | str | None


class Service(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A Service as it is written."""

    resource: Resource
    selector: Selector | None
    ports: tuple[ServicePort, ...]
    headless: bool
    public: bool


def service(resource: Resource) -> Service:
    """Read a Service."""
    spec = resource.spec
    kind = spec.text("type", "ClusterIP")
    internal = any(resource.annotations.get(name, "").lower() in means for name, means in INTERNAL.items())
    public = kind == "NodePort" or (kind == "LoadBalancer" and not internal) or bool(spec.texts("externalIPs"))
    ports = []
    for port in spec.items("ports"):
        number, target = port.number("port"), port.number_or_text("targetPort")
        ports.append(ServicePort(port.text("name"), number, target or number))  # 0 means the same as none
    return Service(
        resource=resource,
        selector=None if kind == "ExternalName" else map_selector(spec, "selector"),
        ports=tuple(ports),
        headless=spec.text("clusterIP") == "None",
        public=public,
    )
