"""End a running system; its data stays, unless it is to be deleted."""

import contextlib
import shutil
import sys
import time
from pathlib import Path
from typing import Final

from fairway.core.errors import Exit, FairwayError
from fairway.local.control import NotUpError, Request, ask, status
from fairway.local.keeper import began
from fairway.local.run_folder import RunFolder
from fairway.local.state import Lock, Register
from fairway.verbs.running import place

ENDS_WITHIN: Final = 40.0  # seconds
LOOKED_AT_EVERY: Final = 0.05


def down_command(facts: Path, *, delete_data: bool, yes: bool) -> Exit:
    """End the system and wait until nothing of it is left; asks before it deletes, unless *yes*."""
    run = place(facts)
    if delete_data and not yes:
        _ask(run)
    lock = Lock(run)
    number = 0
    with contextlib.suppress(NotUpError):
        number = status(run).pid
        ask(run, Request("stop"))
    was_up = bool(number) or lock.held()
    end = time.monotonic() + ENDS_WITHIN
    while lock.held() or (number and began(number)):
        if time.monotonic() > end:
            raise FairwayError(f"{run.system_folder}: does not end within {ENDS_WITHIN:g} s. See 'fairway status'.")
        time.sleep(LOOKED_AT_EVERY)
    lock.take(run.system_folder.name)
    try:
        left = Register(run).clean()  # of an `up` that was killed
        run.remove_sockets()
        _tell(run, was_up=was_up, left=left)
        if delete_data:
            shutil.rmtree(run.state)
            sys.stdout.write(f"{run.state} is deleted.\n")
    finally:
        lock.release()
    return Exit.CLEAN


def _tell(run: RunFolder, *, was_up: bool, left: int) -> None:
    if was_up:
        sys.stdout.write(f"{run.system_folder.name} has ended; its data stays.\n")
    elif left:
        sys.stdout.write(f"{left} processes were left of an 'up' that was killed; they are ended.\n")
    else:
        sys.stdout.write(f"{run.system_folder.name} is not up.\n")


def _ask(run: RunFolder) -> None:
    if not sys.stdin.isatty():
        raise FairwayError("--delete-data: asks first, and nobody can answer here. Add --yes.")
    sys.stdout.write(f"Delete all data, keys and logs in {run.state}? Type 'yes': ")
    sys.stdout.flush()
    if sys.stdin.readline().strip() != "yes":
        raise FairwayError("Nothing was deleted, and nothing was ended.")
