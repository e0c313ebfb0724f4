"""What holds inside one container: image, ports, environment, resources, probes, privileges."""

from collections.abc import Iterator

from fairway.core.errors import did_you_mean
from fairway.estate.fault import Fault, Place, called, quoted
from fairway.estate.names import is_label_key
from fairway.estate.quantities import amount
from fairway.estate.semantics.nodes import Node, Rules, entries, mapping, number, own_name, text

PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
COMPUTE = {"cpu", "memory", "ephemeral-storage"}
BYTES = {"memory", "ephemeral-storage", "storage"}
POD_FIELDS = {
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
}


def image(node: Node, path: Place) -> Iterator[Fault]:
    """Check that there is an image, without spaces around it."""
    name = text(node, "image")
    if name is None:
        yield Fault(path, f"Container {own_name(node)} has no image.", "Add 'image'.")
    elif name != name.strip():
        yield Fault((*path, "image"), f"'image' is {quoted(name)}, with a space around it.", "Remove the space.")


def port_names(node: Node, path: Place) -> Iterator[Fault]:
    """Check that no two ports of a container share a name."""
    seen: dict[str, int] = {}
    for index, port in entries(node, "ports"):
        name = text(port, "name")
        if name is not None and seen.setdefault(name, index) != index:
            says = f"Two ports of container {own_name(node)} are called '{name}'."
            yield Fault((*path, "ports", index, "name"), says, "Rename one.")


def probed_ports(node: Node, path: Place) -> Iterator[Fault]:
    """Check that a port that a probe or hook names is one of the container's."""
    named = {name for _, port in entries(node, "ports") if (name := text(port, "name"))}
    handlers = [(probe,) for probe in PROBES] + [("lifecycle", hook) for hook in ("postStart", "preStop")]
    for steps in handlers:
        for action in ("httpGet", "tcpSocket"):
            port = mapping(node, *steps, action).get("port")
            # A number given as text is reported where it stands.
            if isinstance(port, str) and not port.isdigit() and port not in named:
                says = f"'{steps[-1]}' asks for port '{port}', and container {own_name(node)} has no such port."
                fix = did_you_mean(port, named) or "Name the port under 'ports', or write its number."
                yield Fault((*path, *steps, action, "port"), says, fix)


def probe_successes(node: Node, path: Place) -> Iterator[Fault]:
    """Check that a probe that decides about a restart counts one success."""
    for probe in ("livenessProbe", "startupProbe"):
        if (number(mapping(node, probe), "successThreshold") or 1) != 1:
            says = f"'successThreshold' of {probe} is not 1, the only value it can have there."
            yield Fault((*path, probe, "successThreshold"), says, "Remove it.")


def environment(node: Node, path: Place) -> Iterator[Fault]:
    """Check that a variable has its value from one place."""
    if text(node, "value") is not None and node.get("valueFrom") is not None:
        says = f"The variable {own_name(node)} has both 'value' and 'valueFrom'."
        yield Fault(path, says, "Keep one of them.")


def field_reference(node: Node, path: Place) -> Iterator[Fault]:
    """Check that a variable asks for a field that a pod can give."""
    field = text(mapping(node, "fieldRef"), "fieldPath")
    if field is None or field in POD_FIELDS or field.startswith(("metadata.labels['", "metadata.annotations['")):
        return
    says = f"'fieldPath' is {quoted(field)}, which a pod cannot give to a variable."
    yield Fault((*path, "fieldRef", "fieldPath"), says, did_you_mean(field, POD_FIELDS))


def resources(node: Node, path: Place) -> Iterator[Fault]:
    """Check that a container asks for no more than it may use, and in units that make sense."""
    limits = mapping(node, "limits")
    for name, wanted in mapping(node, "requests").items():
        request, limit = amount(wanted), amount(limits.get(name))
        if request is not None and limit is not None and request > limit:
            says = f"The request of {name} ({wanted}) is above its limit ({limits[name]})."
            yield Fault((*path, "requests", name), says, "Lower the request, or raise the limit.")
    for part in ("limits", "requests"):
        for name, value in mapping(node, part).items():
            yield from _resource(str(name), value, (*path, part, str(name)))


def _resource(name: str, value: object, path: Place) -> Iterator[Fault]:
    """Check one resource's name and unit."""
    known = name in COMPUTE or name.startswith("hugepages-") or ("/" in name and is_label_key(name))
    if not known:
        says = f"'{name}' is no resource of a container."
        yield Fault(path, says, did_you_mean(name, COMPUTE))
    elif name in BYTES and isinstance(value, str) and value.endswith("m"):
        says = f"{called(path)} is {quoted(value)}, which means thousandths of a byte."
        yield Fault(path, says, f"Did you mean '{value[:-1]}Mi'?", remark=True)


def privileges(node: Node, path: Place) -> Iterator[Fault]:
    """Check that a container is not given a privilege and denied it at once."""
    if node.get("allowPrivilegeEscalation") is not False:
        return
    added = mapping(node, "capabilities").get("add")
    if node.get("privileged") is True:
        says = "'allowPrivilegeEscalation' is false, and 'privileged' is true."
        yield Fault((*path, "allowPrivilegeEscalation"), says, "Keep one of them.")
    elif isinstance(added, list) and {"SYS_ADMIN", "CAP_SYS_ADMIN"} & {item for item in added if isinstance(item, str)}:
        says = "'allowPrivilegeEscalation' is false, and the capability SYS_ADMIN is added."
        yield Fault((*path, "capabilities", "add"), says, "Keep one of them.")


def profile(node: Node, path: Place) -> Iterator[Fault]:
    """Check that a local profile is named, and no other is."""
    local, name = node.get("type") == "Localhost", text(node, "localhostProfile")
    if local and name is None:
        yield Fault(path, f"{called(path)} is of type Localhost and names no profile.", "Add 'localhostProfile'.")
    elif name is not None and not local:
        says = f"{called(path)} names a profile, which only type Localhost does."
        yield Fault((*path, "localhostProfile"), says, "Remove it, or write type: Localhost.")


CONTAINER = (image, port_names, probed_ports, probe_successes)

RULES: Rules = {
    "core.v1.AppArmorProfile": (profile,),
    "core.v1.Container": CONTAINER,
    "core.v1.EnvVar": (environment,),
    "core.v1.EnvVarSource": (field_reference,),
    "core.v1.ResourceRequirements": (resources,),
    "core.v1.SeccompProfile": (profile,),
    "core.v1.SecurityContext": (privileges,),
}
