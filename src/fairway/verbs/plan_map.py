"""The plan as a picture: a line map with a station for each stage and a line for each service."""

from collections.abc import Sequence

from fairway.core.profile import Landscape, Profile
from fairway.core.registry import Room
from fairway.targets.line_map import Line, Station, line_map
from fairway.verbs.plan import Plan


def plan_map(plan: Plan, rooms: Sequence[Room], landscape: Landscape, only: str | None = None) -> str:
    """Draw all services, or one."""
    names = plan.services if only is None else [only]
    return line_map(
        plan.system,
        [Station(id=room.stage.id, title=room.stage.title) for room in rooms],
        [Line(name=name, visits=plan.services[name].visits, label=_label(landscape.services[name])) for name in names],
    )


def _label(profile: Profile) -> str:
    words = ["public" if profile.exposed else "internal"]
    if profile.stateful:
        words.append("stateful")
    if profile.runs_to_completion:
        words.append("job")
    return ", ".join(words)
