"""The workshop keeps its promises: tracked files, two distributions, the lock, the make targets, the CI script."""

import importlib.metadata
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
LONGEST = 400
LONG_BECAUSE = "# Long because"
# A letter in brackets in each, so that this file does not hold what it looks for.
REGISTRIES = (
    r"p[y]pi\.org|python[h]osted\.org|npm[j]s\.org|yarn[p]kg\.com|crate[s]\.io"
    r"|proxy\.go[l]ang\.org|deb\.[d]ebian\.org|ruby[g]ems\.org|repo\.[m]aven\.apache\.org"
)
UNWANTED = {
    "a package registry's host": re.compile(rf"\b({REGISTRIES})\b"),
    "a path of one person's machine": re.compile(
        r"(?<![\w.~-])/((work|root|Users)/|home/(?!app|nonroot))\w|\.py[e]nv/"
    ),
    "a file beside the repository": re.compile(r"share[d]/(notes|prototypes|DESIGN|STANDARD)|SOURC[E]\.txt"),
    "an unfinished merge": re.compile("^(<{7}|>{7})( |$)", re.MULTILINE),
    "a private key": re.compile("BEGIN [A-Z ]*PRIVATE [K]EY"),
    "a carriage return": re.compile("\r"),
}


def project_files() -> list[Path]:
    """List every file that is tracked or about to be; without git, every file but those that commands leave behind."""
    if not (ROOT / ".git").exists():
        return sorted(walk())
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:  # git refuses a checkout that belongs to somebody else
        return sorted(walk())
    return [path for name in sorted(listed.stdout.split("\0")) if (path := ROOT / name).is_file()]


def walk() -> Iterator[Path]:
    """Go through the folders and leave out what .gitignore names."""
    patterns = ["/.git", *(line.rstrip("/") for line in (ROOT / ".gitignore").read_text().split())]
    for parent, folders, files in os.walk(ROOT):
        for name in [*folders, *files]:
            path = Path(parent, name)
            place = f"/{path.relative_to(ROOT).as_posix()}"
            if any(fnmatch(place if pattern.startswith("/") else name, pattern) for pattern in patterns):
                folders[:] = [folder for folder in folders if folder != name]
            elif name in files:
                yield path


def text_of(path: Path) -> str | None:
    """Read a text file with its line ends as they are; None when it holds something else than text."""
    data = path.read_bytes()
    try:
        return None if b"\0" in data else data.decode()
    except UnicodeDecodeError:
        return None


def project_table(folder: Path) -> dict[str, object]:
    """Read the [project] table of a distribution."""
    table: dict[str, object] = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    return table


def test_no_file_holds_what_belongs_to_one_machine() -> None:
    """A clone works and reads the same anywhere: no registry, no personal path, no half merge, no key."""
    found = [
        f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}: holds {what}, {match[0]!r}. Remove it."
        for path in project_files()
        if (text := text_of(path)) is not None
        for what, pattern in UNWANTED.items()
        for match in pattern.finditer(text)
    ]
    assert not found, "\n".join(found)


def test_a_long_python_file_says_why() -> None:
    """No file is over 400 lines, unless a line near its top starts with the marker and gives the reason."""
    found = [
        f"{path.relative_to(ROOT)}: has {len(lines)} lines. Split it, or say '{LONG_BECAUSE} ...' near its top."
        for path in project_files()
        if path.suffix == ".py"
        and len(lines := path.read_text().splitlines()) > LONGEST
        and not any(line.startswith(LONG_BECAUSE) for line in lines[:20])
    ]
    assert not found, "\n".join(found)


def test_without_git_the_same_files_are_looked_at() -> None:
    """An unpacked archive is checked like a clone: the walk finds every tracked file."""
    if not (ROOT / ".git").exists():
        pytest.skip("no git here to compare with")
    walked = set(walk())
    assert [path for path in project_files() if path not in walked] == []


def test_the_two_distributions_are_one_version() -> None:
    """Generator and run time share a contract: the four places that state a version agree, and one pins the other."""
    import fairway  # noqa: PLC0415 - a broken package fails this test, not the whole file
    import fairway_sdk  # noqa: PLC0415 - likewise

    tool, sdk = project_table(ROOT), project_table(ROOT / "sdk")
    assert {fairway.__version__, fairway_sdk.__version__, tool["version"]} == {sdk["version"]}
    assert isinstance(tool["dependencies"], list)
    assert f"fairway-sdk=={sdk['version']}" in tool["dependencies"]
    assert tool["requires-python"] == sdk["requires-python"]


def test_both_distributions_carry_the_licence() -> None:
    """Each is published by itself, so each has the text, and it is the same text."""
    assert (ROOT / "LICENSE").read_bytes() == (ROOT / "sdk/LICENSE").read_bytes()


def test_an_editable_install_is_a_plain_path() -> None:
    """An import hook would run at the start of every command; a line with a folder only lengthens the search path."""
    for name in ("fairway", "fairway-sdk"):
        installed = importlib.metadata.distributions(name=name)
        paths = [file for one in installed for file in one.files or [] if file.suffix == ".pth"]
        lines = [line for path in paths for line in path.read_text().splitlines()]
        if not lines:
            pytest.skip(f"{name} is not installed as editable")
        assert all(Path(line).is_dir() for line in lines), lines


def test_the_lock_satisfies_everything_the_project_asks_for() -> None:
    """A dependency added to pyproject.toml without `make lock` is found here, not on somebody's machine."""
    locked = {name.lower(): version for name, version in re.findall(r"^([\w.-]+)==([\w.]+)", lock_text(), re.MULTILINE)}
    document = tomllib.loads((ROOT / "pyproject.toml").read_text())
    sdk = tomllib.loads((ROOT / "sdk/pyproject.toml").read_text())
    asked = [
        *document["project"]["dependencies"],
        *sdk["project"]["dependencies"],
        *(wanted for extra in sdk["project"]["optional-dependencies"].values() for wanted in extra),
        *document["dependency-groups"]["dev"],
        *document["project"]["optional-dependencies"]["local"],
    ]
    missing = [
        str(wanted)
        for wanted in map(Requirement, asked)
        if wanted.name != "fairway-sdk" and not wanted.specifier.contains(locked.get(wanted.name.lower(), "0"))
    ]
    assert not missing, f"requirements.lock lacks {missing}. Run: make lock"


def test_the_lock_is_exact_and_holds_no_address() -> None:
    """Every package has one version and a hash; where it comes from is the business of whoever installs."""
    entries = re.split(r"\n(?=\w)", lock_text().split("\n", 2)[2])
    assert len(entries) > 10
    for entry in entries:
        assert re.match(r"[\w.-]+==[\w.]+ (; [^\n]+ )?\\\n( +--hash=sha256:[0-9a-f]{64}( \\)?\n)+", entry), entry
    assert not re.search(r"://|--(extra-)?index|--find-links| @ ", lock_text())


def lock_text() -> str:
    """Read the lock."""
    return (ROOT / "requirements.lock").read_text()


def readme_commands() -> str:
    """Read what the fenced shell blocks of the README tell a reader to type; skip the test while there is none."""
    path = ROOT / "README.md"
    text = path.read_text() if path.exists() else ""
    blocks = re.findall(r"^```(?:sh|shell|bash|console)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    if not blocks:
        pytest.skip("the README has no commands yet")
    return "\n".join(line.split(" #")[0] for block in blocks for line in block.splitlines())


def test_every_file_in_a_readme_command_exists() -> None:
    """A reader who types a command of the README finds the file or folder it names; what it writes is left out."""
    commands = re.sub(r"(?:-o|--output|>)[ =]*\S+", "", readme_commands())
    named = set(re.findall(r"(?<![\w./-])(?:benchmarks|scripts|examples|docs|tests|sdk|src|\.ci)/[\w./-]+", commands))
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_every_make_target_in_the_readme_exists() -> None:
    """A reader who types a make command of the README gets a target."""
    named = set(re.findall(r"\bmake ([a-z]+)", readme_commands()))
    assert named <= set(make_targets())


def make_targets() -> list[str]:
    """Read the targets a user may name."""
    declared = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert declared
    return [name for name in declared[1].split() if name != "FORCE"]


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make on a copy of the Makefile, so that no test installs anything; options of an outer make stay outside."""
    shutil.copy(ROOT / "Makefile", folder)
    environment = {
        name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MFLAGS", "MAKELEVEL"}
    }
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def program(path: Path, text: str) -> None:
    """Write a shell script that can be run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def locked_project(folder: Path) -> Path:
    """Fill a folder with what the environment is made from."""
    projects = ("pyproject.toml", "sdk/pyproject.toml", "examples/bookshop/protos/pyproject.toml")
    for name in ("requirements.lock", *projects):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def test_make_alone_lists_every_target(tmp_path: Path) -> None:
    """Whoever types `make` sees each target with a line about it, and nothing is installed."""
    listed = re.findall(r"^  make ([a-z-]+) +\S", make(tmp_path).stdout, re.MULTILINE)
    assert sorted(listed) == sorted(make_targets())


def test_make_install_refuses_an_old_python_with_a_sentence(tmp_path: Path) -> None:
    """A Python that says it is 3.9 stops the install at once, with what to do."""
    program(tmp_path / "old", "echo 3.9; exit 1")
    run = make(locked_project(tmp_path), "install", "PYTHON=./old")
    assert run.returncode == 2
    assert run.stderr.startswith(
        "./old: is Python 3.9; Fairway needs 3.11 or newer. Name a newer one: make install PYTHON="
    )
    assert not (tmp_path / ".venv").exists()


def test_make_install_says_when_there_is_no_python(tmp_path: Path) -> None:
    """A name that leads nowhere gives the same kind of sentence, not a shell's error."""
    run = make(locked_project(tmp_path), "install", "PYTHON=no-such-python")
    assert run.stderr.startswith("no-such-python: does not run. Install Python 3.11 or newer")


def test_make_install_says_which_package_brings_venv(tmp_path: Path) -> None:
    """Debian leaves ensurepip out of its python3; the sentence names what to install."""
    program(tmp_path / "debian", 'case "$2" in *ensurepip*) exit 1;; *) echo 3.11;; esac')
    run = make(locked_project(tmp_path), "install", "PYTHON=./debian")
    assert run.stderr.startswith("./debian: has no venv or ensurepip. On Debian and Ubuntu: apt install python3-venv")


def installed_project(folder: Path, place: str) -> Path:
    """Fill a folder with an environment that says it is installed at the place; its checkers all fail."""
    locked_project(folder)
    for name in ("ruff", "mypy", "lint-imports"):
        program(folder / ".venv/bin" / name, f'echo "ran {name} $*"; exit 1')
    (folder / ".venv/installed").write_text(place + "\n")
    return folder


def test_make_check_runs_every_step_though_the_first_fails(tmp_path: Path) -> None:
    """One run shows everything there is to repair, and fails."""
    run = make(installed_project(tmp_path, str(tmp_path.resolve())), "check")
    assert re.findall(r"^ran (.+?) *$", run.stdout, re.MULTILINE) == [
        "ruff check",
        "ruff format --check",
        "mypy",
        "lint-imports",
    ]
    assert run.returncode == 2
    assert "make check: failed: ruff check, ruff format --check, mypy, lint-imports" in run.stderr


def test_make_up_runs_the_bookshop_and_passes_arguments_on(tmp_path: Path) -> None:
    """`make up ARGS=--detach` is `fairway up examples/bookshop --detach`, with its exit code."""
    program(installed_project(tmp_path, str(tmp_path.resolve())) / ".venv/bin/fairway", 'echo "$@"; exit 3')
    run = make(tmp_path, "up", "ARGS=--detach")
    assert run.stdout.splitlines()[0] == "up examples/bookshop --detach"
    assert run.returncode == 2, "make's own code for a recipe that failed"


def test_a_finished_install_is_not_repeated(tmp_path: Path) -> None:
    """Nothing is asked of Python or a network while the lock and the two project files are as they were."""
    run = make(installed_project(tmp_path, str(tmp_path.resolve())), "install", "PYTHON=no-such-python")
    assert run.returncode == 0


def test_a_copied_checkout_is_installed_again(tmp_path: Path) -> None:
    """Its environment still points at the place it was copied from, so its commands would run the other code."""
    run = make(installed_project(tmp_path, "/elsewhere"), "install", "PYTHON=no-such-python")
    assert run.stderr.startswith("no-such-python: does not run.")


def test_a_path_with_spaces_is_no_obstacle_to_make(tmp_path: Path) -> None:
    """Every path in the Makefile is relative or quoted."""
    folder = tmp_path / "a b (c)"
    folder.mkdir()
    run = make(installed_project(folder, str(folder.resolve())), "check")
    assert "ran lint-imports" in run.stdout


@pytest.mark.parametrize(
    ("check", "test", "expected"), [("true", "true", 0), ("false", "true", 1), ("true", "false", 1)]
)
def test_ci_runs_checks_and_tests_and_fails_when_either_does(
    tmp_path: Path, check: str, test: str, expected: int
) -> None:
    """A failing check does not hide a failing test."""
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    (tmp_path / "Makefile").write_text(
        "install-all engine engine-stop:\n\t@true\n"
        f"check:\n\t@echo ran check; {check}\ntest:\n\t@echo ran test; {test}\n"
    )
    run = subprocess.run(["bash", ".ci/run"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == expected
    assert re.findall(r"^ran (\w+)", run.stdout, re.MULTILINE) == ["check", "test"]


def test_the_ci_script_can_be_run() -> None:
    """It has its executable bit, also after a clone."""
    assert os.access(ROOT / ".ci/run", os.X_OK)
