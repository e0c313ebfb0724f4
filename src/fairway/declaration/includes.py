"""Read fairway.yaml and the files it includes: each once, none from outside of its folder, and never without bound."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

from fairway.core.errors import Problem
from fairway.declaration.shape import examine
from fairway.declaration.sources import INCLUDE, Part
from fairway.declaration.suggestions import Suggestions
from fairway.yaml.reader import Limits, Mapping, Sequence, read_document
from fairway.yaml.text import shown

NAME: Final = "fairway.yaml"
MOST_INCLUDED: Final = 1_000
MOST_BYTES: Final = Limits().bytes  # of all files together
LIMITS: Final = Limits(nodes=800_000)  # of one file: 10,000 services and more, and refused within a second

_REASONS: Final = {
    errno.ENOENT: ("is not there", "Write its path from the folder of this file."),
    errno.ENOTDIR: ("is not there", "Write its path from the folder of this file."),
    errno.EACCES: ("may not be read", "Change its permissions, or those of its folder."),
    errno.EISDIR: ("is a folder", "Name each file in it."),
    errno.ELOOP: ("is a link that leads back to itself", "Give the file itself."),
    errno.ENAMETOOLONG: ("has a longer name than a file can have", "Correct the path."),
}
_LINKS_SHOWN: Final = 6
_NEIGHBOURS: Final = 1_000


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """All files that could be read, the root first, and what is wrong with reading them."""

    root: Path
    """The file that was asked for, as the system knows it; what is shown of its name may differ."""
    parts: tuple[Part, ...]
    problems: tuple[Problem, ...]
    whole: bool
    """Whether every file could be read to its end; otherwise names that others use would only seem to be unknown."""


def read(path: Path, suggestions: Suggestions) -> Reading:
    """Read *path*, a file or the folder of a fairway.yaml, and all that it includes; never raises."""
    reader = _Reader(_root(path), suggestions)
    reader.read_all()
    return Reading(
        root=reader.root.path, parts=tuple(reader.parts), problems=tuple(reader.problems), whole=reader.whole
    )


class _File(msgspec.Struct, frozen=True, kw_only=True):
    """A file to be read, and who includes it where."""

    path: Path
    real: str
    said: str
    line: int = 0
    by: "_File | None" = None

    @property
    def name(self) -> str:
        """The path as the user sees it: relative where the file is below the current folder, else as given."""
        try:
            relative = os.path.relpath(self.path)
        except (OSError, ValueError):  # the current folder is gone
            relative = os.pardir
        name = str(self.path) if relative.startswith(os.pardir) else relative
        return "".join(letter if letter.isprintable() else "?" for letter in name)

    def lineage(self) -> Iterator["_File"]:
        """Give this file, the one that includes it, and so on up to the root."""
        file: _File | None = self
        while file is not None:
            yield file
            file = file.by


def _root(path: Path) -> _File:
    path = path / NAME if _is(Path.is_dir, path) else path
    return _File(path=path, real=_real(path), said=str(path))


def _is(test: Callable[[Path], bool], path: Path) -> bool:
    try:
        return test(path)
    except OSError:  # what may not be looked at
        return False


def _real(path: Path) -> str:
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):
        return str(path)


class _RefusedError(Exception):
    """A file is not read: why, in the words that follow its name, and what to do."""

    def __init__(self, reason: str, fix: str) -> None:
        self.reason, self.fix = reason, fix


class _Reader:
    """Goes from file to file, depth first."""

    def __init__(self, root: _File, suggestions: Suggestions) -> None:
        self.root, self.suggestions = root, suggestions
        self.folder = _real(root.path.parent)
        self.bytes_left = MOST_BYTES
        self.seen: set[str] = set()
        self.parts: list[Part] = []
        self.problems: list[Problem] = []
        self.whole = True

    def read_all(self) -> None:
        waiting = [self.root]
        for _ in range(MOST_INCLUDED + 1):
            if not waiting:
                return
            file = waiting.pop()
            try:
                if self.is_new(file):
                    waiting += reversed(list(self.includes(file, self.part(file))))
            except _RefusedError as refused:
                self.refuse(file, refused)
        if waiting:
            too_many = _RefusedError(f"is one file too many: {MOST_INCLUDED:,} may be included", "Unite some.")
            self.refuse(waiting[-1], too_many)

    def refuse(self, file: _File, refused: _RefusedError) -> None:
        if file.by is None:
            problem = Problem(file=file.name, line=0, says=f"{refused.reason}.", fix=refused.fix)
        else:
            says = f"includes '{shown(file.said)}', which {refused.reason}."
            problem = Problem(file=file.by.name, line=file.line, says=says, fix=refused.fix)
        self.problems.append(problem)
        self.whole = False

    def is_new(self, file: _File) -> bool:
        """Tell whether *file* is still to be read; refuse one from elsewhere, and one that includes itself."""
        if file.by is not None and not self.is_inside(file.real):
            raise _RefusedError(f"is outside of the folder of {self.root.name}", "Move it below that folder.")
        if file.by is not None and any(other.real == file.real for other in file.by.lineage()):
            raise _RefusedError(f"closes a circle: {_circle(file)}", "Remove one of these includes.")
        new = file.real not in self.seen
        self.seen.add(file.real)
        return new

    def part(self, file: _File) -> Part:
        document, problems = read_document(self.content(file), file.name, LIMITS)
        self.problems += problems
        self.whole = self.whole and (document.value is not None or not problems)
        shape = examine(document.value, file.name, document.line, self.suggestions)
        part = Part(file=file.name, written=document.value, shape=shape)
        self.parts.append(part)
        return part

    def is_inside(self, real: str) -> bool:
        return real.startswith(f"{self.folder.rstrip('/')}/")

    def includes(self, file: _File, part: Part) -> Iterator[_File]:
        sound = set(part.shape.value.get(INCLUDE, ()))
        said = part.written.get(INCLUDE) if isinstance(part.written, Mapping) else None
        for index, path in enumerate(said if isinstance(said, Sequence) else ()):
            if isinstance(path, str) and path in sound:
                assert isinstance(said, Sequence)
                below = file.path.parent / path
                yield _File(path=below, real=_real(below), said=path, line=said.lines[index], by=file)

    def content(self, file: _File) -> bytes:
        """Give what *file* holds; a pipe or device is not waited for."""
        try:
            with open(file.path, "rb", opener=_open) as stream:
                status = os.fstat(stream.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise _RefusedError("is not a file but a pipe or a device", "Give a file.")
                content = stream.read(self.bytes_left + 1) if status.st_size <= self.bytes_left else b""
        except OSError as error:
            raise self.unreadable(file, error) from None
        except ValueError:
            raise _RefusedError("has a name that no file can have", "Correct the path.") from None
        if (size := max(status.st_size, len(content))) > self.bytes_left:
            limit = f"{MOST_BYTES:,} of all files together" if self.parts else f"{MOST_BYTES:,}"
            raise _RefusedError(f"is {size:,} bytes long; up to {limit} are read", "Remove what is not facts.")
        self.bytes_left -= len(content)
        return content

    def unreadable(self, file: _File, error: OSError) -> _RefusedError:
        unknown = f"cannot be read: {error.strerror}", "Give a file that can be read."
        reason, fix = _REASONS.get(error.errno or 0, unknown)
        if error.errno == errno.ENOENT:
            fix = self.neighbour(file) or fix
        return _RefusedError(reason, fix)

    def neighbour(self, file: _File) -> str:
        """Suggest what lies where *file* was looked for."""
        folder = file.path.parent
        if file.by is None:
            if _is(Path.exists, folder / "fairway.yml"):
                return "Rename fairway.yml to fairway.yaml."
            return "Give the file or its folder, or start a system with 'fairway init'."
        if not self.is_inside(f"{_real(folder)}/"):
            return ""
        try:
            with os.scandir(folder) as entries:
                names = [entry.name for entry in islice(entries, _NEIGHBOURS) if entry.name.endswith((".yaml", ".yml"))]
        except OSError:
            return ""
        near = {str(Path(file.said).parent / name) for name in names if name.isprintable()}
        return self.suggestions.near(file.said, near, cutoff=0.8)


def _circle(file: _File) -> str:
    links = [file.name]
    for other in file.by.lineage() if file.by is not None else ():
        links.insert(0, other.name)
        if other.real == file.real:
            break
    half = _LINKS_SHOWN // 2
    return " -> ".join(links if len(links) <= _LINKS_SHOWN else [*links[:half], "...", *links[-half:]])


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
