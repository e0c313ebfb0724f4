"""The supervisor on real processes: order, crashes, hangs, jobs, ends, and what is left when it is killed itself."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from fairway.local import keeper, supervisor
from fairway.local.processes import ProcessSpec, answers, listens, shorten
from fairway.local.run_folder import RunFolder
from fairway.local.state import Register
from fairway.local.supervisor import Process, Supervisor, View

SERVER = """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        down = os.path.exists(sys.argv[2] + ".unready") and self.path == "/readyz"
        self.send_response(503 if down else 200)
        self.end_headers()
        self.wfile.write(b'{"reasons": {"store": "is away"}}' if down else b"{}")
    def log_message(self, *words):
        pass
    def address_string(self):
        return "local"
import socketserver
class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 64
print("hello", flush=True)
Server(sys.argv[2], Handler).serve_forever()
"""


class Bench:
    """A supervisor, and the specs of small processes for it."""

    def __init__(self, folder: Path, register: Register) -> None:
        self.folder = folder
        self.told: list[View] = []
        self.supervisor = Supervisor(register, self.told.append)

    def spec(self, name: str, *command: str, **more: Any) -> ProcessSpec:  # noqa: ANN401 - fields of a spec
        """Say how a small process runs."""
        given = {"cwd": self.folder, "log": self.folder / f"{name}.log", "env": dict(os.environ), **more}
        return ProcessSpec(name=name, command=command or ("sleep", "60"), **given)

    def server(self, name: str, **more: Any) -> ProcessSpec:  # noqa: ANN401 - likewise
        """Say how a small server of HTTP on a socket runs, which is asked as services are."""
        socket = self.folder / f"{name}.sock"

        async def prepare() -> None:
            socket.unlink(missing_ok=True)

        return self.spec(
            name,
            *(sys.executable, "-c", SERVER, "--", str(socket)),
            **{
                "prepare": prepare,
                "ready": answers(f"unix:{socket}", "/readyz", 0.3),
                "live": answers(f"unix:{socket}", "/livez", 0.3),
                "live_every": 0.1,
            }
            | more,
        )

    def process(self, name: str) -> Process:
        """Give what is known of a process."""
        return self.supervisor.processes[name]

    async def until(self, holds: Callable[[], object], within: float = 10.0) -> None:
        """Wait for something."""
        async with asyncio.timeout(within):
            while not holds():  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)


@pytest.fixture
async def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    """Give a bench, and end all that was started on it."""
    monkeypatch.setattr(supervisor, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(supervisor, "LOOKED_AT_EVERY", 0.05)
    with Register(RunFolder(tmp_path)) as register:
        found = Bench(tmp_path, register)
        yield found
        await found.supervisor.stop()
        RunFolder(tmp_path).sockets.rmdir()
        assert not [view for view in found.supervisor.views() if view.pid]


def gone(pid: int) -> bool:
    """Tell whether a process has ended; a zombie has."""
    return not keeper.began(pid)


async def test_a_process_starts_when_what_it_needs_is_ready_and_ends_before_it(bench: Bench) -> None:
    """A job counts as ready when it has ended well."""
    bench.supervisor.start(
        [
            bench.spec("service", depends_on=("job",), outlived_by=("store",)),
            bench.spec("job", "true", once=True, depends_on=("store",)),
            bench.server("store"),
        ]
    )
    await bench.supervisor.settled()
    came = [(view.name, view.state) for view in bench.told]
    assert came.index(("store", "ready")) < came.index(("job", "starting"))
    assert came.index(("job", "done")) < came.index(("service", "starting"))
    await bench.supervisor.stop()
    came = [(view.name, view.state) for view in bench.told]
    assert came.index(("service", "stopped")) < came.index(("store", "stopping"))


async def test_a_crashed_process_starts_again_after_ever_longer_pauses(bench: Bench) -> None:
    """And it is told how often, how it ended, and what it said last."""
    bench.supervisor.start([bench.spec("bad", "sh", "-c", "echo no money; exit 3")])
    await bench.until(lambda: bench.process("bad").restarts >= 3)
    pauses = [view.reason.rpartition(" in ")[2] for view in bench.told if view.state == "crashed"]
    assert pauses[:3] == ["0.05 s", "0.1 s", "0.2 s"]
    assert "ended with code 3: no money" in next(view.reason for view in bench.told if view.state == "crashed")


async def test_a_process_that_a_restart_does_not_mend_waits_until_somebody_asks(bench: Bench) -> None:
    """Its place is at fault, not its luck."""
    bench.supervisor.start([bench.spec("lost", "sh", "-c", "echo no binding; exit 2", hopeless=(2,))])
    await bench.supervisor.settled()
    assert (bench.process("lost").state, bench.process("lost").restarts) == ("failed", 0)
    bench.supervisor.restart(["lost"])
    await bench.until(lambda: bench.process("lost").restarts == 1)


async def test_a_program_that_is_not_there_fails_in_a_sentence(bench: Bench) -> None:
    """No traceback, no endless tries."""
    bench.supervisor.start([bench.spec("absent", "/nowhere/program")])
    await bench.supervisor.settled()
    assert bench.process("absent").reason == "/nowhere/program: No such file or directory"


async def test_a_hung_process_is_killed_and_started_again(bench: Bench) -> None:
    """Its liveness probe finds it, where its own exit never would."""
    bench.supervisor.start([bench.server("slow")])
    await bench.supervisor.settled()
    first = bench.process("slow").pid
    os.kill(first, signal.SIGSTOP)
    await bench.until(lambda: bench.process("slow").pid not in {0, first} and bench.process("slow").state == "ready")
    assert any("hung: gave no answer within 0.3 s, 3 times in a row" in view.reason for view in bench.told)
    assert gone(first)


async def test_a_process_that_is_not_ready_is_shown_and_left_alone(bench: Bench) -> None:
    """With the reason that it gives itself."""
    bench.supervisor.start([bench.server("busy")])
    await bench.supervisor.settled()
    pid = bench.process("busy").pid
    (bench.folder / "busy.sock.unready").touch()
    await bench.until(lambda: bench.process("busy").state == "not-ready")
    assert bench.process("busy").reason == "store: is away"
    await asyncio.sleep(0.6)  # longer than a hung one would be left
    assert (bench.process("busy").pid, bench.process("busy").restarts) == (pid, 0)
    (bench.folder / "busy.sock.unready").unlink()
    await bench.until(lambda: bench.process("busy").state == "ready")


async def test_a_job_runs_again_when_what_it_filled_came_back_empty(bench: Bench) -> None:
    """A server in memory forgets its tables."""
    notes = bench.folder / "ran"
    bench.supervisor.start(
        [
            bench.server("memory"),
            bench.spec(
                "fill", "sh", "-c", f"echo x >> {notes}", once=True, depends_on=("memory",), again_with=("memory",)
            ),
        ]
    )
    await bench.supervisor.settled()
    os.kill(bench.process("memory").pid, signal.SIGKILL)
    await bench.until(lambda: notes.read_text() == "x\nx\n")


async def test_a_change_of_code_starts_a_service_anew(bench: Bench) -> None:
    """Other files change nothing."""
    code = bench.folder / "code"
    code.mkdir()
    (code / "main.py").write_text("1")
    bench.supervisor.start([bench.spec("service", watch=code)])
    await bench.supervisor.settled()
    await asyncio.sleep(0.3)
    (code / "notes.txt").write_text("2")
    await asyncio.sleep(1.2)
    assert bench.process("service").restarts == 0
    (code / "main.py").write_text("22")
    await bench.until(lambda: bench.process("service").restarts == 1)


async def test_nothing_of_a_group_outlives_its_leader(bench: Bench) -> None:
    """A script's children end with it."""
    pids = bench.folder / "pid"
    bench.supervisor.start([bench.spec("script", "sh", "-c", f"sleep 60 & echo $! > {pids}; wait")])
    await bench.until(lambda: pids.exists() and pids.read_text().strip())
    await bench.supervisor.stop()
    assert gone(int(pids.read_text()))


async def test_one_that_does_not_listen_is_killed_in_time(bench: Bench) -> None:
    """After as long as it may take."""
    bench.supervisor.start([bench.spec("deaf", "sh", "-c", "trap '' TERM; sleep 60", stop_within=0.3)])
    await bench.supervisor.settled()
    await asyncio.sleep(0.1)
    began = time.monotonic()
    await bench.supervisor.stop()
    assert 0.2 < time.monotonic() - began < 3


def test_processes_that_wait_for_one_another_are_refused() -> None:
    """For ever is too long."""
    specs = {
        name: Process(ProcessSpec(name=name, command=("x",), cwd=Path(), log=Path(), depends_on=(other,)), print)
        for name, other in (("a", "b"), ("b", "a"))
    }
    with pytest.raises(ValueError, match="a -> b -> a: wait for one another"):
        supervisor._refuse_circles(specs)  # noqa: SLF001 - a fault of ours, which no public way leads to


KILLED = """
import os, signal, subprocess, sys, time
from pathlib import Path
from fairway.local.run_folder import RunFolder
from fairway.local.state import Register
folder = Path(sys.argv[1])
with Register(RunFolder(folder)) as register:
    child = subprocess.Popen(["sh", "-c", "sleep 60 & echo $! > pid; wait"], cwd=folder, start_new_session=True)
    register.add(child.pid)
    if sys.argv[2:]:
        register._keeper.kill()
    while not (folder / "pid").exists() or not (folder / "pid").read_text().strip():
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def run_killed(folder: Path, *more: str) -> int:
    """Run a supervisor that is killed, and give the number of its child's child."""
    done = subprocess.run([sys.executable, "-c", KILLED, str(folder), *more], check=False)
    assert done.returncode == -signal.SIGKILL
    return int((folder / "pid").read_text())


def test_a_killed_supervisor_leaves_nothing_behind(tmp_path: Path) -> None:
    """The keeper ends what it had started, children of children as well."""
    pid = run_killed(tmp_path)
    RunFolder(tmp_path).sockets.rmdir()
    end = time.monotonic() + 5
    while not gone(pid):
        assert time.monotonic() < end, "it still runs"
        time.sleep(0.02)


def test_what_even_the_keeper_could_not_end_the_next_start_does(tmp_path: Path) -> None:
    """By number and time of birth: a stranger with the same number is left alone."""
    pid = run_killed(tmp_path, "and its keeper")
    assert not gone(pid)
    register = Register(RunFolder(tmp_path))
    assert register.clean() == 1
    RunFolder(tmp_path).sockets.rmdir()
    assert gone(pid)
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as stranger:
        assert keeper.end_groups({stranger.pid: "another time"}) == 0
        assert stranger.poll() is None
        stranger.kill()


def test_a_log_that_grew_long_begins_anew_under_the_hands_of_its_writer(tmp_path: Path) -> None:
    """Nothing is lost but what is older than the one before."""
    log = tmp_path / "a.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"x" * 100)
        shorten(log, 99)
        writer.write(b"y")
    assert (log.read_bytes(), (tmp_path / "a.log.1").read_bytes()) == (b"y", b"x" * 100)


async def test_a_port_is_asked_whether_anybody_listens(tmp_path: Path) -> None:
    """Also on a socket that is not there."""
    assert await listens(f"unix:{tmp_path}/nobody")() == f"does not listen at unix:{tmp_path}/nobody"
