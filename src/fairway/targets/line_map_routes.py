"""Gather services into the lines of the map, and tell a line's route in words."""

from collections.abc import Mapping, Sequence

import msgspec

from fairway.core.walk import Visit

LANES = 24  # above this, services with the same route share a line
NAMES = 100  # how many names a shared line tells


class Station(msgspec.Struct, frozen=True, kw_only=True):
    """A stage of the standard."""

    id: str
    title: str


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A service and its walk."""

    name: str
    visits: Sequence[Visit]
    label: str = ""  # one word about the service, such as 'public'


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the map: a service, or all services that walk alike."""

    name: str
    label: str
    services: tuple[str, ...]
    visits: Sequence[Visit]


def routes(lines: Sequence[Line]) -> tuple[tuple[Route, ...], tuple[Route, ...]]:
    """Say which routes are drawn, and which are left out because there is no room: those that fewest services take."""
    if len(lines) <= LANES:
        return tuple(
            Route(name=line.name, label=line.label, services=(line.name,), visits=line.visits) for line in lines
        ), ()
    alike: dict[tuple[tuple[str, str | None, bool, bool], ...], list[Line]] = {}
    for line in lines:
        way = tuple((visit.stage, visit.concern, visit.jumped, visit.idle) for visit in line.visits)
        alike.setdefault(way, []).append(line)
    found = [_shared(together) for together in sorted(alike.values(), key=len, reverse=True)]
    return tuple(found[:LANES]), tuple(found[LANES:])


def _shared(lines: Sequence[Line]) -> Route:
    first, more = lines[0], len(lines) - 1
    return Route(
        name=f"{first.name} and {more:,} more" if more else first.name,
        label=first.label if all(line.label == first.label for line in lines) else "",
        services=tuple(line.name for line in lines),
        visits=first.visits,
    )


def in_words(route: Route, stations: Sequence[Station]) -> str:
    """Tell who takes a route and where it goes."""
    title = {station.id: station.title for station in stations}
    names = ", ".join(route.services[:NAMES])
    if (more := len(route.services) - NAMES) > 0:
        names += f" and {more:,} more"
    words = names + (f" ({route.label})" if route.label else "") + ": " + ", ".join(_steps(route.visits, title))
    own = {visit.stage for visit in route.visits if visit.concern is None}
    over = [station.title for station in stations if station.id not in own]
    return words + (f". Passed over: {', '.join(over)}." if over else ".")


def _steps(visits: Sequence[Visit], title: Mapping[str, str]) -> list[str]:
    column = {stage: place for place, stage in enumerate(title)}
    steps: list[str] = []
    before = -1
    for visit in visits:
        if visit.concern is not None:
            steps.append(f"a detour to {title[visit.stage]} for {visit.concern}")
            continue
        here = column[visit.stage]
        way = "back to " if here < before else "a jump to " if visit.jumped else ""
        steps.append(way + title[visit.stage] + (" (nothing applies)" if visit.idle else ""))
        before = here
    return steps
