"""The process that services are forked from, begun before it is known what runs: what it loads takes longest of all."""

import socket
import subprocess
import sys
import threading
from typing import Final

FORKS: Final = sys.platform == "linux"  # elsewhere the system's own libraries do not survive a fork


def begin() -> "Begun | None":
    """Start it; none where nothing is forked."""
    return Begun() if FORKS else None


class Begun:
    """A server that has just been started, and loads what all services need."""

    def __init__(self) -> None:
        """Start it; it is silent until it is told where its log is."""
        self.line, its = socket.socketpair()
        with its:
            self.process = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-u", "-m", "fairway.local.fork_server", str(its.fileno())],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[its.fileno()],
                start_new_session=True,
            )
        self.pid = self.process.pid
        threading.Thread(target=self.process.wait, daemon=True).start()  # a zombie's group is never gone

    async def wait(self) -> int:
        """Wait for its end, and give its exit code."""
        import asyncio  # noqa: PLC0415 - it takes as long as all else here, and is needed at the end

        return await asyncio.to_thread(self.process.wait)

    def end(self) -> None:
        """End it, unless it has ended."""
        self.line.close()
        self.process.kill()
        self.process.wait()
