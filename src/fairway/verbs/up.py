"""Run a whole system on this machine, from what was decided for it."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from fairway.core.errors import Exit, FairwayError
from fairway.local.control import NotUpError
from fairway.local.control import status as ask_status
from fairway.local.preloading import Begun
from fairway.local.state import AlreadyUpError, Lock
from fairway.local.system import LocalSystem, Wanted
from fairway.verbs.running import place, troubled
from fairway.verbs.up_planned import Options, planned
from fairway.verbs.up_text import Progress, up_text

ASKED_EVERY: Final = 0.1  # seconds
DETACHED_LOG: Final = "up"


def up_command(facts: Path, options: Options, words: Sequence[str], begun: Begun | None = None) -> Exit:
    """Run the system until it is told to end; *words* are those that started us, for a process that stays behind.

    Services are forked from what was *begun* before, if anything was.
    """
    began = time.monotonic()
    if options.detach:
        return _detach(facts, words, began)
    chosen = planned(facts, options)
    progress = Progress(began)
    system = LocalSystem(chosen, progress.tell, begun)
    asyncio.run(_attached(system, chosen, progress))
    return Exit.CLEAN


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
        progress.say(up_text(system.status, progress.seconds))
    await living
    progress.say(f"{chosen.system} has ended; its data stays.")


def _detach(facts: Path, words: Sequence[str], began: float) -> Exit:
    """Start ourselves anew as a process that stays, and wait until it is up: it alone reads the facts."""
    run = place(facts)
    name = run.system_folder.name
    if Lock(run).held():
        with suppress(NotUpError):  # it is just ending
            name = ask_status(run).system
        raise AlreadyUpError(f"{name}: is up already. See it with 'fairway status'.")
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
            raise FairwayError("\n".join(said[-20:]) or f"{name}: did not start. See {log}.")
        try:
            found = ask_status(run)
        except NotUpError:
            continue
        for view in found.processes:
            progress.tell(view)
        if found.state == "up":
            progress.say(up_text(found, progress.seconds))
            return Exit.FINDINGS if troubled(found) else Exit.CLEAN
