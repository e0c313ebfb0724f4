"""A build meets odd trees, other builds and its own death: it stays inside its tree and loses nothing."""

import fcntl
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fairway.cli import main
from fairway.verbs import written_tree
from fairway.verbs.written_tree import PARTIAL

ROOT = Path(__file__).parents[2]
GREETER = "production/main/services/greeter"


@pytest.fixture
def hello(tmp_path: Path) -> Path:
    """Give the smallest example's facts in a folder of their own."""
    return shutil.copytree(ROOT / "examples" / "hello", tmp_path / "hello", ignore=shutil.ignore_patterns("deploy"))


def build(facts: Path, *options: str) -> int:
    """Build it."""
    return main(["build", str(facts), *options])


def tree(folder: Path) -> dict[str, bytes]:
    """Read all files below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def rename_service(facts: Path) -> None:
    """Change the facts, so that files go and others come."""
    file = facts / "fairway.yaml"
    file.write_text(file.read_text().replace("greeter", "welcomer"))


@pytest.mark.parametrize("option", ["--overwrite", "--check"])
def test_nothing_is_written_through_a_link_to_another_folder(
    hello: Path, tmp_path: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the user asked for: the folder behind the link is somebody else's."""
    build(hello)
    outside = tmp_path / "outside"
    shutil.move(hello / "deploy" / GREETER, outside)
    (hello / "deploy" / GREETER).symlink_to(outside)
    (outside / "deployment.yaml").unlink()
    before = tree(outside)
    assert build(hello, option) == 2
    assert "is a link, and a build writes only inside its own tree." in capsys.readouterr().err
    assert tree(outside) == before


def test_nothing_is_removed_through_a_link_to_another_folder(hello: Path, tmp_path: Path) -> None:
    """Files of the last build that are not wanted any more are taken away only where the build put them."""
    build(hello)
    outside = tmp_path / "outside"
    shutil.move(hello / "deploy" / GREETER, outside)
    (hello / "deploy" / GREETER).symlink_to(outside)
    before = tree(outside)
    rename_service(hello)
    assert build(hello) == 0
    assert tree(outside) == before


def test_a_file_replaced_by_a_link_or_a_pipe_counts_as_changed_by_hand(
    hello: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is neither waited for nor followed, and --overwrite replaces it and not what it points to."""
    build(hello)
    deployment, service = (hello / "deploy" / GREETER / name for name in ("deployment.yaml", "service.yaml"))
    outside = tmp_path / "outside.yaml"
    shutil.copy(deployment, outside)
    before = outside.read_bytes()
    deployment.unlink()
    deployment.symlink_to(outside)
    service.unlink()
    os.mkfifo(service)
    assert build(hello) == 2
    assert capsys.readouterr().err.count("was changed by hand since it was built.") == 2
    assert build(hello, "--overwrite") == 0
    assert deployment.is_file()
    assert not deployment.is_symlink()
    assert service.is_file()
    assert outside.read_bytes() == before


def test_a_file_where_a_folder_belongs_is_refused_before_anything_is_written(
    hello: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sentence names it."""
    way = hello / "deploy" / "production"
    way.parent.mkdir()
    way.write_text("mine\n")
    assert build(hello) == 2
    assert f"{way}: is a file where a folder belongs." in capsys.readouterr().err
    assert tree(hello / "deploy") == {"production": b"mine\n"}


@pytest.mark.parametrize("name", ["a\0b", "", ".", "a//b", "fairway.lock"])
def test_a_lock_that_names_what_no_build_writes_is_refused(
    hello: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A sentence, whatever the name."""
    build(hello)
    lock = hello / "deploy" / "fairway.lock"
    lock.write_text(json.dumps(json.loads(lock.read_text()) | {"files": {name: "0"}}))
    assert build(hello) == 2
    assert "which is no built file. Restore the lock." in capsys.readouterr().err


def test_a_lock_that_is_a_pipe_is_not_waited_for(hello: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is no lock."""
    build(hello)
    (hello / "deploy" / "fairway.lock").unlink()
    os.mkfifo(hello / "deploy" / "fairway.lock")
    assert build(hello) == 2
    assert "is not a lock that fairway wrote" in capsys.readouterr().err


def test_a_partial_file_is_never_written_through_a_link(hello: Path, tmp_path: Path) -> None:
    """Its name is known beforehand, so anybody may lay a link there."""
    (hello / "deploy").mkdir()
    (hello / "deploy" / PARTIAL).symlink_to(tmp_path / "victim")
    assert build(hello) == 0
    assert not (tmp_path / "victim").exists()
    assert not (hello / "deploy" / PARTIAL).is_symlink()


@pytest.mark.parametrize("wait", range(0, 14, 2))
def test_a_killed_build_is_repaired_by_the_next_even_with_other_facts(
    hello: Path, wait: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files are known as a build's, not as a hand's, and none stays that nobody wants."""
    replaced = 0
    replace = os.replace

    def die_in_time(source: str, target: str) -> None:
        nonlocal replaced
        replaced += 1
        if replaced > wait:
            os._exit(9)
        replace(source, target)

    if (child := os.fork()) == 0:
        monkeypatch.setattr(os, "replace", die_in_time)
        build(hello)
        os._exit(0)
    os.waitpid(child, 0)
    rename_service(hello)
    assert build(hello) == 0
    assert build(hello, "-o", str(hello / "fresh")) == 0
    built, fresh = (tree(hello / name) for name in ("deploy", "fresh"))
    assert built.keys() == fresh.keys()
    assert all(built[path] == fresh[path] for path in built if path != "fairway.lock")
    assert b"unfinished" not in built["fairway.lock"]
    assert [path for path in (hello / "deploy").rglob("*") if path.is_dir() and not any(path.iterdir())] == []


def test_an_interrupted_build_leaves_no_partial_file(hello: Path) -> None:
    """It says one word and ends as a shell expects."""
    code = """
import os, signal, sys
from fairway.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that runs us in the background ignores it
replace, done = os.replace, []
def interrupt(source, target):
    done.append(target)
    if len(done) == 5:
        os.kill(os.getpid(), signal.SIGINT)
    replace(source, target)
os.replace = interrupt
sys.exit(main(["build", "."]))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=hello, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (128 + signal.SIGINT, "Interrupted.\n")
    assert not (hello / "deploy" / PARTIAL).exists()
    assert build(hello) == 0


def test_a_second_build_waits_for_the_first(hello: Path) -> None:
    """Two at once would leave a mixture that neither knows."""
    (hello / "deploy").mkdir()
    held = os.open(hello / "deploy", os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    command = [sys.executable, "-m", "fairway", "build"]
    with subprocess.Popen(command, cwd=hello, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as second:
        assert second.stderr
        assert second.stderr.readline() == "deploy: another build is at work; waiting for it.\n"
        time.sleep(0.1)
        assert tree(hello / "deploy") == {}
        os.close(held)
        assert second.wait(timeout=30) == 0
    assert tree(hello / "deploy")


def test_a_tree_of_other_facts_is_not_taken_away_unasked(
    hello: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The wrong folder after -o would cost a whole tree."""
    other = shutil.copytree(ROOT / "examples" / "clinic", tmp_path / "clinic")
    target = str(tmp_path / "out")
    assert build(other, "-o", target) == 0
    before = tree(tmp_path / "out")
    assert build(hello, "-o", target) == 2
    assert f"{target}: was built from {other / 'fairway.yaml'}, not from" in capsys.readouterr().err
    assert tree(tmp_path / "out") == before
    assert build(hello, "-o", target, "--overwrite") == 0


def test_a_tree_whose_facts_were_moved_is_built_again(hello: Path, tmp_path: Path) -> None:
    """What the lock names is gone, so nothing of another system is lost."""
    target = str(tmp_path / "out")
    assert build(hello, "-o", target) == 0
    assert build(hello.rename(tmp_path / "renamed"), "-o", target) == 0


def test_nothing_is_written_where_nothing_changed(hello: Path) -> None:
    """Not even the lock: a tree that may only be read is as good as any."""
    build(hello)
    before = {path: path.stat().st_mtime_ns for path in (hello / "deploy").rglob("*")}
    assert build(hello) == 0
    assert {path: path.stat().st_mtime_ns for path in (hello / "deploy").rglob("*")} == before


def test_a_folder_whose_name_cannot_be_shown_gets_its_tree_inside(hello: Path) -> None:
    """A name with a no-break space is shown with '?', and was once written so."""
    odd = hello.rename(hello.with_name("a\N{NO-BREAK SPACE}b"))
    assert build(odd) == 0
    assert (odd / "deploy" / "fairway.lock").is_file()
    assert [path.name for path in odd.parent.iterdir()] == [odd.name]


def test_a_full_disk_is_a_sentence_and_leaves_no_partial_file(hello: Path) -> None:
    """The next build, with room, goes on."""
    command = [sys.executable, "-m", "fairway", "build"]
    done = subprocess.run(
        command, cwd=hello, capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)),
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.endswith("Nothing more was written; build again.\n")
    assert not (hello / "deploy" / PARTIAL).exists()
    assert build(hello) == 0


def test_every_digest_of_an_unfinished_build_is_known() -> None:
    """Two builds that were killed one after the other leave files of both."""
    lock = written_tree.Lock(fairway="", kubernetes="", facts="", files={"a": "1"}, unfinished={"a": ["2", "3"]})
    assert [lock.wrote("a", digest) for digest in "1234"] == [True, True, True, False]
