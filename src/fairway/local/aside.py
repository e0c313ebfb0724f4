"""Does work in a fork of this process: what it loads, and its memory, is gone when it is done."""

import os
import pickle
import signal
from collections.abc import Callable
from typing import TypeVar

from fairway.local.preloading import FORKS

T = TypeVar("T")

ENDS_WITHIN = 120  # seconds; then it hangs, and is done here


def aside(work: Callable[[], T]) -> T:
    """Give what it gives. Where it fails it is done once more, here, and fails in its own words."""
    if not FORKS:
        return work()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        _tell(work, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        content = told.read()
    os.waitpid(pid, 0)
    if not content:
        return work()
    found: T = pickle.loads(content)  # noqa: S301 - our own fork wrote it
    return found


def _tell(work: Callable[[], object], to: int) -> None:
    """Work in the fork, and end it whatever comes: what it inherited is not its own to close."""
    try:
        signal.set_wakeup_fd(-1)  # it leads to the loop that we are a copy of
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(ENDS_WITHIN)
        content = pickle.dumps(work())
        with os.fdopen(to, "wb") as file:
            file.write(content)
    finally:
        os._exit(0)
