"""What each process takes of memory and processor, asked of the kernel; nothing where it keeps no /proc."""

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

PROC: Final = Path("/proc")
TICKS: Final = os.sysconf("SC_CLK_TCK")


class Figures(msgspec.Struct, frozen=True):
    """What one process takes."""

    memory: float  # bytes; what several share counts in part
    cpu: float | None  # cores since it was asked before; none: the first time


class Meter:
    """Remembers what was asked before, since a share of the processor is a difference."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._before: dict[int, tuple[float, float]] = {}

    def read(self, pids: Iterable[int]) -> dict[int, Figures]:
        """Ask about these processes, by their numbers; those that are gone are left out."""
        found: dict[int, Figures] = {}
        after: dict[int, tuple[float, float]] = {}
        for pid in pids:
            try:
                used, now = _seconds(pid), time.monotonic()
                memory = _memory(pid)
            except (OSError, ValueError, IndexError):
                continue
            before = self._before.get(pid)
            after[pid] = (used, now)
            share = max(0.0, (used - before[0]) / (now - before[1])) if before and now > before[1] else None
            found[pid] = Figures(memory, share)
        self._before = after
        return found


def _seconds(pid: int) -> float:
    """Give the processor's seconds that a process has used."""
    fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _memory(pid: int) -> float:
    """Give its share of memory: services are forked from one process, and share what it had loaded."""
    try:
        for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024.0
    except PermissionError:  # another user's, as PostgreSQL's where we are root
        pass
    resident = (PROC / str(pid) / "statm").read_text().split()[1]
    return float(int(resident) * os.sysconf("SC_PAGE_SIZE"))
