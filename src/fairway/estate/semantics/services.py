"""What holds inside a Service, an Ingress, a NetworkPolicy and a role's binding."""

import ipaddress
from collections.abc import Iterator

from fairway.estate.fault import Fault, Place, called, quoted
from fairway.estate.semantics.nodes import Node, Rules, entries, mapping, number, own_name, text


def service_ports(node: Node, path: Place) -> Iterator[Fault]:
    """Check that a Service has ports, and that several are told apart by name."""
    ports = list(entries(node, "ports"))
    if not ports and node.get("type") != "ExternalName" and node.get("clusterIP") != "None":
        yield Fault(path, "The Service has no ports.", "Add 'ports'.")
    seen: dict[str, int] = {}
    for index, port in ports:
        name = text(port, "name")
        if name is None and len(ports) > 1:
            says = f"'ports[{index}]' has no name, and there are several ports."
            yield Fault((*path, "ports", index), says, "Name it.")
        elif name is not None and seen.setdefault(name, index) != index:
            yield Fault((*path, "ports", index, "name"), f"Two ports are called '{name}'.", "Rename one.")


def service_type(node: Node, path: Place) -> Iterator[Fault]:
    """Check that a Service's parts go with its type."""
    kind, headless = text(node, "type") or "ClusterIP", node.get("clusterIP") == "None"
    if kind == "ExternalName" and text(node, "externalName") is None:
        yield Fault(path, "The Service is of type ExternalName and names no host.", "Add 'externalName'.")
    if kind in {"NodePort", "LoadBalancer"} and headless:
        yield Fault((*path, "clusterIP"), f"A Service of type {kind} cannot be headless.", "Remove clusterIP: None.")
    if kind == "ClusterIP":
        for index, port in entries(node, "ports"):
            if number(port, "nodePort"):
                says = "'nodePort' is given, and the Service is of type ClusterIP."
                yield Fault((*path, "ports", index, "nodePort"), says, "Remove it, or write type: NodePort.")
    if text(node, "externalTrafficPolicy") and kind not in {"NodePort", "LoadBalancer"} and not node.get("externalIPs"):
        says = f"'externalTrafficPolicy' is given, and a Service of type {kind} has no traffic from outside."
        yield Fault((*path, "externalTrafficPolicy"), says, "Remove it.")
    if node.get("sessionAffinityConfig") is not None and node.get("sessionAffinity") != "ClientIP":
        says = "'sessionAffinityConfig' is given, and 'sessionAffinity' is not ClientIP."
        yield Fault((*path, "sessionAffinityConfig"), says, "Remove it, or write sessionAffinity: ClientIP.")


def ingress(node: Node, path: Place) -> Iterator[Fault]:
    """Check that an Ingress leads somewhere."""
    if not node.get("rules") and node.get("defaultBackend") is None:
        yield Fault(path, "The Ingress has neither 'rules' nor 'defaultBackend'.", "Add one of them.")


def ingress_path(node: Node, path: Place) -> Iterator[Fault]:
    """Check the path of a route."""
    where, kind = text(node, "path"), text(node, "pathType")
    if where is None and kind in {"Exact", "Prefix"}:
        yield Fault(path, f"{called(path)} has no 'path', which {kind} needs.", "Write, for example, path: /.")
    elif where is not None and not where.startswith("/"):
        yield Fault((*path, "path"), f"'path' is {quoted(where)}, which does not begin with '/'.", f"Write '/{where}'.")
    elif where is not None and kind != "ImplementationSpecific" and "//" in where:
        yield Fault((*path, "path"), f"'path' is {quoted(where)}, which has '//'.", "Remove one '/'.")


def policy_peer(node: Node, path: Place) -> Iterator[Fault]:
    """Check that a peer is given in one of its two ways."""
    selectors = [field for field in ("namespaceSelector", "podSelector") if node.get(field) is not None]
    if node.get("ipBlock") is not None and selectors:
        yield Fault(path, f"{called(path)} has 'ipBlock' and '{selectors[0]}'.", "Write two entries.")
    elif node.get("ipBlock") is None and not selectors:
        fix = "Add 'podSelector' or 'namespaceSelector'; {} picks all."
        yield Fault(path, f"{called(path)} names no peer.", fix)


def policy_port(node: Node, path: Place) -> Iterator[Fault]:
    """Check that a range of ports has a beginning and an end, in this order."""
    first, last = node.get("port"), number(node, "endPort")
    if last is None:
        return
    if not isinstance(first, int) or isinstance(first, bool):
        yield Fault((*path, "endPort"), "'endPort' is given, and 'port' is no number.", "Write 'port' as a number.")
    elif last < first:
        yield Fault((*path, "endPort"), f"'endPort' ({last}) is below 'port' ({first}).", "Exchange them.")


def ip_block(node: Node, path: Place) -> Iterator[Fault]:
    """Check that an address range is one, and that exceptions lie within it."""
    outer = _network(node.get("cidr"))
    if isinstance(node.get("cidr"), str) and outer is None:
        says = f"'cidr' is {quoted(node['cidr'])}, which is no address range."
        yield Fault((*path, "cidr"), says, "Write, for example, 10.0.0.0/16.")
    exceptions = node.get("except")
    for index, item in enumerate(exceptions if isinstance(exceptions, list) else []):
        inner, here = _network(item), (*path, "except", index)
        if inner is None:
            yield Fault(here, f"{called(here)} is {quoted(item)}, which is no address range.", "Correct it.")
        elif outer is not None and not _within(inner, outer):
            yield Fault(here, f"{called(here)} is {quoted(item)}, which is not within {node['cidr']}.", "Correct it.")


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _network(text_: object) -> Network | None:
    """Read an address range; one without '/' is none to Kubernetes."""
    if not isinstance(text_, str) or "/" not in text_:
        return None
    try:
        return ipaddress.ip_network(text_, strict=False)
    except ValueError:
        return None


def _within(inner: Network, outer: Network) -> bool:
    """Tell whether *inner* is a true part of *outer*."""
    same = inner.version == outer.version
    return same and inner != outer and inner.prefixlen >= outer.prefixlen and inner.network_address in outer


def role_subjects(node: Node, path: Place) -> Iterator[Fault]:
    """Check that bound service accounts say whose they are; where nothing does, a tool adds all namespaces later."""
    if text(mapping(node, "metadata"), "namespace") is None:
        return
    for index, subject in entries(node, "subjects"):
        if subject.get("kind") == "ServiceAccount" and text(subject, "namespace") is None:
            says = f"The service account {own_name(subject)} has no namespace."
            yield Fault((*path, "subjects", index), says, "Add 'namespace'.")


RULES: Rules = {
    "core.v1.ServiceSpec": (service_ports, service_type),
    "networking.v1.HTTPIngressPath": (ingress_path,),
    "networking.v1.IPBlock": (ip_block,),
    "networking.v1.IngressSpec": (ingress,),
    "networking.v1.NetworkPolicyPeer": (policy_peer,),
    "networking.v1.NetworkPolicyPort": (policy_port,),
    "rbac.v1.RoleBinding": (role_subjects,),
}
