"""Lines to paste begin with what started Fairway, and name the system as it is seen from here."""

import sys
from pathlib import Path

import pytest

from fairway.verbs import invocation


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a program in a folder, from which somebody works."""
    program = tmp_path / ".venv" / "bin" / "fairway"
    program.parent.mkdir(parents=True)
    program.touch(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin")
    return program


def test_it_is_written_as_it_was_started(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a path that is not on PATH, by its name, or by Python."""
    monkeypatch.setattr(sys, "argv", [".venv/bin/fairway", "up"])
    assert invocation.fairway() == ".venv/bin/fairway"
    monkeypatch.setattr(sys, "argv", [str(installed), "up"])
    monkeypatch.setenv("PATH", str(installed.parent))
    assert invocation.fairway() == "fairway"
    monkeypatch.setattr(sys, "argv", ["/a/fairway/__main__.py", "up"])
    assert invocation.fairway() == f"{sys.executable} -m fairway"


def test_a_system_is_named_as_it_is_seen_from_here(installed: Path) -> None:
    """Never so that it could be taken for a service, and in full where it is not below."""
    here = installed.parents[2]
    assert invocation.system(here) == "."
    assert invocation.system(here / "shop") == "./shop"
    assert invocation.system(here / "examples" / "my shop") == "'examples/my shop'"
    assert invocation.system(here.parent) == str(here.parent)
