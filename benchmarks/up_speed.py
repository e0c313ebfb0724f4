"""Measure `fairway up`: until the first answer from a database, until all is up, `down`, and what memory it takes.

`python benchmarks/up_speed.py [--runs 5] [--system hello] [--lines]`: the best of several runs, since other programs of
the machine only ever slow it down; CPU seconds are those of all processes until the first answer.
`first` begins without data, PostgreSQL's template and bytecode, `cold` without data alone, `warm` with the data of the
run before it. The request that is measured carries a token of the local identity provider and goes through the gateway,
mutual TLS to the service, and mutual TLS to PostgreSQL.
Memory is that of the last run, a good minute after its start, when what a start needs is let go: the proportional share
of each process (Pss), which is too small while other programs of the machine run the same files; they are counted.
"""

import argparse
import http.client
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Final

import msgspec

from fairway.core.errors import FairwayError
from fairway.local.control import Status, status
from fairway.local.identity.asking import ADMIN_SOCKET, Asked, ask_token
from fairway.local.run_folder import RunFolder

EXAMPLES: Final = Path(__file__).parents[1] / "examples"
ASKED_EVERY: Final = 0.01  # seconds
GIVEN_UP_AFTER: Final = 120.0  # seconds
PAGE: Final = os.sysconf("SC_PAGE_SIZE")
TICKS: Final = os.sysconf("SC_CLK_TCK")
RESTS: Final = 75.0  # seconds: longer than services keep connections that they need no more
OF_SERVICES: Final = {"service", "job", "outside"}  # what a system brings itself


class System(msgspec.Struct, frozen=True):
    """A system to be measured: its folder, what is asked of it, and as whom."""

    folder: Path
    path: str
    answer: int  # its status
    tenant: str = ""


class Run(msgspec.Struct, frozen=True):
    """One run; seconds."""

    answered: float
    up: float
    down: float
    cpu: float
    memory: dict[str, tuple[float, float]]  # MB by process: resident, and its share of what it shares
    lines: list[str]
    each: dict[str, float]  # CPU by process
    beside: int  # processes of others that share its files


def hello(folder: Path) -> System:
    """Copy the hello system."""
    left_out = shutil.ignore_patterns(".fairway", "__pycache__", "deploy")
    shutil.copytree(EXAMPLES / "hello", folder, ignore=left_out, dirs_exist_ok=True)
    return System(folder, "/greeter/hello/Ann", 200)


def bookshop(folder: Path) -> System:
    """Copy the bookshop; an order that nobody placed is looked for in PostgreSQL."""
    left_out = shutil.ignore_patterns(".fairway", "__pycache__", "deploy", "tests")
    shutil.copytree(EXAMPLES / "bookshop", folder, ignore=left_out, dirs_exist_ok=True)
    return System(folder, "/orders/orders/order-000001", 404, "riverside")


def measure(system: System, caches: Path, rests: float = 1.0) -> Run:
    """Start it, ask until it answers, wait until all is up, look at its memory after a rest, and end it."""
    port = free_port()
    command = [sys.executable, "-m", "fairway", "up", "--port", str(port)]
    # Bytecode is kept, as by every installation, but beside nobody's code.
    environment = os.environ | {"XDG_CACHE_HOME": str(caches), "PYTHONPYCACHEPREFIX": str(caches / "bytecode")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    run = RunFolder(system.folder, visits=True)
    said = system.folder / "said"
    with said.open("w") as output:
        began = time.monotonic()
        process = subprocess.Popen(command, cwd=system.folder, env=environment, stdout=output, stderr=output)
    try:
        _ask(system, run, port, began, process)
        answered, cpu = time.monotonic() - began, _cpu(process.pid)
        while status(run).state != "up":
            assert time.monotonic() < began + GIVEN_UP_AFTER, said.read_text()
            time.sleep(ASKED_EVERY)
        up = time.monotonic() - began
        time.sleep(rests)
        memory, pids = _memory(status(run), process.pid), set(_descendants(process.pid))
        beside = _beside(pids)
        ending = time.monotonic()
        down = [sys.executable, "-m", "fairway", "down"]
        subprocess.run(down, cwd=system.folder, env=environment, check=True, capture_output=True, timeout=60)
        ended = time.monotonic() - ending
        process.wait(20)
        assert not any(Path(f"/proc/{pid}").exists() for pid in pids), "processes are left"
    finally:
        process.terminate()
        process.wait(30)
    return Run(answered, up, ended, sum(cpu.values()), memory, said.read_text().splitlines(), cpu, beside)


def _ask(system: System, run: RunFolder, port: int, began: float, process: "subprocess.Popen[bytes]") -> None:
    token = ""
    while True:
        assert process.poll() is None, (system.folder / "said").read_text()
        assert time.monotonic() < began + GIVEN_UP_AFTER, "no answer"
        with suppress(OSError, FairwayError, http.client.HTTPException):
            token = token or ask_token(run.socket(ADMIN_SOCKET), Asked(user="ann", tenant=system.tenant)).token
            if _get(port, system.path, token) == system.answer:
                return
        time.sleep(ASKED_EVERY)


def _get(port: int, path: str, token: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path, headers={"authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def _descendants(pid: int) -> Iterator[int]:
    yield pid
    children: list[str] = []
    with suppress(FileNotFoundError, ProcessLookupError):  # it, or one of its threads, has just ended
        for task in Path(f"/proc/{pid}/task").iterdir():
            children += (task / "children").read_text().split()
    for child in children:
        yield from _descendants(int(child))


def _cpu(pid: int) -> dict[str, float]:
    """Give the CPU seconds of a process and of each below it, with those of what each has seen end."""
    found: dict[str, float] = {}
    for one in _descendants(pid):
        with suppress(FileNotFoundError, ProcessLookupError):
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            words = Path(f"/proc/{one}/cmdline").read_text().replace("\0", " ").split()
            found[f"{one} {' '.join(Path(word).name for word in words[:6])}"] = sum(map(int, fields[11:15])) / TICKS
    return found


def _memory(found: Status, up: int) -> dict[str, tuple[float, float]]:
    """Give the memory of each process with all below it; what the services share is their forks' and its own."""
    parts = {view.pid: (view.name if view.part not in OF_SERVICES else "services") for view in found.processes}
    taken: dict[str, tuple[float, float]] = {}
    for pid in _descendants(up):
        with suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            name = next((parts[above] for above in _above(pid) if above in parts), "fairway up")
            if name == "fairway up" and pid != up:
                name = "fork server" if "fork_server" in Path(f"/proc/{pid}/cmdline").read_text() else "keeper"
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            sizes = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines[1:]}
            rss, pss = taken.get(name, (0.0, 0.0))
            taken[name] = (rss + sizes["Rss"], pss + sizes["Pss"])
    return taken


def _beside(ours: set[int]) -> int:
    """Count processes that are not ours and run a program that is ours, too."""
    programs: dict[int, str] = {}
    for entry in Path("/proc").glob("[0-9]*/exe"):
        with suppress(OSError):  # the kernel's own, and those that have just ended
            programs[int(entry.parent.name)] = str(entry.readlink())
    known = {program for pid, program in programs.items() if pid in ours}
    return sum(program in known and pid not in ours | {os.getpid()} for pid, program in programs.items())


def _above(pid: int) -> Iterator[int]:
    while pid > 1:
        yield pid
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def line(what: str, found: list[float], goal: float | None, unit: str = "s") -> None:
    """Print a figure: the best and the median, and the goal for the best."""
    verdict = "" if goal is None else f"   goal {goal:>5.1f}  {'reached' if min(found) <= goal else 'MISSED'}"
    print(f"{what:<44}{min(found):>8.2f} {unit}   median {median(found):>7.2f}{verdict}")


def tell(name: str, kind: str, runs: list[Run], *, lines: bool) -> None:
    """Print the figures of several runs."""
    goals = {("hello", "cold"): 3.0, ("hello", "warm"): 2.0, ("bookshop", "cold"): 8.0}
    line(f"{name}, {kind}: first answer from PostgreSQL", [run.answered for run in runs], goals.get((name, kind)))
    line(f"{name}, {kind}: CPU until then", [run.cpu for run in runs], None)
    whole = 8.0 if (name, kind) == ("bookshop", "cold") else None
    line(f"{name}, {kind}: all is up", [run.up for run in runs], whole)
    line(f"{name}, {kind}: down", [run.down for run in runs], 3.0)
    if lines:
        best = min(runs, key=lambda run: run.answered)
        print("\n".join(best.lines))
        for process, seconds in sorted(best.each.items(), key=lambda item: -item[1]):
            print(f"  {seconds:6.2f} s of CPU  {process}")


def tell_memory(name: str, run: Run) -> None:
    """Print what each process takes.

    The goal is for the infrastructure: all that `up` starts but services, what these are forked from and share, and
    the two programs that run only where somebody has installed them; the sums with both are printed as well.
    """
    print(f"{name}: memory in MB{'':<25}resident   share")
    for process, (rss, pss) in sorted(run.memory.items(), key=lambda item: -item[1][1]):
        print(f"  {process:<42}{rss:>8.0f}{pss:>8.0f}")
    shares = {process: pss for process, (_, pss) in run.memory.items() if process != "services"}
    forks = shares.pop("fork server", 0.0)
    watching = sum(shares.pop(process, 0.0) for process in ("prometheus", "alertmanager"))
    whole = sum(shares.values())
    line(f"{name}: infrastructure", [whole], 250.0, "MB")
    line(f"{name}: with what services are forked from", [whole + forks], None, "MB")
    line(f"{name}: with Prometheus and Alertmanager, too", [whole + forks + watching], None, "MB")
    if run.beside:
        print(f"Beside it ran {run.beside} processes of the same programs: all shares are greater without them.")


def main() -> None:
    """Print a line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--system", choices=["hello", "bookshop"], action="append", help="both where none is named")
    parser.add_argument(
        "--lines", action="store_true", help="show what `up` said in the best run, and who took the CPU"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fw-") as name:
        caches = Path(name) / "caches"
        for which in options.system or ["hello", "bookshop"]:
            folder = Path(name) / which
            folder.mkdir()
            system = {"hello": hello, "bookshop": bookshop}[which](folder)
            first = [measure(system, caches)] if not caches.exists() else []
            cold, warm = [], []
            for number in range(1, options.runs + 1):
                shutil.rmtree(folder / ".fairway", ignore_errors=True)
                cold.append(measure(system, caches))
                warm.append(measure(system, caches, RESTS if number == options.runs else 1.0))
            for kind, runs in (("first", first), ("cold", cold), ("warm", warm)):
                if runs:
                    tell(which, kind, runs, lines=options.lines)
            tell_memory(which, warm[-1])


if __name__ == "__main__":
    main()
