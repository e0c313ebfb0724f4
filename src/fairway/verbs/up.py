"""Run a whole system on this machine, from what was decided for it."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from fairway.core.artefact import Site
from fairway.core.errors import Exit, FairwayError, did_you_mean
from fairway.local.control import NotUpError
from fairway.local.control import status as ask_status
from fairway.local.mesh import CANARY
from fairway.local.observers import PROMETHEUS, program
from fairway.local.preloading import Begun
from fairway.local.run_folder import RunFolder
from fairway.local.services import Program
from fairway.local.state import AlreadyUpError, Lock
from fairway.local.system import LocalSystem, Wanted
from fairway.stages.s06_observability.build.alert_rules import groups
from fairway.verbs.bind import binding, sites, traffic
from fairway.verbs.plan_json import plan_json
from fairway.verbs.plan_map import plan_map
from fairway.verbs.running import troubled
from fairway.verbs.up_text import Progress, tries, up_text
from fairway.verbs.workspace import Workspace, open_system

ASKED_EVERY: Final = 0.1  # seconds
DETACHED_LOG: Final = "up"
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


def up_command(facts: Path, options: Options, words: Sequence[str], begun: Begun | None = None) -> Exit:
    """Run the system until it is told to end; *words* are those that started us, for a process that stays behind.

    Services are forked from what was *begun* before, if anything was.
    """
    began = time.monotonic()
    workspace = open_system(facts)
    chosen = wanted(workspace, options)
    if options.detach:
        return _detach(chosen, words, began)
    progress = Progress(began)
    system = LocalSystem(chosen, progress.tell, begun)
    asyncio.run(_attached(system, chosen, progress))
    return Exit.CLEAN


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
    shown = tries(found, "{gateway}" if options.mesh else "", names) if options.console else ()
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


async def _attached(system: LocalSystem, chosen: Wanted, progress: Progress) -> None:
    loop = asyncio.get_running_loop()

    def end() -> None:
        progress.say("Ending; Ctrl-C again ends it at once." if sys.stdin.isatty() else "Ending.")
        system.end()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, end)
    ready = asyncio.Event()
    living = asyncio.create_task(system.live(ready))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait({living, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not living.done() and system.status.state == "up":
        progress.say(up_text(system.status, chosen, progress.seconds))
    await living
    progress.say(f"{chosen.system} has ended; its data stays.")


def _detach(chosen: Wanted, words: Sequence[str], began: float) -> Exit:
    """Start ourselves anew as a process that stays, and wait until it is up."""
    run = RunFolder(chosen.folder)
    if Lock(run).held():
        raise AlreadyUpError(f"{chosen.system}: is up already. See it with 'fairway status'.")
    log = run.log(DETACHED_LOG)
    command = [sys.executable, "-m", "fairway", *(word for word in words if word not in {"--detach", "-d"})]
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - ourselves
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    progress = Progress(began)
    while True:
        time.sleep(ASKED_EVERY)
        if process.poll() is not None:
            said = log.read_text(errors="replace").strip().splitlines()
            raise FairwayError("\n".join(said[-20:]) or f"{chosen.system}: did not start. See {log}.")
        try:
            found = ask_status(run)
        except NotUpError:
            continue
        for view in found.processes:
            progress.tell(view)
        if found.state == "up":
            progress.say(up_text(found, chosen, progress.seconds))
            return Exit.FINDINGS if troubled(found) else Exit.CLEAN
