"""A container of a workload: its image, ports, variables, probes, resources and mounts."""

from collections.abc import Iterator
from typing import Literal, TypeAlias

import msgspec

from fairway.estate.node import Node

ProbeKind: TypeAlias = Literal["liveness", "readiness", "startup"]
PROBES: tuple[ProbeKind, ...] = ("liveness", "readiness", "startup")
ON_FAILURE_PERIOD, ON_FAILURE_COUNT = 10, 3  # Kubernetes' defaults: seconds between tries, failures that count


class Port(msgspec.Struct, frozen=True, eq=False):
    """A port that a container declares; `number` is None where it is malformed."""

    name: str
    number: int | None
    node: Node


class Variable(msgspec.Struct, frozen=True, eq=False):
    """An environment variable; `value` is None where it comes from elsewhere (valueFrom) or is not given."""

    name: str
    value: str | None
    node: Node


class Mount(msgspec.Struct, frozen=True, eq=False):
    """Where a container sees a volume."""

    volume: str
    path: str
    read_only: bool


class Probe(msgspec.Struct, frozen=True, eq=False):
    """How the kubelet asks a container for its state."""

    kind: ProbeKind
    node: Node
    asks: tuple[object, ...]  # what is asked, alike for probes that ask the same; empty where nothing is
    path: str  # of an HTTP probe
    host: str  # that an HTTP or TCP probe asks instead of its own Pod
    command: tuple[str, ...]
    patience: int  # seconds of failure until something is done


class Container(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A container as it is written; defaults that a namespace adds are not in it."""

    name: str
    image: str
    node: Node
    command: tuple[str, ...]
    arguments: tuple[str, ...]
    ports: tuple[Port, ...]
    variables: tuple[Variable, ...]
    mounts: tuple[Mount, ...]
    liveness: Probe | None
    readiness: Probe | None
    startup: Probe | None
    requests: frozenset[str]  # the resources it asks for; what it only has a limit for, it asks for as well
    limits: frozenset[str]

    @property
    def image_words(self) -> list[str]:
        """Give the words of the image's own name: registry.example.com/team/redis-cart:7 has redis and cart."""
        name = self.image.partition("@")[0].rpartition("/")[2].partition(":")[0]
        return name.lower().replace("_", "-").replace(".", "-").split("-")


def containers(pod: Node, key: str) -> Iterator[Container]:
    """Read the containers that a Pod's spec lists under *key*."""
    for node in pod.items(key):
        resources = node.mapping("resources")
        limits = resources.keys("limits")
        ports = tuple(Port(port.text("name"), port.number("containerPort"), port) for port in node.items("ports"))
        yield Container(
            name=node.text("name"),
            image=node.text("image"),
            node=node,
            command=node.texts("command"),
            arguments=node.texts("args"),
            ports=ports,
            variables=tuple(_variables(node)),
            mounts=tuple(
                Mount(mount.text("name"), mount.text("mountPath"), mount.flag("readOnly"))
                for mount in node.items("volumeMounts")
            ),
            **{kind: _probe(node, kind, ports) for kind in PROBES},
            requests=resources.keys("requests") | limits,
            limits=limits,
        )


def _variables(container: Node) -> Iterator[Variable]:
    for node in container.items("env"):
        yield Variable(node.text("name"), node.text("value") if node.has("value") else None, node)


def _probe(container: Node, kind: ProbeKind, ports: tuple[Port, ...]) -> Probe | None:
    key = f"{kind}Probe"
    if not container.has(key):
        return None
    node = container.mapping(key)
    http, tcp, grpc = node.mapping("httpGet"), node.mapping("tcpSocket"), node.mapping("grpc")
    command = node.mapping("exec").texts("command")
    numbers = {port.name: port.number for port in ports if port.name}
    path = http.text("path", "/") if http else ""
    host = http.text("host") or tcp.text("host")
    asks: tuple[object, ...] = ()
    if http:
        asks = ("httpGet", host, _number(http, numbers), path, http.text("scheme", "HTTP").upper())
    elif tcp:
        asks = ("tcpSocket", host, _number(tcp, numbers))
    elif grpc:
        asks = ("grpc", _number(grpc, numbers), grpc.text("service"))
    elif command:
        asks = ("exec", *command)
    period, failures = node.number("periodSeconds"), node.number("failureThreshold")
    patience = (period or ON_FAILURE_PERIOD) * (failures or ON_FAILURE_COUNT)
    return Probe(kind, node, asks, path, host, command, patience)


def _number(handler: Node, numbers: dict[str, int | None]) -> int | str | None:
    """Give the port that a probe asks, by number where the container names it."""
    port = handler.number_or_text("port")
    return numbers.get(port, port) if isinstance(port, str) else port
