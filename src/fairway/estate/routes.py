"""What leads from outside the cluster to a Service."""

from collections.abc import Callable, Iterator

import msgspec

from fairway.estate.node import Node
from fairway.estate.resource import Resource


def _ingress(resource: Resource) -> Iterator[tuple[str, str]]:
    spec, namespace = resource.spec, resource.namespace
    backends = [spec.mapping("defaultBackend"), spec.mapping("backend")]
    for rule in spec.items("rules"):
        backends += [path.mapping("backend") for path in rule.mapping("http").items("paths")]
    for backend in backends:
        # Until networking.k8s.io/v1 the Service's name stood in the backend itself.
        name = backend.mapping("service").text("name") or backend.text("serviceName")
        if name:
            yield namespace, name


def _gateway_route(resource: Resource) -> Iterator[tuple[str, str]]:
    parents = list(resource.spec.items("parentRefs"))
    if parents and all(parent.text("kind", "Gateway") != "Gateway" for parent in parents):
        return  # the parent is a Service: traffic inside the mesh
    for rule in resource.spec.items("rules"):
        yield from _references(rule.items("backendRefs"), resource)


def _virtual_service(resource: Resource) -> Iterator[tuple[str, str]]:
    if set(resource.spec.texts("gateways")) <= {"mesh"}:
        return
    for protocol in ("http", "tls", "tcp"):
        for route in resource.spec.items(protocol):
            for way in route.items("route"):
                if host := way.mapping("destination").text("host"):
                    yield service_of(host, resource.namespace)


def _mapping(resource: Resource) -> Iterator[tuple[str, str]]:
    host = resource.spec.text("service").rpartition("//")[2].partition("/")[0].partition(":")[0]
    if host:
        yield service_of(host, resource.namespace)


def _ingress_route(resource: Resource) -> Iterator[tuple[str, str]]:
    for route in resource.spec.items("routes"):
        yield from _references(route.items("services"), resource)


def _openshift_route(resource: Resource) -> Iterator[tuple[str, str]]:
    for node in (resource.spec.mapping("to"), *resource.spec.items("alternateBackends")):
        if name := node.text("name"):
            yield resource.namespace, name


ROUTES: dict[tuple[str, str], Callable[[Resource], Iterator[tuple[str, str]]]] = {
    ("networking.k8s.io", "Ingress"): _ingress,
    ("extensions", "Ingress"): _ingress,
    **{
        ("gateway.networking.k8s.io", f"{protocol}Route"): _gateway_route
        for protocol in ("HTTP", "GRPC", "TLS", "TCP", "UDP")
    },
    ("networking.istio.io", "VirtualService"): _virtual_service,
    ("getambassador.io", "Mapping"): _mapping,
    ("traefik.io", "IngressRoute"): _ingress_route,
    ("traefik.containo.us", "IngressRoute"): _ingress_route,
    ("projectcontour.io", "HTTPProxy"): _ingress_route,
    ("route.openshift.io", "Route"): _openshift_route,
}


def backends(resource: Resource) -> Iterator[tuple[str, str]]:
    """Name the Services that a route from outside leads to, each by namespace and name."""
    if (read := ROUTES.get((resource.group, resource.kind))) is not None:
        yield from read(resource)


def service_of(host: str, namespace: str) -> tuple[str, str]:
    """Give the namespace and name of the Service that *host* means, seen from *namespace*."""
    parts = host.split(".")
    return (parts[1] if len(parts) > 1 else namespace), parts[0]


def _references(nodes: Iterator[Node], resource: Resource) -> Iterator[tuple[str, str]]:
    for node in nodes:
        if node.text("kind", "Service") == "Service" and (name := node.text("name")):
            yield node.text("namespace", resource.namespace), name


class Backend(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A Service that an entrance names, and the port of it by number or name, where it names one."""

    namespace: str
    name: str
    port: int | str | None
    node: Node
    key: str


def named_backends(resource: Resource) -> Iterator[Backend]:
    """Give what an Ingress or a route of the Gateway API leads to, each with the key that says so."""
    if resource.kind == "Ingress" and resource.group in {"networking.k8s.io", "extensions"}:
        spec = resource.spec
        nodes = [spec.mapping("defaultBackend"), spec.mapping("backend")]
        for rule in spec.items("rules"):
            nodes += [path.mapping("backend") for path in rule.mapping("http").items("paths")]
        for node in nodes:
            new = node.mapping("service")
            if name := new.text("name"):
                port = new.mapping("port")
                wanted = port.number("number") or port.text("name") or None
                yield Backend(namespace=resource.namespace, name=name, port=wanted, node=new, key="name")
            elif name := node.text("serviceName"):
                wanted = node.number_or_text("servicePort")
                yield Backend(namespace=resource.namespace, name=name, port=wanted, node=node, key="serviceName")
    elif resource.group == "gateway.networking.k8s.io" and resource.kind.endswith("Route"):
        for rule in resource.spec.items("rules"):
            for node in rule.items("backendRefs"):
                if (
                    node.text("kind", "Service") == "Service"
                    and node.text("group") == ""
                    and (name := node.text("name"))
                ):
                    namespace = node.text("namespace", resource.namespace)
                    yield Backend(namespace=namespace, name=name, port=node.number("port"), node=node, key="name")
