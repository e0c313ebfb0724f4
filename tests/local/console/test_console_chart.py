"""The map of any system can be read: nothing lies on anything else, and calls go from left to right."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairway.local.console.chart import Box, Chart, chart
from fairway.local.telemetry.settings import Link, Node

Pairs = list[tuple[int, int]]


def system(services: int, calls: Pairs, stores: Pairs = [], hears: Pairs = []) -> tuple[list[Node], list[Link]]:  # noqa: B006 - only read
    """Write a system of so many services, the first of which is public."""
    nodes = [Node(name="gateway", kind="gateway"), Node(name="broker", kind="broker", detail="nats")]
    nodes += [Node(name=f"s{number}", kind="service") for number in range(services)]
    nodes += [Node(name="post", kind="outside")]
    links = [Link(source="gateway", target="s0", kind="route"), Link(source="s0", target="post", kind="outside")]
    links += [Link(source=f"s{one}", target=f"s{two}", kind="call") for one, two in calls if one != two]
    for one, two in stores:
        nodes.append(Node(name=f"db{two}", kind="store", detail="postgresql"))
        links.append(Link(source=f"s{one}", target=f"db{two}", kind="store"))
    for one, two in hears:
        links.append(Link(source=f"s{one}", target="broker", kind="publish", channel="news"))
        links.append(Link(source="broker", target=f"s{two}", kind="consume", channel="news"))
    return nodes, links


def overlap(one: Box, two: Box) -> bool:
    """Tell whether two boxes lie on one another."""
    across = one.x < two.x + two.wide and two.x < one.x + one.wide
    return across and one.y < two.y + two.high and two.y < one.y + one.high


def readable(made: Chart) -> None:
    """Hold what must be so of every map."""
    for (name, one), (other, two) in combinations(made.boxes.items(), 2):
        assert not overlap(one, two), (name, other)
    for name, box in made.boxes.items():
        assert box.x >= 0, name
        assert box.y >= 0, name
        assert box.x + box.wide <= made.wide, name
        assert box.y + box.high <= made.high, name
    for way in made.ways:
        one, two = made.boxes[way.source], made.boxes[way.target]
        assert len(way.points) >= 2
        for (x, y), box in ((way.points[0], one), (way.points[-1], two)):
            assert box.x - 0.1 <= x <= box.x + box.wide + 0.1, way
            assert box.y - 0.1 <= y <= box.y + box.high + 0.1, way


numbers = st.integers(0, 13)
pairs = st.lists(st.tuples(numbers, numbers), max_size=30)


@settings(max_examples=60, deadline=None)
@given(calls=pairs, stores=pairs, hears=pairs)
def test_no_system_makes_a_map_on_which_things_cover_one_another(calls: Pairs, stores: Pairs, hears: Pairs) -> None:
    """Circles of calls, services that call themselves through others, shared stores: all may come."""
    readable(chart(*system(14, calls, stores, hears)))


@settings(max_examples=20, deadline=None)
@given(calls=pairs, hears=pairs)
def test_a_system_without_a_gateway_has_room_for_its_events_too(calls: Pairs, hears: Pairs) -> None:
    """They pass left of the first column."""
    nodes, links = system(14, calls, [], hears)
    readable(
        chart([one for one in nodes if one.name != "gateway"], [one for one in links if one.source != "gateway"]),
    )


def test_callers_stand_left_of_those_they_call() -> None:
    """With the gateway at the very left, and what is outside at the very right."""
    calls = [(0, 1), (1, 2), (0, 2), (2, 3)]
    made = chart(*system(4, calls))
    assert all(made.boxes[f"s{one}"].x < made.boxes[f"s{two}"].x for one, two in calls)
    assert made.boxes["gateway"].x == min(box.x for name, box in made.boxes.items() if name != "broker")
    assert made.boxes["post"].x == max(box.x for name, box in made.boxes.items() if name != "broker")


def test_a_store_is_a_row_under_each_service_that_uses_it() -> None:
    """And no box of its own."""
    made = chart(*system(2, [], [(0, 7), (1, 7), (1, 8)]))
    assert made.boxes["s0"].stores == ("db7",)
    assert made.boxes["s1"].stores == ("db7", "db8")
    assert not any(name.startswith("db") for name in made.boxes)


def test_services_that_only_hear_of_things_do_not_stand_with_the_first() -> None:
    """They come where the news come from."""
    made = chart(*system(4, [(0, 1), (1, 2)], hears=[(2, 3)]))
    assert made.boxes["s3"].x == made.boxes["s2"].x


def test_the_broker_lies_below_everything() -> None:
    """And as wide as what it connects."""
    made = chart(*system(3, [(0, 1)], hears=[(0, 2), (1, 2)]))
    broker = made.boxes["broker"]
    assert all(box.y + box.high < broker.y for name, box in made.boxes.items() if name != "broker")
    for way in made.ways:
        if not way.bent:
            assert any(broker.x <= x <= broker.x + broker.wide for x, y in way.points if y == broker.y)


def test_the_same_system_makes_the_same_map() -> None:
    """So that nobody has to look for a service again."""
    known = system(9, [(0, 3), (0, 4), (3, 5), (4, 5), (5, 8), (0, 8)], [(3, 1)], [(5, 6), (5, 7)])
    assert chart(*known) == chart(*known)


def test_ways_that_need_not_cross_do_not() -> None:
    """The order of a column follows from who calls it."""
    made = chart(*system(5, [(0, 1), (0, 2), (1, 4), (2, 3)]))
    boxes = made.boxes
    assert (boxes["s1"].y < boxes["s2"].y) == (boxes["s4"].y < boxes["s3"].y)


@pytest.mark.parametrize("services", [1, 40, 120])
def test_a_map_of_many_services_is_still_one(services: int) -> None:
    """A large system is drawn too, and soon."""
    calls = [((number - 1) // 3, number) for number in range(1, services)]
    calls += [(number, number + 7) for number in range(0, services - 7, 5)]
    readable(chart(*system(services, calls, [(number, number) for number in range(services)], [(0, services - 1)])))


def test_a_system_without_anything_has_a_map() -> None:
    """An empty one."""
    assert chart([], []).boxes == {}
