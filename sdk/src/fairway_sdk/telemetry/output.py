"""Standard output that never waits for its reader: a log pipeline that stands still must not stop the service.

What the pipe cannot take is kept, up to a bound. Beyond it lines are lost, and how many is told when the pipe takes
again.
"""

import os
import select
import sys
import threading
import time
from collections import deque
from typing import Any, Final

KEPT: Final = 1 << 20  # bytes of lines that wait for the reader
PIECE: Final = 4096  # bytes that a pipe takes at once if it takes any, by POSIX


class Output:
    """Writes whole lines to wherever standard output goes at the moment."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._stream: Any = None
        self._number = -1
        self._poll = select.poll()
        self.lost = 0
        self.aside = False  # to standard error: a command's own output must stay what it is

    def write(self, line: bytes) -> None:
        """Write a line now, or later, or never; whoever calls goes on at once."""
        with self._lock:
            try:
                stream = (sys.stderr if self.aside else sys.stdout).buffer
                if stream is not self._stream:
                    self._follow(stream)
                if self._number < 0:
                    stream.write(line)
                    return
                if not self._waiting and len(line) <= PIECE and self._poll.poll(0):
                    os.write(self._number, line)
                    return
                if self._size + len(line) > KEPT:
                    self.lost += 1
                else:
                    self._waiting.append(line)
                    self._size += len(line)
                self._pass_on()
            except (OSError, ValueError, AttributeError):  # the reader has gone, or a test has replaced the stream
                self._waiting.clear()
                self._size = 0

    def _follow(self, stream: Any) -> None:
        self._stream = stream
        try:
            self._number = stream.fileno()
        except (OSError, ValueError):
            self._number = -1  # a buffer of a test
        self._poll = select.poll()
        if self._number >= 0:
            self._poll.register(self._number, select.POLLOUT)

    def _pass_on(self, wait: float = 0) -> None:
        waiting = self._waiting
        while waiting and self._poll.poll(wait * 1000):
            line = waiting[0]
            done = os.write(self._number, line[:PIECE])
            self._size -= done
            if done < len(line):
                waiting[0] = line[done:]
            else:
                waiting.popleft()

    def take_lost(self) -> int:
        """Give how many lines were lost, once there is room to tell it."""
        if not self.lost or self._size > KEPT // 2:
            return 0
        found, self.lost = self.lost, 0
        return found

    def drain(self, within: float) -> None:
        """Write what still waits, for so many seconds at most; blocks."""
        end = time.monotonic() + within
        with self._lock:
            try:
                while self._waiting and (left := end - time.monotonic()) > 0:
                    self._pass_on(left)
            except (OSError, ValueError):
                self._waiting.clear()


output: Final = Output()
