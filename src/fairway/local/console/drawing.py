"""What the page draws once: the map with everything in its place, colours, and what can be tried and operated."""

from typing import Any

import msgspec

from fairway.local.console.chart import Chart, chart
from fairway.local.console.why import Plan
from fairway.local.telemetry.settings import Link, Node, Settings


class Drawing(msgspec.Struct, frozen=True, kw_only=True):
    """All that never changes while a system is up."""

    system: str
    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    chart: Chart
    order: tuple[str, ...]  # services as the walk lists them: each has the colour of its line there
    stages: tuple[str, ...]
    visits: dict[str, list[dict[str, Any]]]  # by service: where its line stops
    operated: tuple[str, ...]  # services with commands for dead letters and sagas
    tries: tuple[str, ...]
    regions: dict[str, str]  # by replica; empty where there is one region only


def drawing(settings: Settings, plan: Plan) -> Drawing:
    """Put it together."""
    services = [node.name for node in settings.nodes if node.kind == "service"]
    planned = [name for name in plan.services if name in services]
    return Drawing(
        system=settings.system,
        nodes=settings.nodes,
        links=settings.links,
        chart=chart(settings.nodes, settings.links),
        order=(*plan.services, *(name for name in services if name not in planned)),
        stages=plan.stages,
        visits={
            name: [{"stage": visit.stage, "concern": visit.concern, "because": visit.because} for visit in one.visits]
            for name, one in plan.services.items()
        },
        operated=tuple(settings.operated),
        tries=settings.shown.tries,
        regions=settings.regions,
    )


def apart(svg: str) -> tuple[str, str]:
    """Take the style out of a drawing, for the page allows none inside a document; give drawing and style."""
    before, _, rest = svg.partition("<style>")
    style, _, after = rest.partition("</style>")
    return before + after, style
