"""One server process of a test: started, asked until it answers, killed or stopped, and never left behind."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

STARTS_WITHIN = 30.0  # seconds; a busy machine is slow
STOPS_WITHIN = 20.0


class MissingServerError(Exception):
    """A server's program is not on this machine; the message says how to get it."""


class ServerProcess:
    """A server in a folder of its own; a context manager that starts and stops it."""

    def __init__(self, folder: Path) -> None:
        """Take a folder, which may hold an earlier run's data: it is used again."""
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> Sequence[str | Path]:
        """Give the command that runs the server in the foreground."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Make what the server needs before its first start."""

    def answers(self) -> bool:
        """Tell whether the server takes requests."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """Give the server's environment variables."""
        return dict(os.environ)

    def start(self) -> Self:
        """Start it and wait until it answers; `RuntimeError` with the end of its log when it does not."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.prepare()
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - the server's own program with our arguments
                [str(word) for word in self.command()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment(),
                start_new_session=True,
            )
        end = time.monotonic() + STARTS_WITHIN
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > end:
                self.kill()
                text = (self.folder / "log").read_text(errors="replace")[-2000:]
                raise RuntimeError(f"{type(self).__name__} did not start:\n{text}")
            time.sleep(0.01)
        return self

    def stop(self) -> None:
        """Ask it to end, wait, and insist."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOPS_WITHIN)
            except subprocess.TimeoutExpired:
                self.kill()
        self.process = None

    def kill(self) -> None:
        """End it and all its children at once, as a power cut would."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(STOPS_WITHIN)
        self.process = None

    def __enter__(self) -> Self:
        """Start it."""
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop it."""
        self.stop()


def program(name: str, hint: str, *folders: str) -> Path:
    """Find a program on the machine; `MissingServerError` with a hint where it is not."""
    found = shutil.which(name, path=os.pathsep.join([*folders, os.environ.get("PATH", os.defpath)]))
    if found is None:
        raise MissingServerError(f"{name}: is not on this machine. {hint}")
    return Path(found)


def free_port() -> int:
    """Give a loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def connects(address: str) -> bool:
    """Tell whether something listens at `host:port` or `unix:/path`."""
    path = address.removeprefix("unix:")
    family = socket.AF_UNIX if path != address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.settimeout(1)
        try:
            host, _, port = address.rpartition(":")
            probe.connect(path if family == socket.AF_UNIX else (host, int(port)))
        except OSError:
            return False
        return True
