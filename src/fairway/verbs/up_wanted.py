"""What is to run, as it was decided."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgspec

from fairway.core.artefact import Site
from fairway.core.errors import FairwayError, did_you_mean
from fairway.local.mesh import CANARY
from fairway.local.observers import PROMETHEUS, program
from fairway.local.services import Program
from fairway.local.system import Wanted
from fairway.local.telemetry.settings import Shown
from fairway.stages.s06_observability.build.alert_rules import groups
from fairway.verbs.bind import binding, sites, traffic
from fairway.verbs.plan_json import plan_json
from fairway.verbs.plan_map import plan_map
from fairway.verbs.up_planned import Options
from fairway.verbs.up_text import tries
from fairway.verbs.workspace import Workspace

ALERTS: Final = "observability/alerts"


def wanted(workspace: Workspace, options: Options) -> Wanted:
    """Say what is to run: on the first site of the first environment, or in each region of the widest."""
    landscape = workspace.landscape
    for name in options.only:
        workspace.require_service(name)
    names = options.only or tuple(landscape.services)
    chosen = _sites(workspace, regions=options.regions)
    folder = workspace.root.parent.resolve()
    programs = []
    for name in names:
        profile = landscape.services[name]
        programs.append(
            Program(
                name=name,
                bindings=tuple(binding(workspace, name, site) for site in chosen),
                code=folder / (profile.facts.code or f"services/{name}"),
                run=profile.facts.run,
                starts_within=profile.facts.starts_within,
                ends=profile.runs_to_completion,
                schedule=profile.facts.schedule or "",
                serves=profile.serving,
            )
        )
    programs += _canaries(options.canaries, programs)
    found = Wanted(
        system=landscape.system.system,
        folder=folder,
        programs=tuple(programs),
        traffic={name: traffic(workspace, name, chosen[0]) for name in landscape.services},
        facts=landscape.system,
        stores=dict(_pair(text) for text in options.stores),
        broker=options.broker,
        port=options.port,
        isolated=options.isolated,
        mesh=options.mesh,
        console=options.console,
        alert_rules=tuple(groups(landscape, chosen[0])) if options.console and program(PROMETHEUS) else (),
    )
    there = {one.name for one in programs if one.missing is None}
    shown = Shown(tries=tuple(tries(found, "{gateway}" if options.mesh else "", there)))
    if options.console:
        shown = msgspec.structs.replace(
            shown,
            plan=plan_json(workspace.today_plan, workspace.rules),
            walk=plan_map(workspace.today_plan, workspace.rooms, landscape),
            objectives=_objectives(workspace),
        )
    return msgspec.structs.replace(found, shown=shown)


def _canaries(asked: Iterable[str], programs: Iterable[Program]) -> list[Program]:
    """Give the second version of each service that was asked for, from another folder of code."""
    known = {program.name: program for program in programs}
    found = []
    for text in asked:
        name, _, folder = text.partition("=")
        if name not in known or not folder:
            why = f"no service '{name}' runs. {did_you_mean(name, known)}" if folder else "names no folder."
            raise FairwayError(f"--canary {text}: {why} Write --canary SERVICE=FOLDER.")
        canary = msgspec.structs.replace(known[name], code=Path(folder).resolve(), version=CANARY)
        if canary.missing:
            raise FairwayError(f"--canary {text}: {canary.missing}")
        found.append(canary)
    return found


def _objectives(workspace: Workspace) -> dict[str, dict[str, Any]]:
    """Give what the alerts of each service are made of, by topic."""
    return {
        name: {
            decision.topic: msgspec.to_builtins(decision.value)
            for decision in planned.decisions
            if decision.rule == ALERTS and decision.value is not None
        }
        for name, planned in workspace.today_plan.services.items()
    }


def _sites(workspace: Workspace, *, regions: bool) -> list[Site]:
    every = list(sites(workspace.landscape.system))
    if not regions:
        return every[:1]
    by_environment: dict[str, list[Site]] = {}
    for site in every:
        by_environment.setdefault(site.environment, []).append(site)
    return max(by_environment.values(), key=len)


def _pair(text: str) -> tuple[str, str]:
    name, _, url = text.partition("=")
    if not name or "://" not in url:
        raise FairwayError(f"--store {text}: names no store and URL. Write --store NAME=URL, as in db=postgresql://...")
    return name, url
