"""Small files that are replaced while they are read: cached, and looked at again after a moment."""

import time
from pathlib import Path

from msgspec import Struct

LOOKED_AT_EVERY = 0.25  # seconds: a rotation is seen within this, and a busy service does not ask the disk each time


class File(Struct, frozen=True):
    """A file's bytes, and when they were written, in seconds since the epoch."""

    content: bytes
    written: float

    def __repr__(self) -> str:
        """Show nothing of the content: it may be a secret, and this may be in a log."""
        return f"File(written={self.written})"


class _Seen(Struct):
    file: File | None
    looked: float
    stamp: tuple[int, int, int] | None


class Folder:
    """A folder of small files, as Kubernetes mounts a ConfigMap or a Secret: replaced as a whole, by renaming."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: dict[str, _Seen] = {}

    def read(self, name: str) -> File | None:
        """Give a file as it is now, at most a quarter of a second old; none where it is not there.

        While it stays the same, the same object is given. An `OSError` where it cannot be read.
        """
        now = time.monotonic()
        seen = self._seen.get(name)
        if seen is not None and now - seen.looked < LOOKED_AT_EVERY:
            return seen.file
        if name != Path(name).name:
            raise ValueError(f"{name!r}: a name of a file in {self._folder} is wanted, not a path.")
        path = self._folder / name
        try:
            status = path.stat()
            stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
            if seen is not None and seen.stamp == stamp:
                seen.looked = now
                return seen.file
            file: File | None = File(path.read_bytes(), status.st_mtime)
        except FileNotFoundError:
            file, stamp = None, None
        self._seen[name] = _Seen(file, now, stamp)
        return file
