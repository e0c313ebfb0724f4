"""A built tree on disk: what is there, what differs, and how it is written without losing anything."""

import os
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Literal

import msgspec

from fairway import __version__
from fairway.core.errors import FairwayError
from fairway.verbs.progress import counted

LOCK = "fairway.lock"
KUBERNETES = "1.37"
Change = Literal["added", "changed", "removed", "edited"]


class Lock(msgspec.Struct, frozen=True, kw_only=True):
    """What the last build wrote: enough to tell a hand's change from an old file."""

    fairway: str
    kubernetes: str
    facts: str  # where the facts lie, seen from the tree
    files: dict[str, str]  # path: sha256 of what was written


class Difference(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One file that is not as the facts give it. "edited" means that a hand changed or made it."""

    path: str
    change: Change


def read_lock(root: Path) -> Lock | None:
    """Read the lock of a built tree; None where there is none yet."""
    path = root / LOCK
    try:
        lock = msgspec.json.decode(path.read_bytes(), type=Lock)
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        raise FairwayError(f"{root}: is a file. Name a folder to build into.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FairwayError(
            f"{path}: is not a lock that fairway wrote ({error}). Restore it, or remove it and build with --overwrite."
        ) from None
    # A lock comes with a checkout; it may not lead a build to remove files outside its own tree.
    for file in lock.files:
        if file.startswith("/") or ".." in file.split("/"):
            raise FairwayError(f"{path}: names '{file}', which is outside the tree. Restore the lock.")
    return lock


def differences(root: Path, wanted: Mapping[str, str], lock: Lock | None) -> tuple[Difference, ...]:
    """Compare the tree on disk with the *wanted* files (path: text)."""
    known = lock.files if lock else {}
    found: list[Difference] = []
    for path, text in wanted.items():
        there = _digest_on_disk(root / path)
        if there == _digest(text.encode()):
            continue
        if there is None:
            found.append(Difference(path=path, change="added"))
        else:
            found.append(Difference(path=path, change="changed" if there == known.get(path) else "edited"))
    for path in known.keys() - wanted.keys():
        there = _digest_on_disk(root / path)
        if there is not None:
            found.append(Difference(path=path, change="removed" if there == known[path] else "edited"))
    return tuple(sorted(found))


def write(root: Path, wanted: Mapping[str, str], changes: Iterable[Difference], facts: Path) -> None:
    """Bring the tree to what is *wanted*. Each file appears whole or not at all; the lock comes last."""
    for change in counted(changes, f"writing {root}: file"):
        target = root / change.path
        if change.path in wanted:
            _replace(target, wanted[change.path])
        else:
            target.unlink()
            _remove_empty(target.parent, root)
    lock = Lock(
        fairway=__version__,
        kubernetes=KUBERNETES,
        facts=Path(os.path.relpath(facts, root)).as_posix(),
        files={path: _digest(wanted[path].encode()) for path in sorted(wanted)},
    )
    _replace(root / LOCK, msgspec.json.format(msgspec.json.encode(lock), indent=1).decode() + "\n")


def _replace(target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        fresh.write_text(text, encoding="utf-8", newline="\n")
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)


def _remove_empty(folder: Path, root: Path) -> None:
    while folder != root and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _digest_on_disk(path: Path) -> str | None:
    try:
        return _digest(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()
