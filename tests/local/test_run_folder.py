"""The run folder belongs to its owner alone, and its sockets always have room for their names."""

import os
import stat
from pathlib import Path

import pytest

from fairway.core.errors import FairwayError
from fairway.local.run_folder import RunFolder, private_folder, replace


def mode(path: Path) -> int:
    """Read the permissions of a file."""
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.fixture
def run_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """Open the run folder of a system, with its sockets under the test's own folder where that is short enough."""
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    return RunFolder(tmp_path)


def test_both_folders_are_their_owners_alone_and_git_ignores_the_kept_one(run_folder: RunFolder) -> None:
    """Nobody else may enter, and nothing of it is committed."""
    assert mode(run_folder.state) == 0o700
    assert mode(run_folder.sockets) == 0o700
    assert (run_folder.state / ".gitignore").read_text() == "*\n"
    run_folder.sockets.rmdir()


def test_the_sockets_folder_is_short_and_the_same_each_time(run_folder: RunFolder) -> None:
    """A second command finds the sockets of the first."""
    assert len(str(run_folder.sockets)) <= 40
    assert run_folder.sockets == RunFolder(run_folder.system_folder / ".").sockets
    run_folder.sockets.rmdir()


def test_a_long_runtime_folder_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some session managers choose long ones; a socket would not fit."""
    long = tmp_path / ("x" * 60)
    long.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(long))
    folder = RunFolder(tmp_path).sockets
    assert len(str(folder)) <= 40
    folder.rmdir()


def test_a_name_that_is_too_long_is_shortened_without_a_clash(run_folder: RunFolder) -> None:
    """Two long names that begin alike stay two sockets, and the place of each never changes."""
    one, other = "a" * 120 + "1", "a" * 120 + "2"
    assert run_folder.socket(one) != run_folder.socket(other)
    assert run_folder.socket(one) == run_folder.socket(one)
    assert len(os.fsencode(run_folder.socket(one))) <= 103
    inside = run_folder.socket_folder(one)
    assert len(os.fsencode(inside / ".s.PGSQL.5432")) <= 103
    inside.rmdir()
    run_folder.sockets.rmdir()


@pytest.mark.parametrize("name", ["../up", "", "..", "a/b", "a\0b"])
def test_a_name_that_leads_elsewhere_is_refused(run_folder: RunFolder, name: str) -> None:
    """Names come from declarations: none may leave the folder."""
    with pytest.raises(FairwayError, match="cannot be the name of a file"):
        run_folder.config(name)


def test_a_folder_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    """It could hold somebody else's socket."""
    folder = tmp_path / "open"
    folder.mkdir(mode=0o755)
    with pytest.raises(FairwayError, match="open to other users"):
        private_folder(folder)


def test_a_link_in_the_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    """Whoever made the link chooses where our sockets would be."""
    target = tmp_path / "target"
    target.mkdir(mode=0o700)
    link = tmp_path / "link"
    link.symlink_to(target)
    with pytest.raises(FairwayError, match="link"):
        private_folder(link)


def test_a_file_is_replaced_in_one_step_and_is_private(tmp_path: Path) -> None:
    """No draft is left, and only the owner may read it."""
    path = tmp_path / "key"
    replace(path, b"old")
    replace(path, b"new")
    assert path.read_bytes() == b"new"
    assert mode(path) == 0o600
    assert [found.name for found in tmp_path.iterdir()] == ["key"]


def test_who_only_asks_makes_no_folder_of_sockets_and_who_leaves_leaves_none(tmp_path: Path) -> None:
    """`status` and `down` of what is not up would otherwise leave an empty folder in the machine's own."""
    visitor = RunFolder(tmp_path, visits=True)
    assert not visitor.sockets.exists()
    run = RunFolder(tmp_path)
    assert visitor.socket("control") == run.socket("control")
    run.socket("control").touch()
    (run.socket_folder("store.postgresql") / ".s.PGSQL.5432").touch()
    run.socket("orders-0.admin").symlink_to("orders-0.admin.1")
    assert visitor.sockets.exists()
    run.remove_sockets()
    assert not visitor.sockets.exists()
    visitor.remove_sockets()
