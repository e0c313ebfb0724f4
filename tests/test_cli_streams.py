"""The command line keeps its word whatever it writes to: a narrow alphabet, a full disk, a closed or broken pipe."""

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BOOKSHOP = str(ROOT / "examples" / "bookshop")
NARROW = ({"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"})


def shell(
    command: str, environment: dict[str, str] | None = None, cwd: Path = ROOT
) -> subprocess.CompletedProcess[bytes]:
    """Run a line of shell in which `fairway` is the command line."""
    whole = f"set -o pipefail; fairway() {{ '{sys.executable}' -m fairway \"$@\"; }}; {command}"
    return subprocess.run(
        ["bash", "-c", whole],
        cwd=cwd,
        env=os.environ | (environment or {}),
        capture_output=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("environment", NARROW)
def test_a_terminal_without_the_signs_gets_the_nearest(environment: dict[str, str]) -> None:
    """Lines and arrows become plain; every column stays where it is."""
    rich, plain = shell(f"fairway plan --full '{BOOKSHOP}'"), shell(f"fairway plan --full '{BOOKSHOP}'", environment)
    assert (plain.returncode, plain.stderr) == (0, b"")
    assert b"> jump to routing" in plain.stdout
    assert b"?" not in plain.stdout
    assert [len(line) for line in plain.stdout.decode("ascii").splitlines()] == [
        len(line) for line in rich.stdout.decode().splitlines()
    ]


@pytest.mark.parametrize("environment", NARROW)
def test_json_and_svg_are_utf_8_on_every_terminal(environment: dict[str, str], tmp_path: Path) -> None:
    """What a program reads may not depend on who wrote it where."""
    for command in (f"plan --format svg '{BOOKSHOP}'", f"plan --format json '{BOOKSHOP}'", "schema"):
        assert shell(f"fairway {command}", environment).stdout == shell(f"fairway {command}").stdout
    ET.fromstring(shell(f"fairway plan --format svg '{BOOKSHOP}'", environment).stdout)  # noqa: S314 - our own
    done = shell("fairway init är; fairway build är --format json", environment, tmp_path)
    assert json.loads(done.stdout.partition(b"\n")[2])["written"] is True


def test_json_is_json_where_a_name_is_no_text(tmp_path: Path) -> None:
    """A file's name may be any bytes; JSON holds text only."""
    done = shell("fairway init $'b\\xff' >&2; fairway build $'b\\xff' --format json", cwd=tmp_path)
    assert json.loads(done.stdout)["root"] == "b?/deploy"
    assert os.path.isfile(os.fsencode(tmp_path) + b"/b\xff/deploy/fairway.lock")  # noqa: PTH113 - bytes, not text


@pytest.mark.parametrize("command", [f"plan '{BOOKSHOP}'", "rules", "schema", f"plan --format json '{BOOKSHOP}'"])
def test_a_full_disk_under_the_output_is_a_sentence(command: str) -> None:
    """With the code for what cannot be done, and no traceback."""
    done = shell(f"fairway {command} > /dev/full")
    assert done.returncode == 2
    assert done.stderr == b"standard output: No space left on device. Mend this and try again.\n"


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&- <&-"])
def test_a_closed_stream_changes_no_exit_code(closed: str) -> None:
    """Schedulers start programs so."""
    assert shell(f"fairway plan '{BOOKSHOP}' {closed}").returncode == 0
    assert shell(f"fairway plan nowhere {closed}").returncode == 2
    assert shell(f"fairway plan --colour {closed}").returncode == 2


def test_words_that_cannot_be_said_change_no_exit_code() -> None:
    """The code is what a script reads."""
    assert shell("fairway plan nowhere 2> /dev/full").returncode == 2
    assert shell("fairway plan --colour 2> /dev/full").returncode == 2


def test_an_audit_cut_short_does_not_pass_for_clean() -> None:
    """`set -o pipefail` looks at the code of what was cut off."""
    done = shell(f"fairway plan --full '{BOOKSHOP}' | true")
    assert done.returncode == 128 + 13
    assert done.stderr == b""


def test_a_folder_that_is_gone_is_a_sentence(tmp_path: Path) -> None:
    """Another terminal may remove it."""
    for command in ("check", "init"):
        done = shell(f"mkdir gone; cd gone; rmdir ../gone; fairway {command}", cwd=tmp_path)
        assert done.returncode == 2
        assert done.stderr == b"the current folder: No such file or directory. Mend this and try again.\n"


def test_nothing_depends_on_the_seed_of_hashes_or_on_warnings() -> None:
    """The same facts give the same words, and no warning of Python's is left."""
    strict = {"PYTHONWARNINGS": "error", "PYTHONDEVMODE": "1"}
    for command in (f"plan --full '{BOOKSHOP}'", f"plan --format json '{BOOKSHOP}'", "rules --format json"):
        told = {shell(f"fairway {command}", strict | {"PYTHONHASHSEED": seed}).stdout for seed in ("0", "1", "4711")}
        assert len(told) == 1
        assert told != {b""}
