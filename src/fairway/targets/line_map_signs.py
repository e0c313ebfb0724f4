"""Draw the signs of the line map as SVG: stops, diamonds, arrows, ways and words, in light and in dark."""

from collections.abc import Sequence
from math import acos, hypot, tan

from fairway.targets.line_map_layout import BEAD, DOT, TRACK, Point
from fairway.targets.line_map_text import escape

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

# Light line, the number on it, dark line, the number on it. Neighbours differ in lightness as well as in hue.
_COLOURS = (
    ("#0b5fc0", "#ffffff", "#5aa2ff", "#04152c"),
    ("#e8772e", "#2a1000", "#ff9d5c", "#2a1000"),
    ("#0a7d55", "#ffffff", "#3ecb94", "#02180f"),
    ("#c2307f", "#ffffff", "#ff7dbb", "#2b0417"),
    ("#22a5c4", "#02222b", "#67d6ee", "#02222b"),
    ("#6c3fc4", "#ffffff", "#b194ff", "#150536"),
    ("#d9a400", "#271d00", "#f5cb47", "#271d00"),
    ("#b3282d", "#ffffff", "#ff7f7c", "#2e0404"),
    ("#5d8a1f", "#ffffff", "#a5d35e", "#121f00"),
    ("#4a5873", "#ffffff", "#a9b8d6", "#0b1220"),
    ("#8f5a33", "#ffffff", "#d9a47b", "#231102"),
    ("#d66fd0", "#2b0029", "#f0a4ec", "#2b0029"),
)
STRAIGHT = 0.999  # cosine of a bend too slight to draw
COLOURS = len(_COLOURS)


_FORM = {
    ".bold": "font-weight:600",
    ".track": f"fill:none;stroke:currentColor;stroke-width:{TRACK};stroke-linecap:round",
    ".spur": "fill:none;stroke:currentColor;stroke-width:2;stroke-linecap:round;stroke-dasharray:.1 4.5",
    ".cross": "fill:none;stroke-width:1.8;stroke-linecap:round",
    ".pill": "fill:currentColor",
    ".arrow": "fill:currentColor",
    ".stop": "fill:currentColor;stroke-width:2",
    ".idle": "stroke:currentColor;stroke-width:2.5",
    ".diamond": "stroke:currentColor;stroke-width:1.5",
}


def _theme(panel: str, edge: str, band: str, ink: str, quiet: str) -> dict[str, str]:
    return {
        ".panel": f"fill:{panel};stroke:{edge}",
        ".band": f"fill:{band}",
        ".ink": f"fill:{ink}",
        ".quiet": f"fill:{quiet}",
        ".stop": f"stroke:{panel}",
        ".idle": f"fill:{panel}",
        ".diamond": f"fill:{panel}",
        ".cross": f"stroke:{quiet}",
        ".key": f"color:{quiet}",
        ".key .on": f"fill:{panel}",
    }


def _css(rules: dict[str, str], colours: Sequence[tuple[str, str]] = ()) -> str:
    """Write rules that hold inside a line map only, for a page may hold the map inline."""
    lines = {f".c{place}": f"color:{line}" for place, (line, _) in enumerate(colours)}
    on = {f".c{place} .on": f"fill:{ink}" for place, (_, ink) in enumerate(colours)}
    return "".join(f".line-map {what}{{{how}}}" for what, how in (rules | lines | on).items())


_LIGHT = _theme(panel="#ffffff", edge="#e3e6eb", band="#f1f3f6", ink="#1b2430", quiet="#5f6b7a")
_DARK = _theme(panel="#12161d", edge="#2b323d", band="#1d232c", ink="#eef1f5", quiet="#9aa6b6")
_DARK_LINES = _css(_DARK, [(line, on) for _, _, line, on in _COLOURS])
STYLE = (
    _css(_FORM)
    + _css(_LIGHT, [(line, on) for line, on, _, _ in _COLOURS])
    + f"@media(prefers-color-scheme:dark){{{_DARK_LINES}}}"
)


def number(value: float) -> str:
    """Write a coordinate with at most one decimal."""
    return f"{round(value, 1) + 0.0:g}"


def words(at: Point, text: str, size: float, style: str, anchor: str = "start") -> str:
    """Write one row of words; *anchor* is start, middle or end."""
    where = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return (
        f'<text class="{style}" x="{number(at[0])}" y="{number(at[1])}" font-size="{number(size)}"{where}>'
        f"{escape(text)}</text>"
    )


def phrase(at: Point, text: str, size: float, more: str) -> str:
    """Write a row of words with quieter ones after it, wherever the font lets the first end."""
    small = f'<tspan class="quiet" dx="8" font-size="{number(size - 1)}">{escape(more)}</tspan>' if more else ""
    return (
        f'<text class="ink" x="{number(at[0])}" y="{number(at[1])}" font-size="{number(size)}">'
        f"{escape(text)}{small}</text>"
    )


def way(points: Sequence[Point], radius: float, style: str) -> str:
    """Draw a way with rounded corners."""
    return f'<path class="{style}" d="{_rounded(points, radius)}"/>'


def _rounded(points: Sequence[Point], radius: float) -> str:
    pen = [f"M{_at(points[0])}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        one, two = _toward(corner, before), _toward(corner, after)
        cosine = one[0] * two[0] + one[1] * two[1]
        if abs(cosine) > STRAIGHT:
            continue
        half = tan(acos(cosine) / 2)
        reach = min(radius / half, _length(before, corner) / 2, _length(corner, after) / 2)
        sweep = int(one[0] * two[1] - one[1] * two[0] < 0)
        start = (corner[0] + one[0] * reach, corner[1] + one[1] * reach)
        end = (corner[0] + two[0] * reach, corner[1] + two[1] * reach)
        bend = number(reach * half)
        pen.append(f"L{_at(start)}A{bend} {bend} 0 0 {sweep} {_at(end)}")
    pen.append(f"L{_at(points[-1])}")
    return "".join(pen)


def _at(point: Point) -> str:
    return f"{number(point[0])} {number(point[1])}"


def _length(one: Point, two: Point) -> float:
    return hypot(two[0] - one[0], two[1] - one[1])


def _toward(here: Point, there: Point) -> Point:
    length = _length(here, there)
    return ((there[0] - here[0]) / length, (there[1] - here[1]) / length) if length else (1.0, 0.0)


def stop(at: Point, text: str, *, idle: bool) -> str:
    """Draw a stop with its number: filled, or a ring where nothing applies."""
    dot = f'<circle class="{"idle" if idle else "stop"}" cx="{number(at[0])}" cy="{number(at[1])}" r="{DOT - idle}"/>'
    return dot + words((at[0], at[1] + 3.6), text, 10, "ink bold" if idle else "on bold", "middle")


def diamond(at: Point, letter: str) -> str:
    """Draw the end of a detour with the letter of its concern."""
    x, y = at
    shape = f"M{_at((x - BEAD, y))}L{_at((x, y - BEAD))}L{_at((x + BEAD, y))}L{_at((x, y + BEAD))}Z"
    return f'<path class="diamond" d="{shape}"/>' + words((x, y + 3.4), letter, 9.5, "ink bold", "middle")


def arrow(at: Point, *, back: bool) -> str:
    """Draw an arrow head on the line."""
    x, y = at
    tip = -6 if back else 6
    return f'<path class="arrow" d="M{_at((x + tip, y))}L{_at((x - tip * 0.8, y - 6))}V{number(y + 6)}Z"/>'


def cross(at: Point) -> str:
    """Mark a station that is passed over for good."""
    x, y = at
    return f'<path class="cross" d="M{_at((x - 3, y - 3))}l6 6m0-6l-6 6"/>'


# Breadth, sign, meaning: the legend.
SAMPLES = (
    (2 * DOT, stop((DOT, 0), "1", idle=False), "stop, numbered in order"),
    (2 * DOT, stop((DOT, 0), "1", idle=True), "stop where nothing applies"),
    (48, way(((0, 0), (32, 0)), 0, "spur") + diamond((40, 0), "A"), "detour for a concern, and back"),
    (
        66,
        way(((0, 5), (8, 5), (18, -5), (48, -5), (58, 5), (66, 5)), 10, "track") + arrow((33, -5), back=False),
        "jump",
    ),
    (
        50,
        way(((0, -8), (46, -8), (46, 8), (0, 8)), 8, "track") + arrow((22, 8), back=True),
        "back to a postponed stage",
    ),
    (8, cross((4, 0)), "passed over for good"),
)
