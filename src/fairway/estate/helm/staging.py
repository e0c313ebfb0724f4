"""Copy a chart to a folder of its own, once as it is and once with marks, so that Helm never touches the user's."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from fairway.estate.helm.chart import Chart, Dependency, brought, chart_at, local_folder
from fairway.estate.helm.lines import marked

# Paths are texts throughout, as there are many.
# ruff: noqa: PTH113, PTH118, PTH119

LARGEST: Final = 64 * 1024 * 1024  # bytes of a chart, and of all that it brings
MOST: Final = 5000  # files, likewise
DEEPEST: Final = 8  # charts within one another


class UnstagedError(Exception):
    """A chart cannot be copied; the argument says why."""


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a chart comes from that is rendered with another."""

    folder: str = ""  # the absolute path of its own
    package: str = ""  # or else the chart that names it, and the line there
    line: int = 1


class Staged(msgspec.Struct, frozen=True, kw_only=True):
    """The two copies, and where each chart in them comes from, by the path that Helm gives it."""

    plain: str
    marked: str
    origins: dict[str, Origin]
    numbers: dict[str, int]  # of each template's path, the number with which it is marked
    missing: tuple[str, ...]  # charts that it needs and that are not there


def stage(chart: Chart, target: str) -> Staged:
    """Copy the chart and the local charts that it names into *target*; raise UnstagedError where that cannot be."""
    copying = _Copying()
    plain, with_marks = os.path.join(target, "plain"), os.path.join(target, "marked")
    try:
        copying.chart(chart, chart.name, (plain, with_marks), 0)
    except OSError as error:
        raise UnstagedError(f"it cannot be read: {error.strerror or error}") from None
    return Staged(
        plain=plain, marked=with_marks, origins=copying.origins, numbers=copying.numbers, missing=tuple(copying.missing)
    )


class _Copying:
    def __init__(self) -> None:
        self.origins: dict[str, Origin] = {}
        self.numbers: dict[str, int] = {}
        self.missing: list[str] = []
        self.bytes = self.files = 0

    def chart(self, chart: Chart, called: str, targets: tuple[str, str], depth: int) -> None:
        """Copy one chart, and after it those that it names and does not hold."""
        if depth > DEEPEST:
            raise UnstagedError("charts name one another without end")
        self.origins[called] = Origin(folder=chart.folder)
        for path, inner in _files(chart.folder):
            self._copy(path, inner, targets)
        held = brought(chart.folder)
        for dependency in chart.dependencies:
            self._dependency(chart, dependency, held.get(dependency.name), called, targets, depth)
        for name, path in held.items():
            if path.endswith(".tgz"):
                self.origins.setdefault(f"{called}/charts/{name}", Origin(package=chart.folder))
            elif depth < DEEPEST:
                self._settle(chart_at(path), f"{called}/charts/{name}", path, targets, depth)

    def _settle(self, chart: Chart, called: str, path: str, targets: tuple[str, str], depth: int) -> None:
        """Note a chart that is copied already, with those that it names in turn."""
        self.origins.setdefault(called, Origin(folder=path))
        entry = os.path.join("charts", os.path.basename(path))
        inner = (os.path.join(targets[0], entry), os.path.join(targets[1], entry))
        held = brought(path)
        for dependency in chart.dependencies:
            self._dependency(chart, dependency, held.get(dependency.name), called, inner, depth + 1)
        for name, below in held.items():
            if not below.endswith(".tgz") and depth < DEEPEST:
                self._settle(chart_at(below), f"{called}/charts/{name}", below, inner, depth + 1)

    def _dependency(  # noqa: PLR0913, PLR0917 - where it is named, where it is, where it goes
        self,
        chart: Chart,
        dependency: Dependency,
        held: str | None,
        called: str,
        targets: tuple[str, str],
        depth: int,
    ) -> None:
        names = [f"{called}/charts/{name}" for name in (dependency.name, dependency.alias) if name]
        if held is None and (folder := local_folder(chart, dependency)) is not None:
            inner = os.path.join("charts", dependency.name)
            self.chart(
                chart_at(folder),
                names[0],
                (os.path.join(targets[0], inner), os.path.join(targets[1], inner)),
                depth + 1,
            )
            origin = Origin(folder=folder)
        elif held is None:
            self.missing.append(dependency.name)
            return
        elif held.endswith(".tgz"):
            origin = Origin(package=chart.folder, line=dependency.line)
        else:
            origin = Origin(folder=held)
        self.origins.update(dict.fromkeys(names, origin))

    def _copy(self, path: str, inner: str, targets: tuple[str, str]) -> None:
        self.files += 1
        self.bytes += os.path.getsize(path)  # noqa: PTH202 - as above
        if self.files > MOST or self.bytes > LARGEST:
            raise UnstagedError(f"it has more than {MOST:,} files or {LARGEST:,} bytes")
        data = Path(path).read_bytes()
        twin = data
        if "templates/" in f"/{inner}" and inner.endswith((".yaml", ".yml")):
            number = self.numbers.setdefault(path, len(self.numbers) + 1)
            twin = marked(data.decode("utf-8", "surrogateescape"), number).encode("utf-8", "surrogateescape")
        for target, content in zip(targets, (data, twin), strict=True):
            to = Path(target, inner)
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(content)


def _files(folder: str) -> Iterator[tuple[str, str]]:
    """Give each file of a chart with its path inside; links lead to what they name, as Helm follows them."""
    for seen, (here, folders, names) in enumerate(os.walk(folder, followlinks=True)):
        folders[:] = sorted(name for name in folders if name not in {".git", "node_modules"})
        if seen > MOST:
            raise UnstagedError(f"it has more than {MOST:,} folders")
        for name in sorted(names):
            path = os.path.join(here, name)
            if os.path.isfile(path):
                yield path, os.path.relpath(path, folder)
