"""Where a line runs on the map: whatever the walk, nothing lies on anything else."""

from collections.abc import Iterator, Sequence
from importlib import import_module
from itertools import combinations, pairwise, product
from math import hypot
from pkgutil import iter_modules
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from fairway import stages
from fairway.core.facts import System
from fairway.core.profile import survey
from fairway.core.stage import Stage
from fairway.core.walk import Visit, walk
from fairway.targets.line_map_layout import BEAD, BUMP, DOT, FOLD, LEAD, PITCH, TRACK, TURN, Point, Shape, shape

ROOMS: list[Stage] = [import_module(f"fairway.stages.{room.name}").STAGE for room in iter_modules(stages.__path__)]
COLUMN = {room.id: place for place, room in enumerate(ROOMS)}
FACTS: tuple[dict[str, Any], ...] = (
    {"exposure": "external"},
    {"sidecars": {"agent": "deferred"}},
    {"retains-state": True},
    {"secure-user-data": True},
    {"data": ["personal"]},
    {"flags": ["new-basket"]},
    {"traffic-needs": ["rerouting"]},
)


def own(*columns: int) -> list[Visit]:
    """Visit stations by their columns, without detours."""
    names = list(COLUMN)
    return [Visit(stage=names[column], concern=None, because="") for column in columns]


def detour(column: int, concern: str = "concern") -> Visit:
    """Make a detour to a station."""
    return Visit(stage=list(COLUMN)[column], concern=concern, because="")


def every_walk() -> Iterator[tuple[Visit, ...]]:
    """Walk for every combination of the facts that jumps and detours ask about."""
    services = {
        f"s{place}": {
            word: value for chosen, fact in zip(choice, FACTS, strict=True) if chosen for word, value in fact.items()
        }
        for place, choice in enumerate(product((False, True), repeat=len(FACTS)))
    }
    declared = {
        "system": "all",
        "platform": {"flags": "none"},
        "owners": {"team": "#team"},
        "flags": {"new-basket": {"owner": "team", "expires": "2030-01-31"}},
        "failover-depends-on-kubernetes": True,
        "services": services,
    }
    for profile in survey(msgspec.convert(declared, System)).services.values():
        owed = {room.id: room.id != "gateway" or profile.exposed for room in ROOMS}
        yield walk(ROOMS, profile, owed).visits


def distance(point: Point, start: Point, end: Point) -> float:
    """Say how far *point* is from the straight way between two others."""
    along = (end[0] - start[0], end[1] - start[1])
    square = along[0] ** 2 + along[1] ** 2
    share = ((point[0] - start[0]) * along[0] + (point[1] - start[1]) * along[1]) / square if square else 0
    share = min(1, max(0, share))
    return hypot(point[0] - start[0] - share * along[0], point[1] - start[1] - share * along[1])


def collisions(form: Shape) -> Iterator[str]:
    """Name everything that lies on something else."""
    ways = list(pairwise(form.track))
    for one, other in combinations(form.beads, 2):
        if abs(one.at[0] - other.at[0]) + abs(one.at[1] - other.at[1]) < 2 * BEAD:
            yield f"{one} and {other}"
    for bead in form.beads:
        yield from (f"{bead} and {stop}" for stop in form.stops if apart(bead.at, (stop.x, stop.y)) < BEAD + DOT)
        yield from (f"{bead} and the line" for way in ways if distance(bead.at, *way) < BEAD + TRACK / 2)
        for spur in form.spurs:
            own_spur = spur[-1][1] == bead.at[1] and spur[0][1] != bead.at[1]
            if not own_spur and any(distance(bead.at, *way) < BEAD for way in pairwise(spur)):
                yield f"{bead} and a spur from {spur[0]}"
    for one_way, other_way in combinations([spur[-2:] for spur in form.spurs if len(spur) > 2], 2):
        shared = min(max(x for x, _ in one_way), max(x for x, _ in other_way)) - max(
            min(x for x, _ in one_way), min(x for x, _ in other_way)
        )
        if one_way[0][1] == other_way[0][1] and shared > 0:
            yield f"two detours on {shared} pixels"
    for stop in form.stops:
        at = (stop.x, stop.y)
        yield from (f"{stop} and the line" for way in ways if at not in way and distance(at, *way) < DOT + TRACK / 2)
    for at in form.passed_over:
        yield from (f"the line over {at}" for way in ways if distance(at, *way) < TRACK)


def apart(one: Point, other: Point) -> float:
    """Say how far two points are from each other."""
    return hypot(one[0] - other[0], one[1] - other[1])


def outside(form: Shape) -> Iterator[Point]:
    """Name the points that lie outside the room that the shape asks for."""
    last = max(stop.x for stop in form.stops)
    reach = [(stop.x, stop.y + way) for stop in form.stops for way in (-DOT, DOT)]
    reach += [(bead.at[0], bead.at[1] + way) for bead in form.beads for way in (-BEAD, BEAD)]
    for x, y in (*reach, *form.track, *(point for spur in form.spurs for point in spur)):
        if not (-LEAD <= x <= max(last, 10 * PITCH) + TURN and -form.above <= y <= form.below):
            yield x, y


def test_no_walk_of_the_standard_lays_one_thing_on_another() -> None:
    """Every combination of facts gives a line that can be read."""
    for visits in every_walk():
        form = shape(visits, COLUMN)
        assert list(collisions(form)) == []
        assert list(outside(form)) == []


@settings(max_examples=200, deadline=None)
@given(st.permutations(range(11)), st.integers(min_value=1, max_value=11))
def test_stops_in_any_order_lie_clear_of_the_line(order: Sequence[int], many: int) -> None:
    """The map draws a walk by stages that nobody has thought of yet."""
    form = shape(own(*order[:many]), COLUMN)
    assert list(collisions(form)) == []
    assert list(outside(form)) == []
    assert [stop.number for stop in form.stops] == list(range(1, many + 1))


def test_a_straight_walk_is_a_straight_line() -> None:
    """A service without jumps and detours gives the map nothing to bend."""
    form = shape(own(*range(11)), COLUMN)
    assert {y for _, y in form.track} == {0}
    assert (form.spurs, form.beads, form.arrows, form.passed_over) == ((), (), (), ())


def test_a_line_leaps_over_a_stage_that_is_passed_over() -> None:
    """The line runs above the middle there, shows the jump, and marks that the stage is left out."""
    visits = own(0, 1, 3)
    visits[2] = msgspec.structs.replace(visits[2], jumped=True)
    form = shape(visits, COLUMN)
    assert {y for x, y in form.track if abs(x - 2 * PITCH) < DOT * 3} == {-BUMP}
    assert [(arrow.at, arrow.back) for arrow in form.arrows] == [((2 * PITCH, -BUMP), False)]
    assert form.passed_over == ((2 * PITCH, 0),)


def test_a_postponed_stage_is_reached_by_a_way_back_below_the_line() -> None:
    """The line leaps over it, turns, comes back to it, and rises again behind the farthest stage."""
    form = shape(own(0, 1, 3, 4, 2, 5), COLUMN)
    assert [(stop.column, stop.y) for stop in form.stops][-2:] == [(2, FOLD), (5, 0)]
    assert [arrow.back for arrow in form.arrows] == [True]
    assert form.passed_over == ()


def test_a_detour_ahead_runs_above_the_line_and_one_back_below() -> None:
    """Which way a detour goes is seen before its letter is read."""
    visits = own(0, 6, 9)
    form = shape([visits[0], detour(9), visits[1], visits[2], detour(6)], COLUMN)
    ahead, back = sorted(form.beads, key=lambda bead: bead.at[1])
    assert (ahead.at[0], ahead.concern) == (9 * PITCH, ("design", "data", "concern"))
    assert (back.at[0], back.concern) == (6 * PITCH, ("data", "security", "concern"))
    assert ahead.at[1] < 0 < back.at[1]


def test_detours_to_the_same_stage_arrive_together_in_the_order_of_the_walk() -> None:
    """Three concerns at one stage stand side by side, on one way."""
    visits = own(0, 2, 6)
    form = shape([visits[0], detour(9, "a"), visits[1], detour(9, "b"), visits[2], detour(9, "c")], COLUMN)
    assert len({bead.at[1] for bead in form.beads}) == 1
    assert [bead.concern[2] for bead in sorted(form.beads, key=lambda bead: bead.at[0])] == ["a", "b", "c"]
    assert len(form.spurs) == 3


def test_detours_to_one_stage_from_both_sides_keep_their_diamonds_apart() -> None:
    """They stand at the same station, so not on neighbouring levels."""
    before, behind, stage = own(1, 7, 5)
    form = shape([before, detour(5, "ahead"), behind, detour(5, "back"), stage], COLUMN)
    assert list(collisions(form)) == []


def test_a_walk_without_visits_takes_no_room() -> None:
    """A service that owes nothing does not stop the map."""
    assert shape([], COLUMN).stops == ()
