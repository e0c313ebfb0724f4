"""Find the files of an estate, and tell Helm's templates and Kustomize's files from plain manifests."""

import os
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import msgspec

from fairway.core.errors import Problem
from fairway.estate.dockerfile import is_dockerfile

SUFFIXES = (".yaml", ".yml", ".json")
SKIPPED = frozenset({"node_modules"})  # and everything hidden: .git, .venv, .fairway
KUSTOMIZATIONS = frozenset({"kustomization.yaml", "kustomization.yml", "Kustomization"})


class SourceFile(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A file to read: its name as shown to the user, its absolute path, and its name that no machine changes."""

    shown: str
    path: str
    stable: str  # below its repository's root, or else below the folder that was asked for


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The files below the given paths, in order, and what is wrong with the paths."""

    files: tuple[SourceFile, ...]
    roots: tuple[str, ...]
    problems: tuple[Problem, ...]


def find(paths: Iterable[Path]) -> Found:
    """Find all YAML, JSON and Dockerfiles at *paths*, each once. A file that is named is taken whatever its suffix."""
    here = Path.cwd()
    files: dict[str, SourceFile] = {}
    roots: list[str] = []
    problems: list[Problem] = []
    for given in paths:
        root = Path(os.path.abspath(given))  # noqa: PTH100 - a link keeps the name under which the user knows it
        roots.append(str(root))
        if not os.path.exists(root):  # noqa: PTH110 - unlike pathlib's, it answers where the way there may not be read
            problems.append(Problem(file=str(given), line=0, says="does not exist.", fix="Name a file or folder."))
            continue
        kept = repository(root)
        for path in [str(root)] if not root.is_dir() else _walk(str(root), problems):
            stable = Path(os.path.relpath(path, kept)).as_posix()
            files.setdefault(path, SourceFile(shown=shown_name(path, here), path=path, stable=stable))
    return Found(files=tuple(sorted(files.values())), roots=tuple(roots), problems=tuple(problems))


def shown_name(path: str, here: Path | None = None) -> str:
    """Name an absolute path as the user knows it."""
    here = here or Path.cwd()
    shown = os.path.relpath(path, here) if Path(path).is_relative_to(here) else path
    if shown.isprintable():
        return shown
    # A name may hold what would upset a terminal, or forge a line of a report.
    return shown.encode("unicode_escape", "backslashreplace").decode()


def _walk(root: str, problems: list[Problem]) -> Iterator[str]:
    def unreadable(error: OSError) -> None:
        says = f"cannot be read: {error.strerror}."
        problems.append(Problem(file=str(error.filename), line=0, says=says, fix="Give read access, or leave it out."))

    for folder, folders, names in os.walk(root, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in SKIPPED)
        for name in names:
            if (name.endswith(SUFFIXES) and not name.startswith(".")) or name in KUSTOMIZATIONS or is_dockerfile(name):
                yield os.path.join(folder, name)  # noqa: PTH118 - one call for each of ten thousand files


def repository(root: Path) -> Path:
    """Find the root of the repository that holds *root*, or else the folder itself."""
    folder = root if root.is_dir() else root.parent
    return next((above for above in (folder, *folder.parents) if (above / ".git").exists()), folder)


def in_chart(path: str) -> bool:
    """Tell whether a file lies below the templates/ of a Helm chart."""
    return _chart_folder(os.path.dirname(path))  # noqa: PTH120 - one call for each of ten thousand files


@cache
def _chart_folder(folder: str) -> bool:
    above, name = os.path.split(folder)
    if name == "templates" and os.path.isfile(os.path.join(above, "Chart.yaml")):  # noqa: PTH113, PTH118 - as above
        return True
    return above != folder and _chart_folder(above)
