"""Typed looks into an object of unknown shape: what is not as expected is as if it were absent."""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from fairway.estate.fault import Fault, Place, quoted

Node: TypeAlias = dict[str, Any]
Rule: TypeAlias = Callable[[Node, Place], Iterator[Fault]]
Rules: TypeAlias = dict[str, tuple[Rule, ...]]


def mapping(node: Node, *steps: str) -> Node:
    """Follow *steps* through mappings; the result is empty where the way ends."""
    found: object = node
    for step in steps:
        found = found.get(step) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def entries(node: Node, field: str) -> Iterator[tuple[int, Node]]:
    """Go through the mappings of a list, each with its index."""
    value = node.get(field)
    if isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, dict):
                yield index, item


def text(node: Node, field: str) -> str | None:
    """Give the text of *field*; empty text is as good as none to Kubernetes."""
    value = node.get(field)
    return value if isinstance(value, str) and value else None


def number(node: Node, field: str) -> int | None:
    """Give the whole number of *field*."""
    value = node.get(field)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def own_name(node: Node) -> str:
    """Give what *node* is called, for a sentence: 'orders', or without a name."""
    name = text(node, "name")
    return quoted(name) if name is not None else "without a name"


def labels(node: Node, *steps: str) -> dict[str, str]:
    """Give the pairs of text under *steps*."""
    return {key: value for key, value in mapping(node, *steps).items() if isinstance(value, str)}
