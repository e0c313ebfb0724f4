"""What is to run, worked out in a process of its own: what planning loads, and its memory, is gone when all runs."""

from functools import partial
from pathlib import Path

import msgspec

from fairway.local.aside import aside
from fairway.local.system import Wanted


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
    return aside(partial(_worked_out, facts, options))


def _worked_out(facts: Path, options: Options) -> Wanted:
    from fairway.verbs.up_wanted import wanted  # noqa: PLC0415 - loaded where it is used and forgotten
    from fairway.verbs.workspace import open_system  # noqa: PLC0415

    return wanted(open_system(facts), options)
