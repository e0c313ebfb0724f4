"""Outlives a killed `fairway up` for a moment and ends what it had started: `python keeper.py SOCKETS`, told by a pipe.

Each line of standard input is `+PID STARTED` or `-PID`. The end of input means that `up` is gone, however it went.
It is a file of its own that imports nothing of ours: it must start at once, and live when all else is broken.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ENDS_WITHIN = 2.0  # seconds; then it is killed


def main() -> None:
    """Listen until `up` has gone; then end the groups that it did not end itself."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # a Ctrl-C goes to all of a terminal, and `up` needs us to its end
    known: dict[int, str] = {}
    for line in sys.stdin:
        number_, _, began = line[1:].strip().partition(" ")
        if line.startswith("+"):
            known[int(number_)] = began
        else:
            known.pop(int(number_), None)
    if known:
        # The next `up` may be there already, and have made its own sockets in the same places.
        left = {
            path: path.lstat().st_ino for path in Path(sys.argv[1]).rglob("*") if path.is_socket() or path.is_symlink()
        }
        end_groups(known)
        for path, node in left.items():
            with contextlib.suppress(FileNotFoundError):
                if path.lstat().st_ino == node:
                    path.unlink()


def end_groups(groups: dict[int, str]) -> int:
    """End the process groups whose leaders began at these times, and tell how many there were; others are left alone.

    A number is used again after a while: the time tells our process from a stranger.
    """
    ours = {number for number, at in groups.items() if began(number) in {at, ""} and _signal(number, signal.SIGTERM)}
    end = time.monotonic() + ENDS_WITHIN
    while any(_signal(number, 0) for number in ours) and time.monotonic() < end:
        time.sleep(0.02)
    for number in ours:
        _signal(number, signal.SIGKILL)
    return len(ours)


def began(number: int) -> str:
    """Tell when a process began, in the machine's own words; empty where there is none."""
    try:
        stat = Path(f"/proc/{number}/stat").read_text()
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return ""
        asked = ["ps", "-o", "lstart=", "-p", str(number)]  # macOS
        return subprocess.run(asked, check=False, capture_output=True, text=True).stdout.strip()  # noqa: S603 - ours
    except ProcessLookupError:  # it ended while it was read
        return ""
    state, *rest = stat.rpartition(")")[2].split()
    return "" if state == "Z" else rest[18]  # the name before the bracket may hold anything


def _signal(group: int, number: int) -> bool:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
        return True
    return False


if __name__ == "__main__":
    main()
