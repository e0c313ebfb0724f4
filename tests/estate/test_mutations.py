"""Random damage to real files: whatever an audit reads, it ends in a report that is sound in every form.

scripts/damaged_estates.py runs many more, and makes one anew by its number.
"""

import subprocess
import sys
from pathlib import Path

import pytest
from damage import REPOSITORY, damaged, families
from damage_judged import faults, lines

ROUNDS = 300
BLOCK = 50
SCRIPT = REPOSITORY / "scripts" / "damaged_estates.py"


@pytest.mark.parametrize("first", range(0, ROUNDS, BLOCK))
def test_a_damaged_estate_is_audited_to_the_end(tmp_path: Path, first: int) -> None:
    """No crash, no line past the end of its file, every report valid; the same at every run."""
    broken = {number: found for number in range(first, first + BLOCK) if (found := faults(number, tmp_path / "estate"))}
    assert broken == {}


def test_the_damage_is_real_and_the_same_at_every_run() -> None:
    """Of every kind of file some are changed, and a number names one estate for ever."""
    assert damaged(7) == damaged(7) != damaged(8)
    sound = {original.path: original.text.encode() for family in families() for original in family}
    made = [(path, data) for number in range(60) for path, data in damaged(number).items()]
    for sign in ("Dockerfile", "kustomization", "pipelines/", ".yaml"):
        assert any(sign in path and data != sound.get(path) for path, data in made), sign


@pytest.mark.parametrize(("data", "count"), [(b"", 1), (b"a", 1), (b"a\nb\r\nc\rd", 4), (b"a\n", 2)])
def test_lines_are_counted_as_editors_do(data: bytes, count: int) -> None:
    """The measure by which a line is past the end."""
    assert lines(data) == count


def test_the_script_runs_many_and_makes_one_anew(tmp_path: Path) -> None:
    """What it says is what one needs to see a fault again."""
    ran = subprocess.run([sys.executable, SCRIPT, "--count", "3"], check=True, capture_output=True, text=True)
    assert ran.stdout.startswith("3 estates from number 0 in ")
    assert " each: 0 broken\n" in ran.stdout
    subprocess.run([sys.executable, SCRIPT, "--first", "2", "--keep", tmp_path / "kept"], check=True)
    kept = {
        str(path.relative_to(tmp_path / "kept")): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()
    }
    assert kept == damaged(2)
