"""What holds between the parts of one pod: containers, volumes, ports of the node, where it may run."""

from collections.abc import Iterator

from fairway.core.errors import did_you_mean
from fairway.estate.fault import Fault, Place, called, quoted
from fairway.estate.semantics.containers import PROBES
from fairway.estate.semantics.nodes import Node, Rules, entries, mapping, number, own_name, text

GROUPS = ("initContainers", "containers", "ephemeralContainers")


def containers(node: Node, path: Place) -> Iterator[Fault]:
    """Check that there is a container, and that no name of one is used in two groups."""
    listed = node.get("containers")
    if isinstance(listed, list) and not listed:
        yield Fault((*path, "containers"), "The pod has no container.", "Add one.")
    seen: dict[str, str] = {}
    for group in GROUPS:
        for index, container in entries(node, group):
            name = text(container, "name")
            # Twice in one group is a duplicate in a keyed list, and reported there.
            if name is not None and seen.setdefault(name, group) != group:
                says = f"The container name '{name}' is used in {seen[name]} and in {group}."
                yield Fault((*path, group, index, "name"), says, "Rename one.")


def ordinary_init_containers(node: Node, path: Place) -> Iterator[Fault]:
    """Check that only an init container that keeps running (a sidecar) has probes and hooks."""
    for index, container in entries(node, "initContainers"):
        if container.get("restartPolicy") == "Always":
            continue
        for field in ("lifecycle", *PROBES):
            if container.get(field) is not None:
                says = f"The init container {own_name(container)} has '{field}', and is to end by itself."
                fix = "Remove it, or write restartPolicy: Always to make it a sidecar."
                yield Fault((*path, "initContainers", index, field), says, fix)


def volumes(node: Node, path: Place) -> Iterator[Fault]:
    """Check that each volume has one source, and that paths of it that containers mount are sound."""
    for index, volume in entries(node, "volumes"):
        sources = [field for field in volume if field != "name" and volume[field] is not None]
        if len(sources) > 1:
            says = f"The volume {own_name(volume)} has {len(sources)} sources: {', '.join(sources)}."
            yield Fault((*path, "volumes", index), says, "Keep one of them.")


def mount(node: Node, path: Place) -> Iterator[Fault]:
    """Check where a volume is mounted."""
    where, within = text(node, "mountPath"), text(node, "subPath")
    if where is None:
        yield Fault(path, f"{called(path)} says no path to mount at.", "Add 'mountPath'.")
    elif ":" in where:
        yield Fault((*path, "mountPath"), f"'mountPath' is {quoted(where)}, which has a ':'.", "Remove it.")
    if within is not None and (within.startswith("/") or ".." in within.split("/")):
        says = f"'subPath' is {quoted(within)}, which leads out of the volume."
        yield Fault((*path, "subPath"), says, "Write a path below the volume's root.")
    if within is not None and text(node, "subPathExpr") is not None:
        yield Fault(path, f"{called(path)} has both 'subPath' and 'subPathExpr'.", "Keep one of them.")


def mounted_volumes(node: Node, path: Place, *, claims: frozenset[str] = frozenset()) -> Iterator[Fault]:
    """Check that containers mount volumes that the pod has; a StatefulSet's *claims* count among them."""
    known = claims | {name for _, volume in entries(node, "volumes") if (name := text(volume, "name"))}
    for group in GROUPS:
        for index, container in entries(node, group):
            for field in ("volumeMounts", "volumeDevices"):
                for at, used in entries(container, field):
                    name = text(used, "name")
                    if name is not None and name not in known:
                        says = f"Container {own_name(container)} mounts the volume '{name}', which is not there."
                        fix = did_you_mean(name, known) or "Add it under 'volumes'."
                        yield Fault((*path, group, index, field, at, "name"), says, fix)


def host_ports(node: Node, path: Place) -> Iterator[Fault]:
    """Check that no port of the node is asked for twice, and that a pod on the node's network names its own."""
    seen: set[str] = set()
    for index, container in entries(node, "containers"):
        for at, port in entries(container, "ports"):
            here = (*path, "containers", index, "ports", at)
            host, inner = number(port, "hostPort"), number(port, "containerPort")
            if host and inner and node.get("hostNetwork") is True and host != inner:
                says = f"'hostPort' is {host} and 'containerPort' is {inner}, which hostNetwork makes the same."
                yield Fault((*here, "hostPort"), says, "Remove 'hostPort'.")
            key = f"{port.get('hostIP')}:{host}/{port.get('protocol', 'TCP')}"
            if host and key in seen:
                yield Fault((*here, "hostPort"), f"The node's port {host} is asked for twice.", "Change one.")
            seen.add(key)


def name_servers(node: Node, path: Place) -> Iterator[Fault]:
    """Check that a pod without the cluster's name servers has its own."""
    if node.get("dnsPolicy") == "None" and not mapping(node, "dnsConfig").get("nameservers"):
        says = "'dnsPolicy' is None, and 'dnsConfig' names no server."
        yield Fault((*path, "dnsPolicy"), says, "Add dnsConfig.nameservers.")


def toleration(node: Node, path: Place) -> Iterator[Fault]:
    """Check that a toleration's parts agree."""
    operator, effect = node.get("operator") or "Equal", node.get("effect")
    if not text(node, "key") and operator != "Exists":
        yield Fault(path, f"{called(path)} has no key, which only the operator Exists allows.", "Add 'key'.")
    if operator == "Exists" and text(node, "value"):
        yield Fault(
            (*path, "value"), f"{called(path)} has the operator Exists, which takes no value.", "Remove 'value'."
        )
    if node.get("tolerationSeconds") is not None and effect != "NoExecute":
        says = f"{called(path)} has 'tolerationSeconds', which only the effect NoExecute heeds."
        yield Fault((*path, "tolerationSeconds"), says, "Remove it, or write effect: NoExecute.")


def topology_key(node: Node, path: Place) -> Iterator[Fault]:
    """Check that spreading says over what."""
    if not text(node, "topologyKey"):
        fix = "Write a label of nodes, such as topology.kubernetes.io/zone."
        yield Fault(path, f"{called(path)} has no 'topologyKey'.", fix)
    if node.get("minDomains") is not None and node.get("whenUnsatisfiable") == "ScheduleAnyway":
        says = f"{called(path)} has 'minDomains', which only whenUnsatisfiable: DoNotSchedule heeds."
        yield Fault((*path, "minDomains"), says, "Remove it.")


RULES: Rules = {
    "core.v1.PodAffinityTerm": (topology_key,),
    "core.v1.PodSpec": (containers, ordinary_init_containers, volumes, host_ports, name_servers),
    "core.v1.Toleration": (toleration,),
    "core.v1.TopologySpreadConstraint": (topology_key,),
    "core.v1.VolumeMount": (mount,),
}
