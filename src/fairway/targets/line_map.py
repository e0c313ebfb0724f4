"""Draw the walks of all services as the map of an underground: a station per stage, a line per service."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from fairway.targets import line_map_signs as signs
from fairway.targets.line_map_layout import BEAD, LEAD, PITCH, Concern, Shape, shape
from fairway.targets.line_map_routes import Line, Route, Station, in_words, routes
from fairway.targets.line_map_text import escape, width, wrap

__all__ = ["Line", "Station", "line_map"]

TITLE, NAME, WORD, KEY, SMALL = 22, 14, 13, 12, 11  # sizes of type
MARGIN = 36
NAME_ROOM = 220  # a longer name takes another row
NAME_LEAST = 64  # the headings of the legend stand there too
BAND = 54  # width of a station
GAP = 13  # between two lines
KEY_ROW = 23
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """A line at its place on the map."""

    route: Route
    shape: Shape
    names: list[str]
    y: float
    colour: int

    @property
    def pill(self) -> float:
        """Height of the field with its name."""
        return 9 + 17 * len(self.names)

    @property
    def above(self) -> float:
        """Room that it takes above its middle."""
        return max(self.shape.above, self.pill / 2)

    @property
    def below(self) -> float:
        """Room that it takes below its middle."""
        return max(self.shape.below, self.pill / 2 + (18 if self.route.label else 0))


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """Where everything stands on the map."""

    title: list[str]
    heads: list[list[str]]
    width: float
    origin: float  # of the first station, from the left
    top: float  # of the stations
    bottom: float
    lanes: list[Lane]
    letters: dict[Concern, str]
    stations: Sequence[Station]
    services: int
    left_out: tuple[Route, ...]


def line_map(title: str, stations: Sequence[Station], lines: Sequence[Line]) -> str:
    """Draw the map as one SVG text that needs nothing else. The same walks give the same text."""
    return "\n".join(_drawn(sheet(title, stations, lines))) + "\n"


def sheet(title: str, stations: Sequence[Station], lines: Sequence[Line]) -> Sheet:
    """Give every part of the map its place."""
    shown, left_out = routes(lines)
    names = [wrap(route.name, NAME, NAME_ROOM) for route in shown]
    labels = max((width(route.label, SMALL) + 12 for route in shown), default=0)
    origin = MARGIN + max(_pill(row for rows in names for row in rows), labels, NAME_LEAST) + LEAD
    broad = origin + (len(stations) - 1) * PITCH + BAND / 2 + 14 + width("10 detours", SMALL) + MARGIN
    rows = wrap(title, TITLE, broad - 2 * MARGIN)
    heads = [wrap(station.title, WORD, PITCH - 10) for station in stations]
    top = MARGIN + len(rows) * 28 + 42 + max(map(len, heads), default=1) * 16
    column = {station.id: place for place, station in enumerate(stations)}
    lanes: list[Lane] = []
    bottom = top + 38.0
    for place, (route, name) in enumerate(zip(shown, names, strict=True)):
        lane = Lane(route=route, shape=shape(route.visits, column), names=name, y=0, colour=place % signs.COLOURS)
        lanes.append(msgspec.structs.replace(lane, y=bottom + lane.above))
        bottom += lane.above + lane.below + GAP
    return Sheet(
        title=rows,
        heads=heads,
        width=broad,
        origin=origin,
        top=top,
        bottom=bottom + 4,
        lanes=lanes,
        letters=_letters(lanes, column),
        stations=stations,
        services=len(lines),
        left_out=left_out,
    )


def _pill(rows: Iterable[str]) -> float:
    """Breadth of the field with a name."""
    return max((width(row, NAME, bold=True) for row in rows), default=0) + 24


def _letters(lanes: Sequence[Lane], column: Mapping[str, int]) -> dict[Concern, str]:
    """Give each concern its letter, in the order of the stations that they leave."""
    concerns = {bead.concern for lane in lanes for bead in lane.shape.beads}
    ordered = sorted(concerns, key=lambda concern: (column[concern[0]], column[concern[1]], concern[2]))
    return {concern: ALPHABET[place : place + 1] or str(place) for place, concern in enumerate(ordered)}


def _drawn(page: Sheet) -> Iterator[str]:
    """Yield the elements, first what lies at the back."""
    key, y = _key(page, page.bottom + 40)
    legend, y = _legend(page, y + 12)
    size = f'width="{signs.number(page.width)}" height="{signs.number(y + MARGIN)}"'
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {signs.number(page.width)} {signs.number(y + MARGIN)}" '
        f'{size} class="line-map" role="img" aria-labelledby="line-map-title" '
        f'aria-describedby="line-map-description" font-family="{signs.FONT}">'
    )
    yield f'<title id="line-map-title">{escape(" ".join(page.title))}</title>'
    yield f'<desc id="line-map-description">{escape(_description(page))}</desc>'
    yield f"<style>{signs.STYLE}</style>"
    yield f'<rect class="panel" {size} rx="14"/>'
    yield from _heading(page)
    yield from _bands(page)
    for lane in page.lanes:
        yield from _lane(page, lane)
    yield from key
    yield from legend
    yield "</svg>"


def _count(many: int, what: str) -> str:
    return f"{many:,} {what}" + ("" if many == 1 else "s")


def _description(page: Sheet) -> str:
    stations = ", ".join(station.title for station in page.stations)
    return (
        f"{_count(len(page.stations), 'station')} from left to right: {stations}. "
        f"{_count(len(page.lanes), 'line')} for {_count(page.services, 'service')}; each line tells its route."
    )


def _heading(page: Sheet) -> Iterator[str]:
    for place, row in enumerate(page.title):
        yield signs.words((MARGIN, MARGIN + 18 + place * 28), row, TITLE, "ink bold")
    told = f"{_count(page.services, 'service')}, {_count(len(page.stations), 'stage')}. "
    if page.services == len(page.lanes):
        told += "Each line is one service's way through them."
    else:
        told += "Services that go the same way share a line."
    if page.left_out:
        missing = sum(len(route.services) for route in page.left_out)
        told += f" Not drawn: {_count(len(page.left_out), 'rarer route')}, {_count(missing, 'service')}."
    yield signs.words((MARGIN, MARGIN + 14 + len(page.title) * 28), told, WORD, "quiet")


def _bands(page: Sheet) -> Iterator[str]:
    for place, rows in enumerate(page.heads):
        x = page.origin + place * PITCH
        yield (
            f'<rect class="band" x="{signs.number(x - BAND / 2)}" y="{signs.number(page.top)}" width="{BAND}" '
            f'height="{signs.number(page.bottom - page.top)}" rx="{signs.number(BAND / 2)}"/>'
        )
        for row, told in enumerate(reversed(rows)):
            yield signs.words((x, page.top - 11 - row * 16), told, WORD, "ink bold", "middle")
        yield signs.words((x, page.top + 27), str(place + 1), WORD, "quiet bold", "middle")


def _lane(page: Sheet, lane: Lane) -> Iterator[str]:
    form = lane.shape
    yield f'<g class="c{lane.colour}" transform="translate({signs.number(page.origin)} {signs.number(lane.y)})">'
    yield f"<title>{escape(in_words(lane.route, page.stations))}</title>"
    yield "".join(signs.way(spur, 10, "spur") for spur in form.spurs)
    yield signs.way(form.track, 10, "track")
    yield "".join(signs.arrow(mark.at, back=mark.back) for mark in form.arrows)
    yield "".join(map(signs.cross, form.passed_over))
    yield "".join(signs.stop((stop.x, stop.y), str(stop.number), idle=stop.idle) for stop in form.stops)
    yield "".join(signs.diamond(bead.at, page.letters[bead.concern]) for bead in form.beads)
    yield from _name(lane)
    x = (len(page.stations) - 1) * PITCH + BAND / 2 + 14
    counts = [_count(len(form.stops), "stop")] + [_count(len(form.beads), "detour")] * bool(form.beads)
    for row, told in enumerate(counts):
        yield signs.words((x, 4 + 14 * (row - (len(counts) - 1) / 2)), told, SMALL, "quiet")
    yield "</g>"


def _name(lane: Lane) -> Iterator[str]:
    broad = _pill(lane.names)
    yield (
        f'<rect class="pill" x="{signs.number(-LEAD - broad)}" y="{signs.number(-lane.pill / 2)}" '
        f'width="{signs.number(broad)}" height="{signs.number(lane.pill)}" rx="13"/>'
    )
    for row, told in enumerate(lane.names):
        y = 5 + (row - (len(lane.names) - 1) / 2) * 17
        yield signs.words((-LEAD - broad / 2, y), told, NAME, "on bold", "middle")
    if lane.route.label:
        yield signs.words((-LEAD - 12, lane.pill / 2 + 14), lane.route.label, SMALL, "quiet", "end")


def _key(page: Sheet, y: float) -> tuple[list[str], float]:
    """Tell the name of each letter's concern, in as many columns as there is room for."""
    title = {station.id: station.title for station in page.stations}
    cells = [
        (letter, concern, f"{title[start]} → {title[end]}") for (start, end, concern), letter in page.letters.items()
    ]
    left = page.origin - BAND / 2
    room = page.width - MARGIN - left
    broad = max((width(concern, KEY) + width(where, SMALL) + 50 for _, concern, where in cells), default=room)
    columns = max(1, int(room // broad))
    rows = -(-len(cells) // columns)
    parts = [signs.words((MARGIN, y), "Detours", KEY, "ink bold")] if cells else []
    for place, (letter, concern, where) in enumerate(cells):
        x, row = left + place // rows * (room / columns), y + place % rows * KEY_ROW
        parts.append(f'<g class="key">{signs.diamond((x + BEAD, row - 4), letter)}</g>')
        parts.append(signs.phrase((x + 2 * BEAD + 8, row), concern, KEY, where))
    return parts, y + rows * KEY_ROW


def _legend(page: Sheet, y: float) -> tuple[list[str], float]:
    """Explain the signs, in as many rows as they need."""
    parts = [signs.words((MARGIN, y), "Signs", KEY, "ink bold")]
    left = x = page.origin - BAND / 2
    for broad, sign, told in signs.SAMPLES:
        if x > left and x + broad + 8 + width(told, KEY) > page.width - MARGIN:
            x, y = left, y + KEY_ROW + 4
        place = f"translate({signs.number(x)} {signs.number(y - 4)})"
        parts.append(f'<g class="key" transform="{place}">{sign}</g>')
        parts.append(signs.words((x + broad + 8, y), told, KEY, "ink"))
        x += broad + 8 + width(told, KEY) + 22
    return parts, y
