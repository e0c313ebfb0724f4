"""Where all stands on the service map: callers left of callees, stores under their services, the broker below."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from fairway.local.console.ranking import Bend, Edge, Spot, columns, level
from fairway.local.telemetry.settings import Link, Node

WIDE: Final = 170.0  # of a box, in pixels like all lengths here
HEAD: Final = 48.0  # height of a box without its stores
ROW: Final = 19.0  # of one store under its service
GAP: Final = 122.0  # between two columns
APART: Final = 18.0  # between two boxes of a column
MARGIN: Final = 24.0
BUS: Final = 32.0  # height of the broker
BUS_BELOW: Final = 34.0
GUTTER: Final = 16.0  # between a box and the first line that passes by it
LINES_APART: Final = 6.0

Point = tuple[float, float]


class Box(msgspec.Struct, frozen=True):
    """The place of one node; the stores that a service uses are rows under it."""

    x: float
    y: float
    wide: float
    high: float
    stores: tuple[str, ...] = ()


class Way(msgspec.Struct, frozen=True):
    """The way between two nodes: points that a line goes through, bent (calls) or in right angles (events)."""

    source: str
    target: str
    points: tuple[Point, ...]
    bent: bool = True


class Chart(msgspec.Struct, frozen=True):
    """The whole map."""

    wide: float
    high: float
    boxes: dict[str, Box]
    ways: tuple[Way, ...]


def chart(nodes: Sequence[Node], links: Sequence[Link]) -> Chart:
    """Give everything its place; the same system gives the same map."""
    stores = _stores(links)
    high = {
        node.name: HEAD + ROW * len(stores.get(node.name, ())) for node in nodes if node.kind not in {"store", "broker"}
    }
    edges = list(dict.fromkeys((one.source, one.target) for one in links if one.source in high and one.target in high))
    kinds = {node.name: node.kind for node in nodes}
    order = columns(kinds, edges, [name for name in high if kinds[name] == "outside"], _listeners(links, kinds))
    middles = level(order, lambda name: high.get(name, 0.0), edges, APART)
    boxes: dict[str, Box] = {}
    for column, names in enumerate(order):
        x = MARGIN + column * (WIDE + GAP)
        for name in names:
            if isinstance(name, str):
                top = middles[name] - high[name] / 2 + MARGIN
                boxes[name] = Box(x, top, WIDE, high[name], stores.get(name, ()))
    bottom = max((box.y + box.high for box in boxes.values()), default=MARGIN)
    right = max((box.x + box.wide for box in boxes.values()), default=MARGIN)
    passing = {
        edge: tuple((MARGIN + column * (WIDE + GAP), middles[name] + MARGIN) for column, name in stops)
        for edge, stops in _stops(order).items()
    }
    ways = [*_calls(edges, boxes, passing)]
    for broker in (node.name for node in nodes if node.kind == "broker"):
        top = bottom + BUS_BELOW
        events = list(_events(links, boxes, broker, top))
        ends = [point[0] for way in events for point in way.points] or [MARGIN, right]
        boxes[broker] = Box(min(ends) - 14, top, max(max(ends) - min(ends) + 28, 2 * WIDE), BUS)
        ways += events
        bottom = top + BUS
        right = max(right, boxes[broker].x + boxes[broker].wide)
    first = min((x for way in ways for x, _ in way.points), default=MARGIN) - MARGIN
    first = min([first, *(box.x - MARGIN / 2 for box in boxes.values())])
    return _moved(Chart(right + MARGIN, bottom + MARGIN, boxes, tuple(ways)), max(0.0, -first))


def _moved(made: Chart, by: float) -> Chart:
    """Move all to the right: lines of events may pass before the first column."""
    boxes = {name: msgspec.structs.replace(box, x=box.x + by) for name, box in made.boxes.items()}
    ways = tuple(msgspec.structs.replace(way, points=tuple((x + by, y) for x, y in way.points)) for way in made.ways)
    return Chart(made.wide + by, made.high, boxes, ways)


def _stores(links: Iterable[Link]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for link in links:
        if link.kind == "store":
            found[link.source] = (*found.get(link.source, ()), link.target)
    return found


def _listeners(links: Iterable[Link], kinds: Mapping[str, str]) -> list[str]:
    """Name the services that nobody calls and that only hear of things: they stand where the news come from."""
    known = list(links)
    called = {link.target for link in known if kinds.get(link.source) != "broker"}
    return [link.target for link in known if link.kind == "consume" and link.target not in called]


def _stops(order: Sequence[Sequence[Spot]]) -> dict[Edge, list[tuple[int, Bend]]]:
    """Give the places where long ways pass a column, by the way."""
    found: dict[Edge, list[tuple[int, Bend]]] = {}
    for column, names in enumerate(order):
        for name in names:
            if not isinstance(name, str):
                found.setdefault((name[0], name[1]), []).append((column, name))
    return found


def _calls(edges: Sequence[Edge], boxes: Mapping[str, Box], passing: Mapping[Edge, Sequence[Point]]) -> Iterable[Way]:
    """Draw calls from right sides to left sides, each at a height of its own so that none lies on another."""
    leaving = _spread(edges, boxes, 0)
    coming = _spread(edges, boxes, 1)
    for source, target in edges:
        one, two = boxes[source], boxes[target]
        start = (one.x + one.wide, one.y + leaving[source, target])
        end = (two.x, two.y + coming[source, target])
        between = [point for x, y in sorted(passing.get((source, target), ())) for point in ((x, y), (x + WIDE, y))]
        if two.x <= one.x:  # back to the left, or down the same column: around the outside
            end = (two.x + two.wide, end[1]) if two.x == one.x else end
            between = []
        yield Way(source, target, (start, *between, end))


def _spread(edges: Sequence[Edge], boxes: Mapping[str, Box], side: int) -> dict[Edge, float]:
    at: dict[str, list[Edge]] = {}
    for edge in edges:
        at.setdefault(edge[side], []).append(edge)
    found: dict[Edge, float] = {}
    for those in at.values():
        ordered = sorted(those, key=lambda edge: boxes[edge[1 - side]].y)
        for place, edge in enumerate(ordered):
            found[edge] = HEAD * (place + 1) / (len(ordered) + 1)
    return found


def _events(links: Iterable[Link], boxes: Mapping[str, Box], broker: str, top: float) -> Iterable[Way]:
    """Draw events down to the broker beside a column, and up from it before a column."""
    passing: dict[float, int] = {}
    ends = list(
        dict.fromkeys(
            (link.kind, link.source if link.kind == "publish" else link.target)
            for link in links
            if link.kind in {"publish", "consume"}
        )
    )
    for kind, name in sorted(ends, key=lambda end: -boxes[end[1]].y if end[1] in boxes else 0):
        if name not in boxes:
            continue
        box = boxes[name]
        side = box.x + box.wide if kind == "publish" else box.x
        lane = passing.get(side, 0)
        passing[side] = lane + 1
        away = GUTTER + LINES_APART * lane
        x = side + away if kind == "publish" else side - away
        y = box.y + HEAD - 7
        if kind == "publish":
            yield Way(name, broker, ((side, y), (x, y), (x, top)), bent=False)
        else:
            yield Way(broker, name, ((x, top), (x, y), (side, y)), bent=False)
