"""Follows the files of a folder of logs: what was added since, also where a file was begun anew meanwhile."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

AT_FIRST: Final = 64 << 10  # bytes of a file that was there before us
AT_ONCE: Final = 2 << 20  # bytes of one file: who writes faster is not read whole
LONGEST: Final = 64 << 10  # bytes of one line
SUFFIX: Final = ".log"


class Added(NamedTuple):
    """What was added to a file since the last look."""

    file: str  # its name without the suffix
    lines: list[bytes]
    skipped: int  # bytes
    when: float  # of the last change, in seconds since 1970


class _Place:
    """How far a file has been read."""

    __slots__ = ("at", "node", "rest")

    def __init__(self, at: int, node: int) -> None:
        self.at = at
        self.node = node
        self.rest = b""  # of a line that has no end yet


class Tail:
    """Reads on where it left off."""

    def __init__(self, folder: Path) -> None:
        """Take the folder; files that are there already are read from near their end."""
        self._folder = folder
        self._places: dict[str, _Place] = {}
        self._began = False

    def look(self) -> Iterator[Added]:
        """Give what was added to each file; a folder or file that cannot be read has nothing added."""
        try:
            with os.scandir(self._folder) as entries:
                files = [(entry.name, entry.stat()) for entry in entries if entry.name.endswith(SUFFIX)]
        except OSError:
            return
        for name, status in files:
            place = self._places.get(name)
            if place is None:
                at = 0 if self._began else max(0, status.st_size - AT_FIRST)
                place = self._places[name] = _Place(at, status.st_ino)
                cut = at > 0
            else:
                cut = False
            if status.st_size != place.at or status.st_ino != place.node:
                try:
                    lines, skipped = self._read(name, place, status)
                except OSError:
                    continue
                if lines or skipped:
                    yield Added(name.removesuffix(SUFFIX), lines[1:] if cut else lines, skipped, status.st_mtime)
        self._began = True

    def _read(self, name: str, place: _Place, status: os.stat_result) -> tuple[list[bytes], int]:
        file, found = self._folder / name, b""
        if status.st_ino != place.node:
            place.at, place.node, place.rest = 0, status.st_ino, b""
        elif status.st_size < place.at:  # it was copied to the other name and begun anew
            found, _ = _part(file.with_name(f"{name}.1"), place.at, place.at + AT_ONCE)
            place.at = 0
        more, skipped = _part(file, place.at, status.st_size)
        place.at = status.st_size
        whole = place.rest + found + more if not skipped else more
        *lines, place.rest = whole.split(b"\n")
        if len(place.rest) > LONGEST:
            lines.append(place.rest)
            place.rest = b""
        return [line[:LONGEST] for line in lines if line.strip()], skipped


def _part(file: Path, start: int, end: int) -> tuple[bytes, int]:
    """Read the last of a part of a file, from a line's beginning, and tell how much was skipped."""
    skipped = max(0, end - start - AT_ONCE)
    try:
        with file.open("rb") as opened:
            opened.seek(start + skipped)
            found = opened.read(min(end - start, AT_ONCE))
    except FileNotFoundError:
        return b"", 0
    return (found.partition(b"\n")[2] if skipped else found), skipped
