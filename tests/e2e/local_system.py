"""A system in a folder as its user meets it: by the command line, the gateway, and what is left of it afterwards."""

import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from fairway.local.run_folder import RunFolder


class System:
    """A system that is handled by the command line alone."""

    def __init__(
        self, folder: Path, python: Sequence[str] = (sys.executable,), env: Mapping[str, str] | None = None
    ) -> None:
        """Take its folder, and how Python is started where it is not as we were."""
        self.folder = folder
        self.pids: set[int] = set()
        self.command = [*python, "-m", "fairway"]
        self.env = env

    def run(self, *words: str, check: bool = True, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command of Fairway in the system's folder."""
        done = subprocess.run(
            [*self.command, *words],
            cwd=cwd or self.folder,
            capture_output=True,
            text=True,
            check=False,
            env=self.env,
            timeout=120,  # a hanging command is a failure, not a hanging suite
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    @property
    def run_folder(self) -> RunFolder:
        """Give where its sockets are, and make nothing there."""
        return RunFolder(self.folder, visits=True)

    @property
    def status(self) -> dict[str, Any]:
        """What `status` tells; every process ever seen is noted."""
        found: dict[str, Any] = json.loads(self.run("status", "--format", "json", check=False).stdout)
        self.pids |= {one["pid"] for one in found["processes"] if one["pid"]} | {found["pid"]}
        return found

    def process(self, name: str) -> dict[str, Any]:
        """Give what it tells of one process."""
        found: dict[str, Any] = next(one for one in self.status["processes"] if one["name"] == name)
        return found

    def ask(self, path: str, *, method: str = "GET", **headers: str) -> tuple[int, bytes]:
        """Ask the gateway."""
        return ask(f"{self.status['gateway']}{path}", None, method=method, **headers)

    def nothing_is_left(self) -> bool:
        """Tell whether all processes, sockets and the gateway's port are gone."""
        return not any(alive(pid) for pid in self.pids) and not self.run_folder.sockets.exists()


def ask(url: str, content: bytes | None = None, *, method: str = "GET", **headers: str) -> tuple[int, bytes]:
    """Ask anybody on this machine; a name of a header has '_' where it has '-'."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, content, named, method=method)  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - loopback
            return answer.status, answer.read()
    except HTTPError as error:
        return error.code, error.read()


@contextmanager
def load(url: str, *, clients: int, pause: float, **headers: str) -> Iterator[Counter[tuple[int, bytes]]]:
    """Ask again and again, seldom enough that no limit stops it, and count the answers; 0 where nobody answered."""
    counted: Counter[tuple[int, bytes]] = Counter()
    over = threading.Event()

    def client() -> None:
        while not over.wait(pause):
            try:
                counted[ask(url, None, method="GET", **headers)] += 1
            except OSError as error:
                counted[0, str(error).encode()] += 1

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for one in threads:
        one.start()
    try:
        yield counted
    finally:
        over.set()
        for one in threads:
            one.join()


def pasted(said: str, cwd: Path) -> list[str]:
    """Do what a person does with the lines under `Try:`: paste them into one shell; give what each one said."""
    lines = [line.strip() for line in said.partition("\nTry:\n")[2].splitlines() if line.startswith("  ")]
    assert lines, said
    mark = "-- the next line --"
    script = "set -e\n" + f"\necho; echo '{mark}'\n".join(lines)
    done = subprocess.run(["bash", "-c", script], cwd=cwd, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, (lines, done.stdout, done.stderr)
    return [part.strip() for part in done.stdout.split(mark)]


def alive(pid: int) -> bool:
    """Tell whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def until(holds: Callable[[], object], within: float = 20.0) -> None:
    """Wait for something."""
    end = time.monotonic() + within
    while not holds():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.1)
