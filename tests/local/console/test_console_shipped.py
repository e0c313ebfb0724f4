"""Whoever installs Fairway gets the page with it."""

import subprocess
import sys
import zipfile
from pathlib import Path

from fairway.local.console.pages import FOLDER, files

ROOT = Path(__file__).parents[3]


def test_the_wheel_has_every_file_of_the_page(tmp_path: Path) -> None:
    """As it lies here."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
    inside = {f"fairway/local/console/{FOLDER.name}/{name}" for name in files()}
    assert len(inside) > 20
    assert inside <= names


def test_every_file_that_the_page_names_is_there() -> None:
    """A view that imports what is not shipped would stay empty."""
    known = set(files())
    for name, path in files().items():
        if not name.endswith(".js"):
            continue
        for line in path.read_text().splitlines():
            if line.startswith(("import ", "} from ")):
                target = (path.parent / line.rpartition(" from ")[2].strip(' ";')).resolve()
                assert target.relative_to(FOLDER).as_posix() in known, (name, line)


def test_console_settings_that_are_faulty_are_told_in_a_sentence(tmp_path: Path) -> None:
    """With the exit code that says that a restart mends nothing."""
    (tmp_path / "settings.json").write_text("{}")
    for words in (["settings.json"], ["missing.json"], []):
        command = [sys.executable, "-m", "fairway.local.console", *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        assert done.stderr.strip()
