"""Work out where a line runs on the map: pure geometry, in pixels around the line's own middle, y pointing down."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TypeAlias

import msgspec

from fairway.core.walk import Visit

PITCH = 120  # from station to station
LEAD = 44  # from the name to the first station
TRACK = 5  # width of the line
DOT = 10  # radius of a stop
BEAD = 8.5  # half the width of a detour's diamond
BEADS = 18  # from diamond to diamond
BUMP = 12  # how far the line leaps over a station
HUG = 24  # half the length of a leap's flat top
FOLD = 30  # from the line to the part of it that lies below because it went back; the way back runs between
TURN = 21  # from a stop to the bend where the line turns back
CLEAR = 38  # how far behind that bend the line may rise again
FIRST = 25  # from the line to its nearest detour
LEVEL = 13  # from detour to detour
APART = 20  # between two detours on one level

Point: TypeAlias = tuple[float, float]
Concern: TypeAlias = tuple[str, str, str]  # the station that it leaves, the one that it goes to, what for


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """An own visit."""

    column: int
    row: int  # how often the line has gone back above it
    number: int  # its place in the walk, from 1
    jumped: bool
    idle: bool

    @property
    def x(self) -> float:
        """Where it is from the first station."""
        return self.column * PITCH

    @property
    def y(self) -> float:
        """Where it is from the line's middle."""
        return self.row * FOLD


class Fold(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of columns below which the line lies a second time, because it went back."""

    low: int
    high: int
    row: int


class Arrow(msgspec.Struct, frozen=True, kw_only=True):
    """Where the line shows which way it runs."""

    at: Point
    back: bool


class Bead(msgspec.Struct, frozen=True, kw_only=True):
    """Where a detour reaches its station."""

    at: Point
    concern: Concern


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """A line with all that hangs on it."""

    stops: tuple[Stop, ...]
    track: tuple[Point, ...]
    arrows: tuple[Arrow, ...]
    passed_over: tuple[Point, ...]
    spurs: tuple[tuple[Point, ...], ...]
    beads: tuple[Bead, ...]
    above: float  # room that it takes above its middle
    below: float


def shape(visits: Sequence[Visit], column: Mapping[str, int]) -> Shape:
    """Lay one walk out; *column* tells of each station where it stands, from 0."""
    stops, folds = _stops([visit for visit in visits if visit.concern is None], column)
    track, arrows = _track(stops)
    seen = {stop.column for stop in stops}
    passed_over = [(c * PITCH, 0.0) for c in range(max(seen, default=0)) if c not in seen]
    spurs, beads = _detours(visits, stops, folds, column)
    heights = [
        *(y - TRACK / 2 for _, y in track),
        *(y + TRACK / 2 for _, y in track),
        *(stop.y - DOT for stop in stops),
        *(stop.y + DOT for stop in stops),
        *(bead.at[1] - BEAD for bead in beads),
        *(bead.at[1] + BEAD for bead in beads),
    ]
    return Shape(
        stops=stops,
        track=track,
        arrows=arrows,
        passed_over=tuple(passed_over),
        spurs=spurs,
        beads=beads,
        above=-min(heights, default=0.0),
        below=max(heights, default=0.0),
    )


def _stops(visits: Sequence[Visit], column: Mapping[str, int]) -> tuple[tuple[Stop, ...], tuple[Fold, ...]]:
    """Give each stop its row: the line goes back below itself, and comes up behind the farthest station so far."""
    stops: list[Stop] = []
    folds: list[Fold] = []
    reach, row, before = -1, 0, -1
    for number, visit in enumerate(visits, 1):
        here = column[visit.stage]
        if here <= before:
            row = 1 + max((fold.row for fold in folds if fold.low <= before and here <= fold.high), default=0)
            folds.append(Fold(low=here, high=reach, row=row))
        elif here > reach:
            row = 0
        stops.append(Stop(column=here, row=row, number=number, jumped=visit.jumped, idle=visit.idle))
        reach, before = max(reach, here), here
    return tuple(stops), tuple(folds)


def _track(stops: Sequence[Stop]) -> tuple[tuple[Point, ...], tuple[Arrow, ...]]:
    """Lead the line from its name through its stops."""
    start = Stop(column=-1, row=0, number=0, jumped=False, idle=False)
    points: list[Point] = [(-LEAD, 0.0)]
    arrows: list[Arrow] = []
    reach = -1
    for before, here in pairwise((start, *stops)):
        if here.column <= before.column:
            between = here.y - FOLD / 2
            right, left = before.x + TURN, here.x - TURN
            points += [(right, before.y), (right, between), (left, between), (left, here.y)]
            arrows.append(Arrow(at=((before.x + here.x) / 2, between), back=True))
        else:
            leap = [c * PITCH for c in range(max(before.column, reach) + 1, here.column)]
            points += _forward(before, here, leap, reach)
            if here.jumped:
                at = ((leap[0] + leap[-1]) / 2, -BUMP) if leap else ((before.x + here.x) / 2, before.y)
                arrows.append(Arrow(at=at, back=False))
        points.append((here.x, here.y))
        reach = max(reach, here.column)
    return tuple(points), tuple(arrows)


def _forward(before: Stop, here: Stop, leap: Sequence[float], reach: int) -> list[Point]:
    """Leap over the stations at *leap*, or come up from below behind column *reach*; else go straight."""
    points: list[Point] = []
    if leap:
        top = leap[0] - HUG
        foot = max(top - BUMP - before.y, reach * PITCH + (CLEAR if before.row else 0), -LEAD)
        down = leap[-1] + HUG
        points = [(foot, before.y), (top, -BUMP), (down, -BUMP), (down + BUMP, 0.0)]
    elif here.row < before.row:
        top = here.x - HUG
        points = [(max(top - before.y, reach * PITCH + CLEAR), before.y), (top, here.y)]
    return points


class _Trunk(msgspec.Struct, kw_only=True):
    """Detours of one line that arrive at a station together."""

    above: bool
    way: int  # 1 where the station lies ahead, -1 where it lies back
    x: float  # of the station
    sources: list[Stop] = []
    concerns: list[Concern] = []

    @property
    def end(self) -> float:
        """Where its last diamond is; up to three stand around the middle of the station."""
        return self.x + self.way * min(len(self.concerns) - 1, 2) * BEADS / 2

    @property
    def diamonds(self) -> tuple[float, float]:
        """From where to where its diamonds stand."""
        tail = self.end - self.way * (len(self.concerns) - 1) * BEADS
        return min(self.end, tail) - BEAD, max(self.end, tail) + BEAD

    @property
    def span(self) -> tuple[float, float]:
        """From where to where it runs."""
        low, high = self.diamonds
        return min(low, *(stop.x for stop in self.sources)), max(high, *(stop.x for stop in self.sources))


def _detours(
    visits: Sequence[Visit], stops: Sequence[Stop], folds: Sequence[Fold], column: Mapping[str, int]
) -> tuple[tuple[tuple[Point, ...], ...], tuple[Bead, ...]]:
    """Draw each detour as a spur that ends in a diamond: ahead above the line, back below it."""
    trunks: dict[tuple[bool, int, int], _Trunk] = {}
    own = iter(stops)
    source, stage = None, ""
    for visit in visits:
        if visit.concern is None:
            source, stage = next(own), visit.stage
        elif source is not None:
            target = column[visit.stage]
            way = 1 if target >= source.column else -1
            folded = any(fold.low <= source.column <= fold.high for fold in folds)
            above = not source.row and (way > 0 or folded)
            trunk = trunks.setdefault(
                (above, way, target), _Trunk(above=above, way=way, x=target * PITCH, sources=[], concerns=[])
            )
            trunk.sources.append(source)
            trunk.concerns.append((stage, visit.stage, visit.concern))
    spurs: list[tuple[Point, ...]] = []
    beads: list[Bead] = []
    for trunk, y in _levels(trunks.values(), folds):
        sources = sorted(dict.fromkeys(trunk.sources), key=lambda stop: -abs(stop.x - trunk.x))
        for stop in sources:
            knee = stop.x + trunk.way * min(abs(y - stop.y), abs(trunk.end - stop.x))
            end = ((trunk.end, y),) if stop is sources[0] else ()  # the others join the first
            spurs.append(((stop.x, stop.y), (knee, y), *end))
        beads += [
            Bead(at=(trunk.end - trunk.way * BEADS * place, y), concern=concern)
            for place, concern in enumerate(reversed(trunk.concerns))
        ]
    return tuple(spurs), tuple(beads)


def _levels(trunks: Iterable[_Trunk], folds: Sequence[Fold]) -> Iterator[tuple[_Trunk, float]]:
    """Put each trunk as near to the line as the line itself and the shorter trunks leave room."""
    placed: list[tuple[_Trunk, int]] = []
    for trunk in sorted(trunks, key=lambda trunk: (trunk.span[1] - trunk.span[0], trunk.x, trunk.way)):
        beside = [(other, at) for other, at in placed if other.above is trunk.above]
        level = 0
        while _taken(trunk, level, beside, () if trunk.above else folds):
            level += 1
        placed.append((trunk, level))
        yield trunk, (FIRST + level * LEVEL) * (-1 if trunk.above else 1)


def _taken(trunk: _Trunk, level: int, beside: Iterable[tuple[_Trunk, int]], folds: Iterable[Fold]) -> bool:
    """Tell whether something is in the way: the fold, a way on the same level, a diamond on the next."""
    top = FIRST + level * LEVEL - BEAD
    return (
        any(
            _meet(trunk.span, (fold.low * PITCH - TURN, (fold.high + 1) * PITCH - HUG))
            for fold in folds
            if top < fold.row * FOLD + DOT
        )
        or any(_meet(trunk.span, other.span) for other, at in beside if at == level)
        or any(_meet(trunk.diamonds, other.diamonds) for other, at in beside if abs(at - level) == 1)
    )


def _meet(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one[0] < other[1] + APART and other[0] < one[1] + APART
