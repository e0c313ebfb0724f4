"""A built tree on disk: what is there, what differs, and how it is written without losing anything."""

import errno
import os
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Literal

import msgspec

from fairway import __version__
from fairway.core.errors import FairwayError
from fairway.verbs.progress import counted

LOCK = "fairway.lock"
PARTIAL = ".fairway.partial"  # the one file that is being written; a build that was killed may leave it to the next
KUBERNETES = "1.37"
Change = Literal["added", "changed", "removed", "edited"]


class Lock(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What builds wrote: enough to tell a hand's change from an old file."""

    fairway: str
    kubernetes: str
    facts: str  # where the facts lie, seen from the tree
    files: dict[str, str]  # path: sha256 of what the last whole build wrote
    unfinished: dict[str, list[str]] = {}  # the same of builds since that began and were not seen to end

    def wrote(self, path: str, digest: str) -> bool:
        """Tell whether a build, whole or not, wrote just this."""
        return digest == self.files.get(path) or digest in self.unfinished.get(path, ())

    @property
    def paths(self) -> frozenset[str]:
        """Name every file that a build may have left."""
        return frozenset(self.files) | frozenset(self.unfinished)


class Difference(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One file that is not as the facts give it. "edited" means that a hand changed or made it."""

    path: str
    change: Change


def read_lock(root: Path) -> Lock | None:
    """Read the lock of a built tree; None where there is none yet."""
    path = root / LOCK
    try:
        content = _content(path)
        lock = None if content is None else msgspec.json.decode(content, type=Lock)
    except NotADirectoryError:
        raise FairwayError(f"{root}: is a file. Name a folder to build into.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FairwayError(
            f"{path}: is not a lock that fairway wrote ({error}). Restore it, or remove it and build with --overwrite."
        ) from None
    # A lock comes with a checkout; it may not lead a build to remove files outside its own tree.
    for file in lock.paths if lock else ():
        if file.startswith("/") or ".." in file.split("/"):
            raise FairwayError(f"{path}: names '{file}', which is outside the tree. Restore the lock.")
        if "\0" in file or file != str(PurePosixPath(file)) or file in (".", LOCK):
            raise FairwayError(f"{path}: names {file!r}, which is no built file. Restore the lock.")
    return lock


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Keep every other build out of *root*, which is made where it is not there; wait for one that is at work.

    The system holds this lock, so a build that is killed leaves none behind.
    """
    from fcntl import LOCK_EX, LOCK_NB, flock  # noqa: PLC0415 - only a build that writes needs it

    try:
        root.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise FairwayError(f"{root}: is a file. Name a folder to build into.") from None
    folder = os.open(root, os.O_RDONLY)
    try:
        try:
            flock(folder, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            print(f"{root}: another build is at work; waiting for it.", file=sys.stderr)  # noqa: T201 - said at once
            flock(folder, LOCK_EX)
        except OSError:  # a file system that knows no locks is no reason not to build
            pass
        yield
    finally:
        os.close(folder)


def differences(root: Path, wanted: Mapping[str, str], lock: Lock | None) -> tuple[Difference, ...]:
    """Compare the tree on disk with the *wanted* files (path: text); refuse a tree that leads out of itself."""
    folders = _Folders(root)
    known = lock or Lock(fairway="", kubernetes="", facts="", files={})
    found: list[Difference] = []
    for path, text in wanted.items():
        folders.require(path)
        there = _digest_on_disk(root / path)
        if there == _digest(text.encode()):
            continue
        change: Change = "added" if there is None else "changed" if known.wrote(path, there) else "edited"
        found.append(Difference(path=path, change=change))
    for path in known.paths - wanted.keys():
        theirs = not folders.are_real(path) or (root / path).is_dir()  # a hand put something else in its place
        there = None if theirs else _digest_on_disk(root / path)
        if there is not None:
            found.append(Difference(path=path, change="removed" if known.wrote(path, there) else "edited"))
    return tuple(sorted(found))


def write(
    root: Path, wanted: Mapping[str, str], changes: Sequence[Difference], facts: Path, before: Lock | None
) -> None:
    """Bring the tree to what is *wanted*. Each file appears whole or not at all.

    The lock is written first, with what is about to come, and last, with what has come: whatever ends a build in
    between, the next one knows its files for its own.
    """
    after = Lock(
        fairway=__version__,
        kubernetes=KUBERNETES,
        facts=seen_from(root, facts),
        files={path: _digest(wanted[path].encode()) for path in sorted(wanted)},
    )
    if changes:
        _write_lock(root, _begun(after, changes, before))
    for change in counted(changes, f"writing {root}: file"):
        target = root / change.path
        if change.path in wanted:
            _replace(root, target, wanted[change.path])
        else:
            target.unlink(missing_ok=True)
    folders = _Folders(root)
    for path in (before.paths - wanted.keys()) if before else ():
        if folders.are_real(path):
            _remove_empty((root / path).parent, root)
    _write_lock(root, after)


def seen_from(root: Path, facts: Path) -> str:
    """Write the way from the tree to its facts, whatever links led to either."""
    real = Path(os.path.realpath(facts.parent), facts.name)
    return Path(os.path.relpath(real, os.path.realpath(root))).as_posix()


def _begun(after: Lock, changes: Sequence[Difference], before: Lock | None) -> Lock:
    unfinished = dict(before.unfinished) if before else {}
    for path in sorted(change.path for change in changes):
        if path in after.files:
            unfinished[path] = [*unfinished.get(path, ()), after.files[path]]
    return msgspec.structs.replace(after, files=before.files if before else {}, unfinished=unfinished)


def _write_lock(root: Path, lock: Lock) -> None:
    text = msgspec.json.format(msgspec.json.encode(lock), indent=1).decode() + "\n"
    if _digest_on_disk(root / LOCK) != _digest(text.encode()):
        _replace(root, root / LOCK, text)


def _replace(root: Path, target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = root / PARTIAL
    fresh.unlink(missing_ok=True)
    try:
        with fresh.open("x", encoding="utf-8", newline="\n") as file:  # never through a link that lies there
            file.write(text)
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)


def _remove_empty(folder: Path, root: Path) -> None:
    while folder != root:
        if folder.exists():
            if any(folder.iterdir()):
                return
            folder.rmdir()
        folder = folder.parent


class _Folders:
    """The folders of a tree, each looked at once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.fault: dict[str, str] = {"": ""}

    def require(self, path: str) -> None:
        """Refuse a folder on the way to *path* that is a link, or no folder: a build stays inside its own tree."""
        folder = path.rpartition("/")[0]
        if fault := self.look(folder):
            raise FairwayError(fault)

    def are_real(self, path: str) -> bool:
        """Tell whether the way to *path* stays inside the tree."""
        return not self.look(path.rpartition("/")[0])

    def look(self, folder: str) -> str:
        if folder not in self.fault:
            self.fault[folder] = self.look(folder.rpartition("/")[0]) or self.fault_of(self.root / folder)
        return self.fault[folder]

    @staticmethod
    def fault_of(folder: Path) -> str:
        try:
            mode = folder.lstat().st_mode
        except FileNotFoundError:
            return ""
        if stat.S_ISLNK(mode):
            return f"{folder}: is a link, and a build writes only inside its own tree. Put a folder in its place."
        return "" if stat.S_ISDIR(mode) else f"{folder}: is a file where a folder belongs. Move it elsewhere."


def _content(path: Path) -> bytes | None:
    """Read a file, None where there is none; what is no file, such as a link or a pipe, is read as nothing."""
    try:
        if not stat.S_ISREG(mode := path.lstat().st_mode):
            if stat.S_ISDIR(mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
            return b""
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _digest_on_disk(path: Path) -> str | None:
    content = _content(path)
    return None if content is None else _digest(content)


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()
