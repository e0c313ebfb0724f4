"""What the end of a process means, and of one that runs to an end of its own: when it runs again."""

import signal

import msgspec

from fairway.core.errors import Exit, FairwayError
from fairway.local.processes import ProcessSpec, last_line
from fairway.local.schedule import Schedule


class Fault(msgspec.Struct, frozen=True):
    """Why a process has to start again, and whether that can mend it."""

    says: str
    final: bool = False


def unstartable(spec: ProcessSpec, error: OSError | FairwayError) -> Fault:
    """Say why it does not start: what is not there stays so, but a port or the disk may be free in a while."""
    if isinstance(error, FairwayError):
        return Fault(str(error), final=error.exit is Exit.TOOL_MISSING)
    final = isinstance(error, FileNotFoundError | PermissionError | NotADirectoryError)
    return Fault(f"{spec.command[0]}: {error.strerror or error}", final=final)


def fault_of(spec: ProcessSpec, code: int, took: str = "") -> Fault | None:
    """Say what an end means: nothing is wrong with what runs once and well."""
    if spec.once and code == 0:
        return None
    after = took and f" {took}"
    if code < 0:
        return Fault(f"was killed by {signal.Signals(-code).name}{after}", final=spec.completes)
    said = last_line(spec.log)
    final = spec.completes or code in spec.hopeless
    return Fault(f"ended with code {code}{after}" + (f": {said}" if said else ""), final=final)


def rests_at_first(spec: ProcessSpec) -> str | None:
    """Say why what runs once does not do so by itself at first; none where it does."""
    if spec.schedule:
        return "has not run yet"
    return "" if spec.once and spec.unneeded is not None and spec.unneeded() else None


def next_run(spec: ProcessSpec) -> str:
    """Say when it runs next; empty where nothing says so."""
    return f"runs next at {Schedule(spec.schedule).after():%Y-%m-%d %H:%M} UTC" if spec.schedule else ""
