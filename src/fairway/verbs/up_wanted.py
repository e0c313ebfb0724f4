"""What is to run, as it was decided: worked out in a process of its own, whose memory is gone when all runs."""

import os
import pickle
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgspec

from fairway.core.artefact import Site
from fairway.core.errors import FairwayError, did_you_mean
from fairway.local.mesh import CANARY
from fairway.local.observers import PROMETHEUS, program
from fairway.local.preloading import FORKS
from fairway.local.services import Program
from fairway.local.system import Wanted
from fairway.stages.s06_observability.build.alert_rules import groups
from fairway.verbs.bind import binding, sites, traffic
from fairway.verbs.plan_json import plan_json
from fairway.verbs.plan_map import plan_map
from fairway.verbs.up_text import tries
from fairway.verbs.workspace import Workspace, open_system

ALERTS: Final = "observability/alerts"


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line says."""

    detach: bool = False
    only: tuple[str, ...] = ()
    regions: bool = False
    isolated: bool = False
    canaries: tuple[str, ...] = ()  # SERVICE=FOLDER
    port: int | None = None
    stores: tuple[str, ...] = ()  # NAME=URL
    broker: str = ""
    mesh: bool = True
    console: bool = True


def planned(facts: Path, options: Options) -> Wanted:
    """Say what is to run, and keep nothing of what that took: the facts as they were read, the rules, the plan."""
    if not FORKS:
        return wanted(open_system(facts), options)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        _tell(facts, options, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        content = told.read()
    os.waitpid(pid, 0)
    if not content:  # it failed, and so do we: in the words of who reads the facts
        return wanted(open_system(facts), options)
    found: Wanted = pickle.loads(content)  # noqa: S301 - our own fork wrote it
    return found


def _tell(facts: Path, options: Options, to: int) -> None:
    """Plan in the fork, and end it whatever comes: what it inherited is not its own to close."""
    try:
        content = pickle.dumps(wanted(open_system(facts), options))
        with os.fdopen(to, "wb") as file:
            file.write(content)
    finally:
        os._exit(0)


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
        plan=plan_json(workspace.today_plan, workspace.rules) if options.console else "{}",
        walk=plan_map(workspace.today_plan, workspace.rooms, landscape) if options.console else "",
        objectives=_objectives(workspace) if options.console else {},
        alert_rules=tuple(groups(landscape, chosen[0])) if options.console and program(PROMETHEUS) else (),
    )
    there = {one.name for one in programs if one.missing is None}
    shown = tries(found, "{gateway}" if options.mesh else "", there)
    return msgspec.structs.replace(found, tries=tuple(shown))


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
