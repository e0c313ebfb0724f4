"""What is written down of a system that runs, for the next `up`: the lock, the processes, the ports."""

import contextlib
import fcntl
import os
import socket
import subprocess
import sys
import weakref
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from fairway.core.errors import FairwayError
from fairway.local import keeper
from fairway.local.run_folder import RunFolder, replace

LAST_PORT: Final = 65535


class AlreadyUpError(FairwayError):
    """The system runs already."""


class Lock:
    """Held for as long as a system is up; a process that dies lets go of it."""

    def __init__(self, run: RunFolder) -> None:
        """Take the folder of the system."""
        self._file = run.state / "up.lock"
        self._number: int | None = None

    def held(self) -> bool:
        """Tell whether a process holds it."""
        number = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(number)
        return False

    def take(self, system: str) -> None:
        """Take it; `AlreadyUpError` where another process has it."""
        number = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(number)
            raise AlreadyUpError(
                f"{system}: is up already. See it with 'fairway status', or end it with 'fairway down'."
            ) from None
        self._number = number

    def release(self) -> None:
        """Let go of it."""
        if self._number is not None:
            os.close(self._number)
            self._number = None


class Register:
    """Who runs for us: written to a file for the next `up`, and told to the keeper, who ends them if we cannot."""

    def __init__(self, run: RunFolder) -> None:
        """Take the folder of the system."""
        self._file = run.state / "processes"
        self._sockets = run.sockets
        self._keeper: subprocess.Popen[bytes] | None = None
        self._known: dict[int, str] = {}

    def clean(self) -> int:
        """End what an `up` that was killed left behind, and tell how many processes; only while the lock is ours."""
        ended = keeper.end_groups(self._read())
        for path in self._sockets.rglob("*"):
            if path.is_socket() or path.is_symlink():
                path.unlink(missing_ok=True)
        self._file.unlink(missing_ok=True)
        return ended

    def __enter__(self) -> Self:
        """Begin to keep."""
        self._keeper = subprocess.Popen(  # noqa: S603 - our own file
            [sys.executable, "-I", "-S", keeper.__file__, str(self._sockets)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Have the keeper end what is left, and go."""
        if self._keeper is not None and self._keeper.stdin is not None:
            self._keeper.stdin.close()
            self._keeper.wait()
        self._file.unlink(missing_ok=True)

    def add(self, pid: int) -> None:
        """Note a process that was started."""
        self._known[pid] = keeper.began(pid)
        self._tell(f"+{pid} {self._known[pid]}\n")

    def remove(self, pid: int) -> None:
        """Note that a process and its group have ended."""
        if self._known.pop(pid, None) is not None:
            self._tell(f"-{pid}\n")

    def _tell(self, line: str) -> None:
        with contextlib.suppress(FileNotFoundError):  # a folder that somebody removed must not keep us from ending
            replace(self._file, "".join(f"{pid} {began}\n" for pid, began in self._known.items()).encode())
        if self._keeper is not None and self._keeper.stdin is not None:
            try:
                self._keeper.stdin.write(line.encode())
                self._keeper.stdin.flush()
            except BrokenPipeError:  # somebody killed it: the file still tells the next `up`
                self._keeper = None

    def _read(self) -> dict[int, str]:
        try:
            lines = self._file.read_text().splitlines()
        except FileNotFoundError:
            return {}
        return {int(pid): began for pid, _, began in (line.partition(" ") for line in lines) if pid.isdigit()}


class Ports:
    """The loopback ports of a system: each name keeps its own from run to run, unless somebody else has it."""

    def __init__(self, run: RunFolder) -> None:
        """Read those of the last time."""
        self._file = run.state / "ports.json"
        try:
            self._ports = msgspec.json.decode(self._file.read_bytes(), type=dict[str, int])
        except (FileNotFoundError, msgspec.DecodeError):
            self._ports = {}
        self._given: set[int] = set()
        self._reserved: list[int] = []  # sockets
        weakref.finalize(self, _close, self._reserved)

    def __call__(self, name: str) -> int:
        """Give a name its port."""
        port = self._ports.get(name, 0)
        while not port or not self._take(port):
            port = free_port()
        if self._ports.get(name) != port:
            self._ports[name] = port
            replace(self._file, msgspec.json.encode(self._ports))
        return port

    def first_from(self, first: int) -> int:
        """Give the first port that nobody listens on, and nobody else was given."""
        return next(port for port in range(first, LAST_PORT + 1) if self._take(port))

    def _take(self, port: int) -> bool:
        """Take a port that nobody has, and keep it from another system that is about to start.

        Nobody listens on it yet. So the UDP port of the same number, which nobody else wants, says whose it is: it is
        free again when we end, however we do.
        """
        if port in self._given or not is_free(port):
            return False
        held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            held.bind(("127.0.0.1", port))
        except OSError:
            held.close()
            return False
        self._reserved.append(held.detach())
        self._given.add(port)
        return True


def _close(sockets: list[int]) -> None:
    for number in sockets:
        os.close(number)


def is_free(port: int) -> bool:
    """Tell whether a loopback port could be listened on now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that are over do no harm
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """Give a loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def kept_secret(file: Path, length: int = 32) -> str:
    """Give the secret in a file; one that is not there is made, of so many random bytes, and kept."""
    if not file.exists():
        import secrets  # noqa: PLC0415 - hashing and sockets come with it, and most runs make none

        replace(file, secrets.token_urlsafe(length).encode())
    return file.read_text()
