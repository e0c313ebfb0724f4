"""Where a local system keeps its files and sockets, readable by its owner alone."""

import hashlib
import os
import re
import stat
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Final

from fairway.core.errors import FairwayError

LONGEST_FOLDER: Final = 40
LONGEST_SOCKET: Final = 103  # macOS allows no longer path of a socket; Linux 107
LONGEST_INSIDE: Final = len("/.s.PGSQL.5432")  # what PostgreSQL's drivers add to the folder they are told
OWNER_ONLY: Final = 0o700
SAFE_NAME: Final = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._@-]+")


class RunFolder:
    """The two folders of one system that runs on this machine; both are made when first asked for."""

    def __init__(self, system_folder: Path, *, visits: bool = False) -> None:
        """Take the folder of fairway.yaml, which must exist; who only *visits* makes no folder for sockets."""
        self.system_folder = system_folder.resolve(strict=True)
        self._visits = visits

    @cached_property
    def state(self) -> Path:
        """What is kept between runs: data, logs, keys, settings. Git ignores it."""
        folder = private_folder(self.system_folder / ".fairway")
        ignore = folder / ".gitignore"
        if not ignore.exists():
            replace(ignore, b"*\n")
        return folder

    @cached_property
    def sockets(self) -> Path:
        """Where the sockets are: a folder of short name, since a socket's whole path has room for 103 bytes only."""
        key = f"{self.system_folder}\0{os.getuid()}"
        name = f"fw-{hashlib.sha256(key.encode()).hexdigest()[:8]}"
        runtime = os.environ.get("XDG_RUNTIME_DIR", "")
        fits = runtime.startswith("/") and len(runtime) + 1 + len(name) <= LONGEST_FOLDER and Path(runtime).is_dir()
        folder = Path(runtime if fits else "/tmp").resolve() / name  # noqa: S108 -- checked: owner, mode, no link
        there = not self._visits or os.path.lexists(folder)
        return private_folder(folder) if there else folder

    def remove_sockets(self) -> None:
        """Remove the folder of the sockets with all in it; only while the system's lock is ours."""
        for path in sorted(self.sockets.rglob("*"), reverse=True):
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            self.sockets.rmdir()

    def socket(self, name: str) -> Path:
        """Say where the socket of this name is: always at the same place, under a shorter name where it is too long."""
        return self.sockets / self._short(name, LONGEST_SOCKET)

    def socket_folder(self, name: str) -> Path:
        """Make a folder of its own for a socket whose name is not ours to choose, as PostgreSQL's .s.PGSQL.5432."""
        return private_folder(self.sockets / self._short(name, LONGEST_SOCKET - LONGEST_INSIDE))

    def log(self, name: str) -> Path:
        """Say where the log of this name is."""
        return private_folder(self.state / "logs") / f"{_safe(name)}.log"

    def data(self, name: str) -> Path:
        """Make a folder for the data of this name."""
        return private_folder(private_folder(self.state / "data") / _safe(name))

    def config(self, name: str) -> Path:
        """Say where the setting file of this name is, such as `orders-0.binding.json`."""
        return private_folder(self.state / "config") / _safe(name)

    def secret(self, name: str) -> Path:
        """Say where the secret of this name is. Write it with `replace`, so that nobody else reads it."""
        return private_folder(self.state / "secrets") / _safe(name)

    def _short(self, name: str, longest: int) -> str:
        room = longest - len(os.fsencode(self.sockets)) - 1
        if len(_safe(name)) <= room:
            return name
        return f"{name[: room - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def cache_folder() -> Path:
    """Make the folder of what may be lost and is the same for all systems of a user."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    caches.mkdir(parents=True, exist_ok=True)
    return private_folder(caches / "fairway")


def private_folder(folder: Path) -> Path:
    """Make a folder that only we may enter; one that is a link, another user's, or open to others is refused.

    A folder under /tmp could have been put there by anybody: whoever owns it could answer on our sockets.
    """
    try:
        folder.mkdir(mode=OWNER_ONLY)
    except FileExistsError:
        pass
    except OSError as error:
        raise FairwayError(f"{folder}: cannot be made: {error.strerror}. Make it possible, and try again.") from error
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise FairwayError(f"{folder}: is a link or a file, and must be a folder. Remove it, and try again.")
    if found.st_uid != os.getuid():
        raise FairwayError(f"{folder}: belongs to another user. Remove it, and try again.")
    if found.st_mode & 0o077:
        raise FairwayError(f"{folder}: is open to other users. Look what is in it, then remove it or chmod it to 700.")
    return folder


def replace(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Write a file in one step: who reads it sees the old content or the new, never half of it.

    It is a rename, which is also all that Envoy watches for.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(data)
        draft.rename(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error  # a full disk does not say which it is
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _safe(name: str) -> str:
    if not SAFE_NAME.fullmatch(name):
        raise FairwayError(f"{name!r}: cannot be the name of a file. Use letters, digits, '.', '_', '@' and '-'.")
    return name
