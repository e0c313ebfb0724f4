"""The partial order of work for a whole system: what must be done before what, and why."""

from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter

import msgspec

from fairway.core.errors import BadRegistryError


class Before(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of work comes before another. Pieces are named kind/name: store/orders-db, workload/orders."""

    first: str
    then: str
    rule: str
    because: str


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """All the work in waves: everything in a wave may be done at once, after all earlier waves."""

    waves: tuple[tuple[str, ...], ...]
    edges: tuple[Before, ...]


def order(edges: Iterable[Before]) -> Order:
    """Lay the pieces that the edges name out in waves that honour every edge."""
    edges = tuple(edges)
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for edge in edges:
        sorter.add(edge.then, edge.first)
    try:
        sorter.prepare()
    except CycleError as error:
        raise BadRegistryError(f"Work waits for itself: {' -> '.join(error.args[1])}. Take one edge out.") from None
    waves = []
    while ready := sorter.get_ready():
        waves.append(tuple(sorted(ready)))
        sorter.done(*ready)
    return Order(waves=tuple(waves), edges=edges)
