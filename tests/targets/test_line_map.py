"""The line map as a reader gets it: everything that was walked is on it, inside it, and told in words."""

import re
from collections.abc import Iterator, Sequence
from time import process_time
from xml.etree import ElementTree as ET

import msgspec
import pytest

from fairway.core.walk import Visit
from fairway.targets.line_map import Line, Station, line_map, sheet
from fairway.targets.line_map_text import width

TITLES = (
    "Design",
    "Containers",
    "Orchestration",
    "Routing",
    "Gateway",
    "Observability",
    "Security",
    "Delivery",
    "Resilience",
    "Data",
    "Recovery",
)
STATIONS = [Station(id=title.lower(), title=title) for title in TITLES]
STRAIGHT = ["design", "containers", "orchestration", "routing", "gateway", "observability", "security"]
INTERNAL = ["design", "data:persistence first", "containers", "orchestration", "routing", ">observability", "security"]
DEFERRED = ["design", "containers", ">routing", "gateway", "orchestration", "observability", "security", "-delivery"]
LINES = [
    ("orders", STRAIGHT, "public"),
    ("stock", [*INTERNAL, "data:data protection", "delivery", "design:toggle review"], ""),
    ("basket", [*DEFERRED, "design:toggle review", "recovery", "orchestration:control plane"], "public"),
]
SVG = "{http://www.w3.org/2000/svg}"


def visits(steps: Sequence[str]) -> list[Visit]:
    """Read a walk: 'stage', '>stage' after a jump, '-stage' where nothing applies, 'stage:concern' for a detour."""
    return [
        Visit(
            stage=step.lstrip(">-").partition(":")[0],
            concern=step.partition(":")[2] or None,
            because="of a test",
            jumped=step.startswith(">"),
            idle=step.startswith("-"),
        )
        for step in steps
    ]


def lines() -> list[Line]:
    """Make three services that between them have every sign of the map."""
    return [Line(name=name, visits=visits(steps), label=label) for name, steps, label in LINES]


def many(services: int, different: int) -> list[Line]:
    """Make services of which each takes one of several different routes."""
    routes = [
        visits([*STRAIGHT[:3], *(step for bit, step in enumerate(INTERNAL[1:]) if place >> bit & 1)])
        for place in range(different)
    ]
    return [Line(name=f"service-{place}", visits=routes[place % different]) for place in range(services)]


def words(element: ET.Element) -> list[str]:
    """Collect what is written in an element, text by text."""
    return ["".join(text.itertext()) for text in element.iter(f"{SVG}text")]


def told(drawing: ET.Element) -> list[str]:
    """Collect the routes that the lines tell."""
    return [
        group.findtext(f"{SVG}title", "") for group in drawing.iter(f"{SVG}g") if group.find(f"{SVG}title") is not None
    ]


def places(element: ET.Element, x: float = 0, y: float = 0) -> Iterator[tuple[float, float]]:
    """Yield the corners of every sign, with the shifts of the groups around it."""
    if shift := re.fullmatch(r"translate\((\S+) (\S+)\)", element.get("transform", "")):
        x, y = x + float(shift[1]), y + float(shift[2])
    if element.tag == f"{SVG}circle":
        radius = float(element.attrib["r"])
        middle = x + float(element.attrib["cx"]), y + float(element.attrib["cy"])
        yield from ((middle[0] + way * radius, middle[1] + way * radius) for way in (-1, 1))
    elif element.tag == f"{SVG}rect":
        corner = x + float(element.get("x", 0)), y + float(element.get("y", 0))
        yield corner
        yield corner[0] + float(element.attrib["width"]), corner[1] + float(element.attrib["height"])
    elif element.tag == f"{SVG}text":
        size = float(element.attrib["font-size"])
        broad = width("".join(element.itertext()), size, bold="bold" in element.attrib["class"])
        left = (
            x + float(element.attrib["x"]) - broad * {"middle": 0.5, "end": 1.0}.get(element.get("text-anchor", ""), 0)
        )
        yield left, y + float(element.attrib["y"]) - size
        yield left + broad, y + float(element.attrib["y"])
    elif element.tag == f"{SVG}path":
        yield from (
            (x + float(point[1]), y + float(point[2]))
            for point in re.finditer(r"[ML](-?[\d.]+) (-?[\d.]+)", element.attrib["d"])
        )
    for child in element:
        yield from places(child, x, y)


def read(text: str) -> ET.Element:
    """Parse the map, which this project wrote itself."""
    return ET.fromstring(text)  # noqa: S314 -- our own text


def test_every_service_station_and_concern_can_be_read() -> None:
    """Nothing is left to be guessed from a colour."""
    drawing = read(line_map("bookshop", STATIONS, lines()))
    written = words(drawing)
    for word in ("bookshop", "orders", "stock", "basket", "public", *TITLES):
        assert word in written
    concerns = ("persistence first", "data protection", "toggle review", "control plane")
    for concern in concerns:
        assert len([text for text in written if text.startswith(concern)]) == 1


def test_a_letter_leads_from_each_detour_to_its_concern() -> None:
    """Two services that review their flags carry one letter, and it is in the key once."""
    page = sheet("bookshop", STATIONS, lines())
    assert page.letters == {
        ("design", "data", "persistence first"): "A",
        ("security", "data", "data protection"): "B",
        ("delivery", "design", "toggle review"): "C",
        ("recovery", "orchestration", "control plane"): "D",
    }
    assert words(read(line_map("bookshop", STATIONS, lines()))).count("C") == 3


def test_each_line_tells_its_route_in_words() -> None:
    """Whoever cannot see the map hears the same walk."""
    assert told(read(line_map("bookshop", STATIONS, lines()))) == [
        (
            "orders (public): Design, Containers, Orchestration, Routing, Gateway, Observability, Security. "
            "Passed over: Delivery, Resilience, Data, Recovery."
        ),
        (
            "stock: Design, a detour to Data for persistence first, Containers, Orchestration, Routing, "
            "a jump to Observability, Security, a detour to Data for data protection, Delivery, "
            "a detour to Design for toggle review. Passed over: Gateway, Resilience, Data, Recovery."
        ),
        (
            "basket (public): Design, Containers, a jump to Routing, Gateway, back to Orchestration, Observability, "
            "Security, Delivery (nothing applies), a detour to Design for toggle review, Recovery, "
            "a detour to Orchestration for control plane. Passed over: Resilience, Data."
        ),
    ]


def test_the_map_describes_itself_and_needs_nothing_else() -> None:
    """It is one picture with a title and a description, without scripts, fonts or references."""
    text = line_map("bookshop", STATIONS, lines())
    drawing = read(text)
    assert drawing.get("role") == "img"
    assert drawing.findtext(f"{SVG}title") == "bookshop"
    assert "Design, Containers, Orchestration" in drawing.findtext(f"{SVG}desc", "")
    assert "prefers-color-scheme:dark" in text
    assert not re.search(r"<script|href|url\(|@import|http(?!://www\.w3\.org/2000/svg\")", text)


@pytest.mark.parametrize("name", ["a" * 40, "W" * 40, "the-quarterly-settlement-reconciliation-1", "注文" * 20, ""])
def test_nothing_lies_outside_the_map(name: str) -> None:
    """A long name moves the stations to the right; it is not cut."""
    renamed = [msgspec.structs.replace(line, name=name, label="a label longer than a name") for line in lines()]
    drawing = read(line_map("a title that takes more than one row " * 9, STATIONS, renamed))
    _, _, right, bottom = map(float, drawing.attrib["viewBox"].split())
    assert all(0 <= x <= right and 0 <= y <= bottom for x, y in places(drawing))


def test_lanes_never_overlap() -> None:
    """Each line has its room, and the stations reach around all of them."""
    page = sheet("bookshop", STATIONS, lines() + many(20, 20))
    edges = [edge for lane in page.lanes for edge in (lane.y - lane.above, lane.y + lane.below)]
    assert edges == sorted(edges)
    assert page.top < edges[0]
    assert edges[-1] < page.bottom


def test_names_are_data_and_never_markup() -> None:
    """Brackets stay brackets, and what XML cannot hold is shown as missing."""
    name = "<b>&\"'\x00\x1b\ud800"
    strange = [msgspec.structs.replace(line, name=name, label="<i>") for line in lines()]
    drawing = read(line_map("</svg><script>", STATIONS, strange))
    assert drawing.findtext(f"{SVG}title") == "</svg><script>"
    assert "<b>&\"'���" in words(drawing)
    assert "<i>" in words(drawing)


def test_up_to_twenty_four_services_have_a_line_each() -> None:
    """Even where all go the same way, a small system shows every service."""
    assert len(told(read(line_map("small", STATIONS, many(24, 1))))) == 24


def test_more_services_share_the_line_of_their_route() -> None:
    """The line is named after the first of them and tells the names of all."""
    page = sheet("large", STATIONS, many(30, 4))
    assert [lane.route.name for lane in page.lanes] == [
        "service-0 and 7 more",
        "service-1 and 7 more",
        "service-2 and 6 more",
        "service-3 and 6 more",
    ]
    assert told(read(line_map("large", STATIONS, many(30, 4))))[3].startswith(
        "service-3, service-7, service-11, service-15, service-19, service-23, service-27: "
    )


def test_ten_thousand_services_are_a_map_of_limited_size() -> None:
    """The routes that most services take are drawn; the rest is counted, not hidden."""
    crowd = many(10_000, 30)
    start = process_time()
    text = line_map("crowd", STATIONS, crowd)
    assert process_time() - start < 0.5
    assert len(text) < 200_000
    drawing = read(text)
    assert len(told(drawing)) == 24
    assert any("Not drawn: 6 rarer routes, 1,998 services." in word for word in words(drawing))


def test_a_system_without_services_still_has_its_stations() -> None:
    """An empty system gives an empty map, not an error."""
    assert "Recovery" in words(read(line_map("empty", STATIONS, [])))


def test_the_same_walks_give_the_same_bytes() -> None:
    """A map under version control changes only where a walk does."""
    assert line_map("bookshop", STATIONS, lines()) == line_map("bookshop", STATIONS, lines())
