"""A new system begins with one command."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from fairway.cli import main


def test_what_is_written_can_be_planned_and_leaves_nothing_open(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first minute of a new user."""
    folder = tmp_path / "Corner Shop 2"
    assert main(["init", str(folder)]) == 0
    assert "fairway plan" in capsys.readouterr().out
    assert "system: corner-shop\n" in (folder / "fairway.yaml").read_text()
    assert main(["plan", str(folder)]) == 0
    assert "Nothing: every question is answered, nothing is owed." in capsys.readouterr().out


def test_facts_that_are_there_are_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and the file is as it was."""
    facts = tmp_path / "fairway.yaml"
    facts.write_text("system: mine\n")
    assert main(["init", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"{facts}: is there already.")
    assert facts.read_text() == "system: mine\n"


def test_a_folder_that_is_a_file_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No traceback."""
    (tmp_path / "file").write_text("")
    assert main(["init", str(tmp_path / "file")]) == 2
    assert "is there already" in capsys.readouterr().err


def test_a_folder_whose_name_is_no_name_gets_one(tmp_path: Path) -> None:
    """The facts are sound whatever the folder is called."""
    assert main(["init", str(tmp_path / "123")]) == 0
    assert "system: my-system\n" in (tmp_path / "123" / "fairway.yaml").read_text()


def test_a_full_disk_leaves_no_half_of_a_file(tmp_path: Path) -> None:
    """It would be taken for the user's own by the next try."""
    command = [sys.executable, "-m", "fairway", "init", "shop"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)),
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.endswith("Name a folder that can be written.\n")
    assert not (tmp_path / "shop" / "fairway.yaml").exists()


def test_the_command_to_go_on_with_can_be_copied(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder's name may hold a space."""
    folder = tmp_path / "my shop"
    assert main(["init", str(folder)]) == 0
    assert capsys.readouterr().out.endswith(f"Now: fairway plan '{folder}'\n")
