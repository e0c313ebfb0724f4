"""A built tree on disk: what is there, what differs, and how it is written without losing anything."""

import errno
import os
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
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
        steps = file.split("/")
        if file.startswith("/") or ".." in steps:
            raise FairwayError(f"{path}: names '{file}', which is outside the tree. Restore the lock.")
        if "\0" in file or "" in steps or "." in steps or file == LOCK:
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
        there = _content(root / path) if folders.require(path) else None
        if there == text.encode():
            continue
        change: Change = "added" if there is None else "changed" if known.wrote(path, _digest(there)) else "edited"
        found.append(Difference(path=path, change=change))
    for path in known.paths - wanted.keys():
        theirs = not folders.are_real(path) or (root / path).is_dir()  # a hand put something else in its place
        left = None if theirs else _content(root / path)
        if left is not None:
            found.append(Difference(path=path, change="removed" if known.wrote(path, _digest(left)) else "edited"))
    return tuple(sorted(found, key=lambda difference: difference.path))


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
    writer = _Writer(root)
    if changes:
        writer.write_lock(_begun(after, changes, before))
    for change in counted(changes, f"writing {root}: file"):
        if change.path in wanted:
            writer.write(change.path, wanted[change.path])
        else:
            (root / change.path).unlink(missing_ok=True)
    folders = _Folders(root)
    for path in (before.paths - wanted.keys()) if before else ():
        if folders.are_real(path):
            _remove_empty((root / path).parent, root)
    writer.write_lock(after)


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


class _Writer:
    """Writes files of one tree, each of them whole, by way of the partial file."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.partial = str(root / PARTIAL)
        self.made: set[str] = set()  # folders that are there

    def write(self, path: str, text: str) -> None:
        """Put *text* in the place of whatever is at *path*."""
        folder = path.rpartition("/")[0]
        if folder not in self.made:
            (self.root / folder).mkdir(parents=True, exist_ok=True)
            self.made.add(folder)
        try:
            self.fill(text.encode())
            os.replace(self.partial, f"{self.root}/{path}")  # noqa: PTH105 - a Path for each of many files takes longer
        except BaseException:
            Path(self.partial).unlink(missing_ok=True)
            raise

    def fill(self, content: bytes) -> None:
        """Write the partial file anew, never through a link that lies there."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        try:
            file = os.open(self.partial, flags, 0o666)
        except FileExistsError:  # of a build that was killed
            Path(self.partial).unlink()
            file = os.open(self.partial, flags, 0o666)
        try:
            while content:
                content = content[os.write(file, content) :]
        finally:
            os.close(file)

    def write_lock(self, lock: Lock) -> None:
        """Write the lock, unless it is there already."""
        text = msgspec.json.format(msgspec.json.encode(lock), indent=1).decode() + "\n"
        if _content(self.root / LOCK) != text.encode():
            self.write(LOCK, text)


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
        self.absent: set[str] = set()

    def require(self, path: str) -> bool:
        """Tell whether the folder of *path* is there; a build stays inside its own tree.

        Refuses a way that leads through a link, or through what is no folder.
        """
        folder = path.rpartition("/")[0]
        if fault := self.look(folder):
            raise FairwayError(fault)
        return folder not in self.absent

    def are_real(self, path: str) -> bool:
        """Tell whether the way to *path* stays inside the tree."""
        return not self.look(path.rpartition("/")[0])

    def look(self, folder: str) -> str:
        if folder not in self.fault:
            self.fault[folder] = self.look(folder.rpartition("/")[0]) or self.fault_of(folder)
        return self.fault[folder]

    def fault_of(self, folder: str) -> str:
        here = self.root / folder
        try:
            mode = here.lstat().st_mode
        except FileNotFoundError:
            self.absent.add(folder)
            return ""
        if stat.S_ISLNK(mode):
            return f"{here}: is a link, and a build writes only inside its own tree. Put a folder in its place."
        return "" if stat.S_ISDIR(mode) else f"{here}: is a file where a folder belongs. Move it elsewhere."


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


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()
