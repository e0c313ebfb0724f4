"""What may happen to a system while it is up: programs that hang, crash, are missing; full disks; other users."""

import contextlib
import os
import pty
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest
from local_system import System, alive, until
from test_up import FACTS, write

from fairway.local.run_folder import RunFolder

LIVES = """
system: lives
owners: { lives: lives@example.com }
environments: { production: { domain: lives.example.com } }
identity-providers: { people: { issuer: "https://id.example.com" } }
services:
  moody:
    capability: Being well or not
    exposure: external
    anonymous-routes: [GET /]
    run: { command: [python, moody.py], ready: /readyz, live: /livez }
  broken:
    capability: Breaking at once
    run: { command: [sh, -c, "echo no money left; exit 3"], folder: "." }
    code: services/moody
  absent:
    capability: Not being on this machine
    run: { command: [no-such-program] }
    code: services/moody
  nightly:
    capability: Doing what nobody waits for
    runs: to-completion
    run: { command: [sh, -c, "echo done"] }
    code: services/moody
"""
MOODY = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        down = self.path == "/readyz" and os.path.exists("unready")
        body = b'{"reasons": {"mood": "is bad"}}' if down else b"{}"
        self.send_response(503 if down else 200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""
NOBODY = 65534


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Give a system in which not all is well."""
    folder = tmp_path_factory.mktemp("lives")
    (folder / "services" / "moody").mkdir(parents=True)
    (folder / "services" / "moody" / "moody.py").write_text(MOODY)
    (folder / "fairway.yaml").write_text(LIVES)
    system = System(folder)
    try:
        done = system.run("up", "--detach", "--no-console", check=False)
        assert done.returncode == 1
        assert "lives is up after" in done.stdout
        assert ", but not all of it:" in done.stdout
        yield system
    finally:
        system.run("down", check=False)
    assert system.nothing_is_left()


def test_a_program_that_breaks_again_and_again_is_shown_with_its_reason_and_its_pause(lives: System) -> None:
    """It is waited for no longer than it takes to see that."""
    broken = lives.process("broken-0")
    assert broken["state"] == "crashed"
    assert broken["reason"].startswith("ended with code 3: no money left; starts again in ")
    assert "! broken-0" in lives.run("status", check=False).stdout


def test_a_program_that_is_not_on_the_machine_is_named(lives: System) -> None:
    """And not tried again until somebody asks."""
    absent = lives.process("absent-0")
    assert (absent["state"], absent["restarts"]) == ("failed", 0)
    assert absent["reason"] == "no-such-program: No such file or directory"


def test_what_runs_to_completion_without_a_time_runs_once_at_the_start(lives: System) -> None:
    """As a Job does in a cluster."""
    assert lives.process("nightly")["reason"].startswith("ended well after ")


def test_one_that_is_not_ready_gets_no_requests_and_is_not_started_anew(lives: System) -> None:
    """Its reason is shown; when it is ready again it gets them again."""
    pid = lives.process("moody-0")["pid"]
    unready = lives.folder / "services" / "moody" / "unready"
    unready.touch()
    until(lambda: lives.ask("/moody/")[0] == 503)
    until(lambda: lives.process("moody-0")["state"] == "not-ready")
    assert lives.process("moody-0")["reason"] == "mood: is bad"
    unready.unlink()
    until(lambda: lives.ask("/moody/")[0] == 200)
    until(lambda: lives.process("moody-0")["state"] == "ready")
    assert lives.process("moody-0")["pid"] == pid


def test_one_that_hangs_is_found_and_started_anew(lives: System) -> None:
    """Though it still listens: the kernel takes connections for it."""
    pid = lives.process("moody-0")["pid"]
    os.kill(pid, signal.SIGSTOP)
    until(lambda: lives.process("moody-0")["pid"] not in {0, pid})
    until(lambda: lives.ask("/moody/")[0] == 200)
    log = RunFolder(lives.folder).log("up").read_text()
    assert "moody-0 is crashed: hung: gave no answer within 2 s, 3 times in a row" in log


def test_data_is_deleted_only_where_a_person_says_so(tmp_path: Path) -> None:
    """In a terminal it asks; anything but `yes` changes nothing."""
    (tmp_path / "fairway.yaml").write_text(LIVES)
    RunFolder(tmp_path).log("orders").touch()
    assert _said_at_a_terminal(tmp_path, "no").endswith("Nothing was deleted, and nothing was ended.\r\n")
    assert (tmp_path / ".fairway" / "logs" / "orders.log").exists()
    assert "is deleted." in _said_at_a_terminal(tmp_path, "yes")
    assert not (tmp_path / ".fairway").exists()


def _said_at_a_terminal(folder: Path, word: str) -> str:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "fairway", "down", "--delete-data"]
    with subprocess.Popen(command, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        os.write(ours, f"{word}\n".encode())
        said = b""
        with contextlib.suppress(OSError):  # how Linux says that nobody is at the other end any more
            while more := os.read(ours, 4096):
                said += more
    os.close(ours)
    assert process.returncode in {0, 2}
    return said.decode()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes a small disk")
def test_a_full_disk_is_named(tmp_path: Path) -> None:
    """With the file that found no room, and no traceback."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "small", tmp_path], check=False)
    if mounted.returncode:
        pytest.skip("mount: is not allowed here")
    try:
        system = write(tmp_path, FACTS)
        with (tmp_path / "fill").open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(b"x" * 4096):
                pass
        done = system.run("up", check=False)
        assert done.returncode == 2
        assert str(tmp_path / ".fairway") in done.stderr
        assert done.stderr.endswith(": No space left on device. Mend this and try again.\n")
    finally:
        subprocess.run(["umount", tmp_path], check=True)


@pytest.fixture
def home() -> Iterator[Path]:
    """Give nobody a folder; those of pytest are root's alone."""
    folder = Path(mkdtemp(prefix="fairway-nobody-"))
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="only root becomes somebody else")
def test_it_runs_for_a_user_who_may_do_nothing(home: Path) -> None:
    """Stores, proxies and all; as root every other test has run it."""
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    become = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    for python in (sys.executable, "/usr/bin/python3"):  # the one in use may be in a folder of root's own
        asked = "import os, sys; os.execv(sys.executable, [sys.executable, '-c', 'import fairway, msgspec'])"
        if not subprocess.run([*become, python, "-c", asked], check=False, env=env, capture_output=True).returncode:
            break
    else:
        pytest.skip(f"{sys.executable}: is not for other users")
    write(home, FACTS)
    subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", home], check=True)
    system = System(home, [*become, python], env)
    try:
        system.run("up", "--detach", "--no-console", "--only", "greeter,clock")
        assert system.ask("/greeter/hello") == (200, b'{"says":"hello"}')
        token = system.run("token", "--user", "ann").stdout.strip()
        visit = system.ask("/greeter/visits", method="POST", authorization=f"Bearer {token}")
        assert visit == (200, b'{"visits":1}')
        assert {Path(f"/proc/{pid}").stat().st_uid for pid in system.pids} == {NOBODY}
    finally:
        system.run("down", check=False)
    assert not any(alive(pid) for pid in system.pids)
