"""Outlives a killed `fairway up` for a moment and ends what it had started: `python keeper.py SOCKETS`, told by a pipe.

Each line of standard input is `+PID STARTED` or `-PID`. The end of input means that `up` is gone, however it went.
It is a file of its own that imports nothing of ours, and little else: it must start at once, take next to no memory,
and live when all else is broken.
"""

import os
import signal
import stat
import sys
import time

# os is loaded already, and pathlib takes more memory than all else here.
# ruff: noqa: PTH108, PTH110, PTH118, PTH123

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
        left = _sockets(sys.argv[1])
        end_groups(known)
        for path, node in _sockets(sys.argv[1]).items():
            if left.get(path) == node:
                os.unlink(path)


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
        with open(f"/proc/{number}/stat") as file:
            told = file.read()
    except FileNotFoundError:
        if os.path.exists("/proc/self/stat"):
            return ""
        import subprocess  # noqa: PLC0415 - likewise

        asked = ["ps", "-o", "lstart=", "-p", str(number)]  # macOS
        return subprocess.run(asked, check=False, capture_output=True, text=True).stdout.strip()  # noqa: S603 - ours
    except ProcessLookupError:  # it ended while it was read
        return ""
    state, *rest = told.rpartition(")")[2].split()
    return "" if state == "Z" else rest[18]  # the name before the bracket may hold anything


def _signal(group: int, number: int) -> bool:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _sockets(folder: str) -> dict[str, int]:
    """Give the sockets in a folder, and what leads to folders of them, each with what tells it from another one."""
    found = {}
    for at, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = os.path.join(at, name)
            node = os.lstat(path)
            if stat.S_ISSOCK(node.st_mode) or stat.S_ISLNK(node.st_mode):
                found[path] = node.st_ino
    return found


if __name__ == "__main__":
    main()
