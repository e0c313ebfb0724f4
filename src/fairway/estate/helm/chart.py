"""What a folder that holds a Helm chart consists of, as far as that can be told without Helm."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from fairway.yaml.reader import Mapping as Map
from fairway.yaml.reader import Sequence, Value, read_document

# Paths are texts throughout, as there are many.
# ruff: noqa: PTH113, PTH118, PTH119, PTH120, PTH208

CHART: Final = "Chart.yaml"
OWN: Final = frozenset({CHART, "Chart.lock", "requirements.yaml", "values.yaml", "values.schema.json"})
ENVIRONMENTS: Final = ("environments", "envs", "env", "values")  # folders of values files
MOST: Final = 20  # values files of one chart
_VALUES: Final = re.compile(r"values[-_.][^/]+\.ya?ml|[^/]+[-_.]values\.ya?ml")
_RENDERED: Final = re.compile(r"(?:charts/[^/]+/)*templates/")
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,51}[a-z0-9])?")  # that a release may have


class Dependency(msgspec.Struct, frozen=True, kw_only=True):
    """Another chart that a chart brings along."""

    name: str
    alias: str
    repository: str
    line: int  # in Chart.yaml


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """One chart."""

    folder: str  # absolute
    name: str
    library: bool  # renders nothing by itself
    dependencies: tuple[Dependency, ...]

    @property
    def release(self) -> str:
        """Name a release of it: names that the templates make of both say the chart's name once."""
        return self.name if _NAME.fullmatch(self.name) else "release"

    def makes(self, path: str) -> bool:
        """Tell whether Helm reads the file at this absolute path to render the chart."""
        inner = os.path.relpath(path, self.folder)
        return not inner.startswith("..") and (inner in OWN or _RENDERED.match(inner) is not None)


def chart_at(folder: str) -> Chart:
    """Read a chart's own description; where that is broken, Helm says so itself."""
    try:
        with open(os.path.join(folder, CHART), "rb") as file:  # noqa: PTH123 - as above
            said = read_document(file.read(), CHART)[0].value
    except OSError:
        said = None
    values = said if isinstance(said, Map) else Map()
    return Chart(
        folder=folder,
        name=_text(values.get("name")) or os.path.basename(folder),
        library=values.get("type") == "library",
        dependencies=tuple(_dependencies(values.get("dependencies"))),
    )


def _dependencies(listed: Value) -> Iterator[Dependency]:
    for entry, line in zip(listed, listed.lines, strict=True) if isinstance(listed, Sequence) else ():
        if isinstance(entry, Map) and (name := _text(entry.get("name"))):
            repository = _text(entry.get("repository"))
            yield Dependency(name=name, alias=_text(entry.get("alias")), repository=repository, line=line)


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ""


def chart_folders(paths: Iterable[str]) -> tuple[str, ...]:
    """Name the folders of charts among files, without those that another chart holds."""
    folders = {os.path.dirname(path) for path in paths if os.path.basename(path) == CHART}
    return tuple(sorted(one for one in folders if not _within_another(one, folders)))


def _within_another(folder: str, folders: set[str]) -> bool:
    above, name = os.path.split(folder)
    while name:
        if name == "charts" and above in folders:
            return True
        above, name = os.path.split(above)
    return False


def values_files(folder: str) -> list[str]:
    """Find the values files beside a chart's own by their names: one for each environment, as people lay them out."""
    found = [name for name in _entries(folder) if _VALUES.fullmatch(name) and name not in OWN]
    for environment in ENVIRONMENTS:
        inside = _entries(os.path.join(folder, environment))
        found += [f"{environment}/{name}" for name in inside if name.endswith((".yaml", ".yml"))]
    return [path for name in found if os.path.isfile(path := os.path.join(folder, name))][:MOST]


def local_folder(chart: Chart, dependency: Dependency) -> str | None:
    """Give the folder on this machine that a dependency names as its repository, where there is a chart in it."""
    way = dependency.repository.removeprefix("file://")
    folder = os.path.normpath(os.path.join(chart.folder, way))
    return folder if way != dependency.repository and os.path.isfile(os.path.join(folder, CHART)) else None


def brought(folder: str) -> Mapping[str, str]:
    """Give the charts in a chart's charts/ by their names: a folder each, or a package that holds one."""
    inside = os.path.join(folder, "charts")
    found: dict[str, str] = {}
    for entry in _entries(inside):
        path = os.path.join(inside, entry)
        if os.path.isfile(os.path.join(path, CHART)):
            found[chart_at(path).name] = path
        elif package := re.fullmatch(r"(.+?)-v?\d+\..*\.tgz", entry):
            found.setdefault(package[1], path)
    return found


def _entries(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
