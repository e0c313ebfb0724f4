"""Label selectors, and finding what one selects without looking at everything."""

from collections.abc import Iterable, Mapping
from itertools import chain
from operator import itemgetter
from typing import Generic, TypeAlias, TypeVar

import msgspec

from fairway.estate.node import Node

Item = TypeVar("Item")
_Entry: TypeAlias = tuple[int, Mapping[str, str], Item]  # with its number, which keeps the order of the files

OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


class Requirement(msgspec.Struct, frozen=True):
    """One of a selector's matchExpressions."""

    key: str
    operator: str
    values: tuple[str, ...]

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Tell whether *labels* meet it; one with an operator that does not exist is met by nothing."""
        match self.operator:
            case "In":
                return labels.get(self.key) in self.values
            case "NotIn":
                return labels.get(self.key) not in self.values
            case "Exists":
                return self.key in labels
            case "DoesNotExist":
                return self.key not in labels
        return False


class Selector(msgspec.Struct, frozen=True):
    """What picks objects by their labels. An empty one picks all of them; an absent one is None, and picks nothing."""

    labels: tuple[tuple[str, str], ...] = ()
    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether it picks an object with *labels*."""
        return all(labels.get(key) == value for key, value in self.labels) and all(
            requirement.holds(labels) for requirement in self.requirements
        )


def label_selector(parent: Node, key: str) -> Selector | None:
    """Read a selector with matchLabels and matchExpressions; None where there is none."""
    if not parent.has(key):
        return None
    node = parent.mapping(key)
    requirements = []
    for entry in node.items("matchExpressions"):
        operator = entry.text("operator")
        if operator not in OPERATORS:
            says = f"'{operator}' is no operator of a selector."
            entry.origin.report(entry.line_of("operator"), says, f"Use one of {', '.join(OPERATORS)}.")
        requirements.append(Requirement(entry.text("key"), operator, entry.texts("values")))
    return Selector(tuple(node.pairs("matchLabels").items()), tuple(requirements))


def map_selector(parent: Node, key: str) -> Selector | None:
    """Read a selector that is a plain mapping of labels, as Services have; an empty one picks nothing."""
    labels = parent.pairs(key)
    return Selector(tuple(labels.items())) if labels else None


class LabelIndex(Generic[Item]):
    """Finds labelled things of a namespace by selector, starting from the rarest label."""

    def __init__(self, entries: Iterable[tuple[str, Mapping[str, str], Item]]) -> None:
        """Take each thing with its namespace and labels."""
        self._all: dict[str, list[_Entry[Item]]] = {}
        self._by_label: dict[tuple[str, str, str], list[_Entry[Item]]] = {}
        for number, (namespace, labels, item) in enumerate(entries):
            entry = number, labels, item
            self._all.setdefault(namespace, []).append(entry)
            for key, value in labels.items():
                self._by_label.setdefault((namespace, key, value), []).append(entry)

    def find(self, namespace: str, selector: Selector | None) -> tuple[Item, ...]:
        """Give what *selector* picks in *namespace*."""
        if selector is None:
            return ()
        found = self._all.get(namespace, [])
        for key, value in selector.labels:
            found = min(found, self._by_label.get((namespace, key, value), []), key=len)
        for one in selector.requirements:
            if one.operator == "In":
                of_each = (self._by_label.get((namespace, one.key, value), []) for value in dict.fromkeys(one.values))
                found = min(found, sorted(chain.from_iterable(of_each), key=itemgetter(0)), key=len)
        return tuple(item for _, labels, item in found if selector.matches(labels))
