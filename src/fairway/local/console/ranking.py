"""The order of a layered drawing: which column, which place in it, at which height; long edges keep a place free."""

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import pairwise
from typing import Final

SWEEPS: Final = 12
THIN: Final = 12.0  # what a passing edge needs of a column's height

Edge = tuple[str, str]
Bend = tuple[str, str, int]  # an edge, where it passes a column
Spot = str | Bend


def columns(
    kinds: Mapping[str, str], edges: Sequence[Edge], last: Collection[str], late: Collection[str]
) -> list[list[Spot]]:
    """Put callers before callees; *last* stand in a column of their own at the end, *late* in the one before it."""
    names = [name for name, kind in kinds.items() if kind not in {"store", "broker"}]
    rank = _ranks(names, edges)
    inner = [name for name in names if name not in last]
    deepest = max((rank[name] for name in inner), default=0)
    guarded = "gateway" in kinds.values()
    for name in names:
        if name in last:
            rank[name] = deepest + 1
        elif name in late:
            rank[name] = max(deepest, 1)
        elif guarded and kinds[name] != "gateway":
            rank[name] = max(rank[name], 1)
    wide = max(rank.values(), default=0) + 1
    found: list[list[Spot]] = [[] for _ in range(wide)]
    for name in names:
        found[rank[name]].append(name)
    joined: list[tuple[Spot, Spot]] = []
    for source, target in edges:
        before: Spot = source
        for place in range(rank[source] + 1, rank[target]):
            bend = (source, target, place)
            found[place].append(bend)
            joined.append((before, bend))
            before = bend
        if rank[target] > rank[source]:
            joined.append((before, target))
    found = [column for column in found if column]
    _uncross(found, joined)
    return found


def _ranks(names: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """Give each the length of the longest way to it; an edge that closes a circle does not count."""
    out: dict[str, list[str]] = {name: [] for name in names}
    for source, target in edges:
        out[source].append(target)
    order, forward = _ordered(out)
    rank = dict.fromkeys(names, 0)
    for name in order:
        for callee in out[name]:
            if (name, callee) in forward:
                rank[callee] = max(rank[callee], rank[name] + 1)
    return rank


def _ordered(out: Mapping[str, Sequence[str]]) -> tuple[list[str], set[Edge]]:
    """Order callers before callees; give also the edges that keep to it."""
    order: list[str] = []
    begun: set[str] = set()
    ended: set[str] = set()
    forward: set[Edge] = set()
    for root in out:
        stack = [] if root in begun else [(root, iter(out[root]))]
        begun.add(root)
        while stack:
            name, rest = stack[-1]
            callee = next(rest, None)
            if callee is None:
                ended.add(name)
                order.append(name)
                stack.pop()
            elif callee not in begun:
                begun.add(callee)
                forward.add((name, callee))
                stack.append((callee, iter(out[callee])))
            elif callee in ended:
                forward.add((name, callee))
    return order[::-1], forward


def _uncross(found: list[list[Spot]], joined: Sequence[tuple[Spot, Spot]]) -> None:
    """Order each column by where its neighbours stand, forth and back, and keep the order with the fewest crossings."""
    left: dict[Spot, list[Spot]] = {}
    right: dict[Spot, list[Spot]] = {}
    for one, two in joined:
        left.setdefault(two, []).append(one)
        right.setdefault(one, []).append(two)
    best, fewest = [list(column) for column in found], _crossings(found, joined)
    for sweep in range(SWEEPS):
        forth = sweep % 2 == 0
        near = left if forth else right
        for column in found if forth else reversed(found):
            at = {spot: place / max(len(one), 1) for one in found for place, spot in enumerate(one)}
            column.sort(key=lambda spot: _mean([at[other] for other in near.get(spot, ())], at[spot]))
        if (crossings := _crossings(found, joined)) < fewest:
            best, fewest = [list(column) for column in found], crossings
    for column, better in zip(found, best, strict=True):
        column[:] = better


def _crossings(found: Sequence[Sequence[Spot]], joined: Sequence[tuple[Spot, Spot]]) -> int:
    at = {spot: (column, place) for column, spots in enumerate(found) for place, spot in enumerate(spots)}
    between: dict[int, list[tuple[int, int]]] = {}
    for one, two in joined:
        between.setdefault(at[one][0], []).append((at[one][1], at[two][1]))
    return sum(
        (a[0] - b[0]) * (a[1] - b[1]) < 0
        for pairs in between.values()
        for place, a in enumerate(pairs)
        for b in pairs[:place]
    )


def level(
    order: Sequence[Sequence[Spot]], high: Callable[[str], float], edges: Sequence[Edge], apart: float
) -> dict[Spot, float]:
    """Give each spot the height of its middle: near its neighbours', in the order of its column, none on another."""

    def size(spot: Spot) -> float:
        return high(spot) if isinstance(spot, str) else THIN

    near: dict[Spot, list[Spot]] = {}
    for source, target in edges:
        bends = sorted(
            (spot for column in order for spot in column if not isinstance(spot, str) and spot[:2] == (source, target)),
            key=lambda spot: spot[2],
        )
        way: list[Spot] = [source, *bends, target]
        for one, two in pairwise(way):
            near.setdefault(one, []).append(two)
            near.setdefault(two, []).append(one)
    middle: dict[Spot, float] = {}
    for column in order:
        _place(column, dict.fromkeys(column, 0.0), size, apart, middle)
    for sweep in range(SWEEPS):
        for column in order if sweep % 2 == 0 else reversed(order):
            wanted = {spot: _mean([middle[other] for other in near.get(spot, ())], middle[spot]) for spot in column}
            _place(column, wanted, size, apart, middle)
    top = min((middle[spot] - size(spot) / 2 for spot in middle), default=0.0)
    return {spot: y - top for spot, y in middle.items()}


def _place(
    column: Sequence[Spot],
    wanted: Mapping[Spot, float],
    size: Callable[[Spot], float],
    apart: float,
    middle: dict[Spot, float],
) -> None:
    """Stack a column so that each is as near to where it wants to be as its order allows (least squares)."""
    offset, total = [], 0.0
    for place, spot in enumerate(column):
        total += (size(column[place - 1]) + size(spot)) / 2 + apart if place else 0.0
        offset.append(total)
    blocks: list[tuple[float, int]] = []  # mean of what its spots want, how many they are
    for place, spot in enumerate(column):
        mean, many = wanted[spot] - offset[place], 1
        while blocks and blocks[-1][0] > mean:
            other, count = blocks.pop()
            mean, many = (other * count + mean * many) / (count + many), count + many
        blocks.append((mean, many))
    start = [mean for mean, many in blocks for _ in range(many)]
    for place, spot in enumerate(column):
        middle[spot] = start[place] + offset[place]


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
