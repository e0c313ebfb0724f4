"""Progress is told to a person who waits, and to nobody else."""

import sys
from time import sleep

import pytest

from fairway.verbs import progress


class Terminal:
    """Standard error on a terminal."""

    said = ""

    def isatty(self) -> bool:
        """Say that a person looks on."""
        return True

    def write(self, text: str) -> int:
        """Keep what is said."""
        self.said += text
        return len(text)

    def flush(self) -> None:
        """Do nothing: all is kept."""


def test_long_work_is_counted_on_a_terminal_and_the_line_is_cleared(monkeypatch: pytest.MonkeyPatch) -> None:
    """The items go through unchanged."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(progress, "QUIET", 0.01)
    done = []
    for item in progress.counted(range(3), "writing file"):
        sleep(0.02)
        done.append(item)
    assert done == [0, 1, 2]
    assert "\rwriting file 2" in terminal.said
    assert terminal.said.endswith("\r\033[K")


def test_short_work_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flicker would only distract."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert list(progress.counted(range(3), "writing file")) == [0, 1, 2]
    assert terminal.said == ""


def test_nothing_is_said_where_nobody_looks_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Logs of pipelines stay clean."""
    monkeypatch.setattr(progress, "QUIET", 0)
    assert list(progress.counted(range(3), "writing file")) == [0, 1, 2]
    assert capsys.readouterr().err == ""
