"""The ports of a system: kept from run to run, and never given to two systems that start at once."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from fairway.local.console.process import Console
from fairway.local.run_folder import RunFolder
from fairway.local.state import Ports, is_free
from fairway.local.telemetry.settings import Shown

TAKES = "import sys; from pathlib import Path; from fairway.local.run_folder import RunFolder; "
TAKES += "from fairway.local.state import Ports; ports = Ports(RunFolder(Path(sys.argv[1]))); "
TAKES += "print(ports.first_from(int(sys.argv[2])), flush=True); sys.stdin.read()"


def run_of(folder: Path) -> RunFolder:
    """Make a system's folder."""
    folder.mkdir()
    return RunFolder(folder)


@pytest.fixture
def first() -> int:
    """Give a port that is free, and whose next ones most likely are."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port if port < 65000 else port - 1000


def test_a_port_that_another_system_has_chosen_is_not_chosen_though_nobody_listens_on_it_yet(
    tmp_path: Path, first: int
) -> None:
    """As where two start at once; and it is free again once the other has ended, however it did."""
    one = Ports(run_of(tmp_path / "one"))
    (tmp_path / "other").mkdir()
    words = [sys.executable, "-c", TAKES, str(tmp_path / "other"), str(first)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        theirs = int(other.stdout.readline())
        assert is_free(theirs)
        assert one.first_from(first) > theirs
        other.kill()
        other.wait()
    assert one.first_from(first) == theirs


def test_a_name_whose_port_another_system_holds_gets_another(tmp_path: Path) -> None:
    """Its port of the last time is in its folder, and was free between the two runs."""
    run = run_of(tmp_path / "one")
    port = Ports(run)("gate")
    other = Ports(run_of(tmp_path / "other"))
    assert other.first_from(port) == port
    assert Ports(run)("gate") != port


async def test_a_console_whose_port_was_taken_since_says_where_it_is_instead(tmp_path: Path) -> None:
    """Whoever took it did so between the choice and the start, or while the console was down."""
    run = run_of(tmp_path / "one")
    console = Console(run, Ports(run))
    port = int(console.url.rpartition("/?")[0].rpartition(":")[2])
    spec = console.spec(system="one", traffic={}, placed=(), outside=(), proxies={}, shown=Shown())
    assert spec.prepare is not None
    await spec.prepare()
    assert (console.notes, f":{port}/" in console.url) == ([], True)
    with socket.create_server(("127.0.0.1", port)):
        await spec.prepare()
    assert f":{port}/" not in console.url
    assert console.notes[0].endswith(f"another program has taken {port}.")
    now = console.url.removeprefix("http://").rpartition("/?")[0]
    assert f'"listen":"{now}"' in run.config("console.json").read_text()
    run.remove_sockets()
