"""What a container is told: variables, what they take from ConfigMaps, and arguments; each with where it is written."""

from collections.abc import Iterator

import msgspec

from fairway.estate.container import Container, Variable
from fairway.estate.index import Estate
from fairway.estate.node import Node
from fairway.estate.workload import Workload


class Told(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One value that a container is told; an argument has no name."""

    name: str
    value: str
    node: Node  # in the Pod: the variable, the source, or the container
    written: Node  # where the value stands, with its key
    key: str


def told(estate: Estate, workload: Workload, container: Container) -> Iterator[Told]:
    """Give all that a container is told, as far as files show it."""
    for variable in container.variables:
        yield from _variable(estate, workload, variable)
    for source in container.node.items("envFrom"):
        if name := source.mapping("configMapRef").text("name"):
            for key, text, data in _config(estate, workload, name):
                yield Told(name=source.text("prefix") + key, value=text, node=source, written=data, key=key)
    for key, words in (("command", container.command), ("args", container.arguments)):
        for word in words:
            yield Told(name="", value=word, node=container.node, written=container.node, key=key)


def _variable(estate: Estate, workload: Workload, variable: Variable) -> Iterator[Told]:
    node = variable.node
    if variable.value is not None:
        yield Told(name=variable.name, value=variable.value, node=node, written=node, key="value")
    reference = node.mapping("valueFrom").mapping("configMapKeyRef")
    if name := reference.text("name"):
        for key, text, data in _config(estate, workload, name):
            if key == reference.text("key"):
                yield Told(name=variable.name, value=text, node=node, written=data, key=key)


def _config(estate: Estate, workload: Workload, name: str) -> Iterator[tuple[str, str, Node]]:
    for resource in estate.find("ConfigMap", workload.namespace, name, workload.resource):
        data = resource.root.mapping("data")
        yield from ((key, data.text(key), data) for key, value in data.value.items() if value is not None)
