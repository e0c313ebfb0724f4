"""The command of a service's own code finds the service, or says what is not there."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from fairway_sdk.__main__ import command_modules, load, logs_aside, main
from fairway_sdk.errors import SetupError
from fairway_sdk.telemetry.output import output

MODULE = '''
"""A shop."""

from fairway_sdk import Service

service = Service("shop")
silent = Service("silent")
other = 5

@service.get("/items/{number}")
async def item(number: int) -> str:
    """Give an item."""
    return "x"
'''


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Stand in a folder with a service's module, under a name of the test's own; give that name."""
    name = f"shop_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    (tmp_path / f"{name}_broken.py").write_text("import nothing_of_that_name\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(output, "aside", output.aside)
    yield name
    structlog.reset_defaults()


def test_the_interface_is_printed_without_a_deployment(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    """No binding is read: this runs where images are built."""
    assert main(["openapi", f"{shop}:service"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["info"]["title"] == "shop"
    assert "/items/{number}" in document["paths"]


def test_a_commands_log_stays_out_of_its_output(capsys: pytest.CaptureFixture[str]) -> None:
    """A program may read the output; what comes after the command is logged as before."""
    with logs_aside():
        structlog.get_logger("fairway").warning("a line of the log")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "a line of the log" in captured.err
    structlog.get_logger("fairway").warning("another line")
    assert "another line" in capsys.readouterr().out


def test_the_command_is_a_module_that_runs(shop: str) -> None:
    """As a user types it, with the folder they stand in importable."""
    command = [sys.executable, "-m", "fairway_sdk", "openapi", f"{shop}:service"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["openapi"].startswith("3.")
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        ("shop", "shop: does not say where the service is. Write MODULE:NAME"),
        ("{shop}:", "does not say where the service is"),
        ("no.such:service", "there is no module 'no'"),
        ("{shop}.deeper:service", "there is no module '{shop}.deeper'"),
        ("{shop}:servce", "module '{shop}' has no 'servce'. Did you mean 'service'?"),
        ("{shop}:zzz", "module '{shop}' has no 'zzz'. It has service, silent."),
        ("{shop}:other", "is no Service but int. It has service, silent."),
    ],
)
def test_what_is_not_there_is_said(shop: str, where: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A sentence with what to do, code 2, and no traceback."""
    assert main(["openapi", where.format(shop=shop)]) == 2
    told = capsys.readouterr().err
    assert sentence.format(shop=shop) in told
    assert "Traceback" not in told


def test_a_module_that_cannot_be_imported_shows_why(shop: str) -> None:
    """What its author forgot to install is the author's to see, with its place."""
    with pytest.raises(ModuleNotFoundError, match="nothing_of_that_name"):
        load(f"{shop}_broken:service")


def test_a_service_without_rest_has_no_interface(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It says so instead of printing an empty one."""
    assert main(["openapi", f"{shop}:silent"]) == 2
    assert "silent: answers no REST" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [[], ["openapi"], ["run", "--fast"], ["fly", "shop:service"], ["openapi", "a:b", "c"]]
)
def test_a_wrong_command_line_is_told_how_it_should_be(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """As argparse does: usage, what is wrong, code 2."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "usage: python -m fairway_sdk" in capsys.readouterr().err


def test_a_fault_of_the_placement_is_a_setup_error(shop: str) -> None:
    """So that other programs may catch it."""
    with pytest.raises(SetupError):
        load(f"{shop}:missing")


def test_every_room_that_brings_commands_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """Help names them; none hides because its module does not load."""
    assert "fairway_sdk.sagas.command" in command_modules()
    with pytest.raises(SystemExit):
        main(["--help"])
    told = capsys.readouterr().out.split()
    assert {"run", "openapi", "migrate", "saga", "dead-letters", "person", "retention"} <= set(told)
