"""Commands that runbooks give to people: stop and start who uses a store, and keep Argo CD from undoing it."""

import json
from collections.abc import Iterable
from typing import Any, Final

from fairway.core.cluster import DELIVERY
from fairway.core.profile import Profile

DAY: Final[dict[str, Any]] = {"kind": "deny", "schedule": "* * * * *", "duration": "24h", "applications": ["*"]}


def replicas(profile: Profile) -> str:
    """Name what counts a service's replicas, as kubectl does: a Deployment that lends its template counts none."""
    if profile.released_in_steps:
        return f"rollouts.argoproj.io/{profile.name}"
    return f"{'statefulset' if profile.stateful else 'deployment'}/{profile.name}"


def stop(kubectl: str, profiles: Iterable[Profile]) -> list[str]:
    """Give the commands that end every replica of some services, and their scheduled runs."""
    return _each(kubectl, profiles, 0, suspend=True)


def start(kubectl: str, profiles: Iterable[Profile]) -> list[str]:
    """Give the commands that undo `stop`: an autoscaler does nothing for what has no replica at all."""
    return _each(kubectl, profiles, 1, suspend=False)


def _each(kubectl: str, profiles: Iterable[Profile], count: int, *, suspend: bool) -> list[str]:
    known = list(profiles)
    running = " ".join(replicas(profile) for profile in known if not profile.runs_to_completion)
    patch = json.dumps({"spec": {"suspend": suspend}}, separators=(",", ":"))
    return [
        *([f"{kubectl} scale {running} --replicas={count}"] if running else []),
        *(
            f"{kubectl} patch cronjob {profile.name} --patch '{patch}'"
            for profile in known
            if profile.runs_to_completion and profile.facts.schedule
        ),
    ]


def hold(system: str) -> str:
    """Give the command that keeps Argo CD from deploying anything of a system for a day: it would undo what is done."""
    return _project(system, [DAY])


def let_go(system: str) -> str:
    """Give the command that lets Argo CD deploy again."""
    return _project(system, None)


def _project(system: str, windows: list[dict[str, Any]] | None) -> str:
    patch = json.dumps({"spec": {"syncWindows": windows}}, separators=(",", ":"))
    return f"kubectl -n {DELIVERY} patch appproject {system} --type merge -p '{patch}'"


def indented(commands: Iterable[str], by: int = 4) -> str:
    """Set commands apart as a block of a page."""
    return "\n".join(" " * by + line for command in commands for line in command.splitlines())
