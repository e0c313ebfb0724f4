"""Render charts: each with its own values, with each values file beside them, and as others release it."""

import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import msgspec

from fairway.core.errors import Problem
from fairway.estate.composed import Composed
from fairway.estate.documents import objects
from fairway.estate.helm.chart import CHART, Chart, values_files
from fairway.estate.helm.lines import Part, at_home, beginning, parts
from fairway.estate.helm.releasing import Release
from fairway.estate.helm.running import Output, rendered
from fairway.estate.helm.staging import Origin, Staged, UnstagedError, stage
from fairway.estate.kustomize.values import put
from fairway.estate.node import Origin as Place
from fairway.estate.resource import Resource, resource
from fairway.estate.unknown import Unknown
from fairway.yaml.reader import Mapping, read_documents

AT: Final = re.compile(r"([^\s():]+/templates/[^\s():]+)(?::(\d+))?")


class Rendering:
    """All charts that are rendered in one run."""

    def __init__(self, helm: str, shown: Callable[[str], str], found: Sequence[str]) -> None:
        """Use the program *helm*; *shown* names a path as the user knows it, *found* are all files of the estate."""
        self._helm = helm
        self._shown = shown
        self._found = found

    def charts(self, charts: Iterable[Chart], released: Iterable[tuple[Chart, Release]]) -> Iterator[Composed]:
        """Render each chart in all its ways, several at a time."""
        every = {chart.folder: (chart, [*_ways(chart)]) for chart in charts}
        for chart, release in released:
            if chart.folder in every:
                every[chart.folder][1].append(release)
        with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
            for found in pool.map(lambda one: self.chart(*one), every.values()):
                yield from found

    def chart(self, chart: Chart, releases: Sequence[Release]) -> list[Composed]:
        """Render one chart in these ways; a library gives nothing but its files, which others render."""
        if chart.library:
            return [_nameless(self._files(chart, releases))]
        with tempfile.TemporaryDirectory(prefix="fairway-helm-") as folder:
            try:
                staged = stage(chart, folder)
            except UnstagedError as error:
                return [self._unknown(chart, releases[0], str(error))]
            if staged.missing:
                names = ", ".join(dict.fromkeys(staged.missing))
                return [self._unknown(chart, releases[0], f"its charts/ lacks what it depends on: {names}")]
            outputs = [self._rendered(staged, folder, release) for release in releases]
        some = any(not plain.fault for plain, _ in outputs)
        return [
            self._composed(chart, staged, release, plain.text, twin.text)
            if not plain.fault
            else self._unknown(chart, release, plain.fault, staged, base=some and not release.label)
            for release, (plain, twin) in zip(releases, outputs, strict=True)
        ]

    def _rendered(self, staged: Staged, folder: str, release: Release) -> tuple[Output, Output]:
        words = ["--namespace", release.namespace] if release.namespace else []
        texts = [Path(path).read_bytes() for path in release.values]
        texts += [release.text.encode()] if release.text else []
        for number, text in enumerate(texts):
            path = Path(folder, f"{number}.yaml")
            path.write_bytes(text)
            words += ["--values", str(path)]
        for pair in release.pairs:
            words += pair
        plain = rendered(self._helm, folder, [release.name, staged.plain, *words])
        if plain.fault:
            said = plain.fault.replace(f"{folder}/", "")
            return msgspec.structs.replace(plain, fault=said), Output()
        return plain, rendered(self._helm, folder, [release.name, staged.marked, *words])

    def _name(self, chart: Chart, release: Release) -> str:
        folder = self._shown(chart.folder)
        return f"{folder} ({release.label})" if release.label else folder

    def _files(self, chart: Chart, releases: Sequence[Release]) -> frozenset[str]:
        values = {path for release in releases for path in release.values}
        return frozenset(path for path in self._found if path in values or chart.makes(path))

    def _composed(self, chart: Chart, staged: Staged, release: Release, plain: str, twin: str) -> Composed:
        malformed: set[Problem] = set()
        problems: set[Problem] = set()
        found: list[Resource] = []
        for part in parts(plain, twin, lambda source: staged.numbers.get(_place(source, staged.origins)[0], 0)):
            found += self._resources(part, staged, release.namespace, problems, malformed)
        files = self._files(chart, [release])
        return Composed(
            name=self._name(chart, release),
            tool="Helm",
            files=files,
            shown=frozenset(map(self._shown, files)),
            resources=tuple(found),
            problems=frozenset(problems),
            malformed=malformed,
        )

    def _resources(
        self, part: Part, staged: Staged, namespace: str, problems: set[Problem], malformed: set[Problem]
    ) -> Iterator[Resource]:
        """Take the objects of what one template gave."""
        path, only = _place(part.source, staged.origins)
        shown = self._shown(path)
        template = _lines(path)
        if only:
            part = msgspec.structs.replace(part, places=())
        first = only or beginning(template, [place for place in part.places if place])
        documents = read_documents(part.text, shown)
        noted: set[Problem] = set()
        for one in objects(documents, Place(shown, noted)):
            value = at_home(one, part, template, first)
            assert isinstance(value, Mapping)
            if namespace:
                _settle(value, namespace)
            yield resource(value, Place(shown, malformed))
        for problem in (*documents.problems, *noted):
            line = part.places[problem.line - 1] if 0 < problem.line <= len(part.places) else 0
            says = f"as rendered, {problem.says}"
            problems.add(msgspec.structs.replace(problem, line=line or first, says=says))

    def _unknown(
        self, chart: Chart, release: Release, why: str, staged: Staged | None = None, *, base: bool = False
    ) -> Composed:
        """Say that a chart does not render, where helm points to if it does."""
        what = "a Helm chart"
        path, line = release.file or next(iter(release.values), os.path.join(chart.folder, CHART)), release.line  # noqa: PTH118 - a text
        if staged is not None and (at := AT.search(why)):
            what = "in a Helm chart"
            path, line = _place(at[1], staged.origins)
            line = min(line or int(at[2] or 0), len(_lines(path)))
        says = f"{what} that does not render: {why}"
        name = self._name(chart, release)
        alone = f"{name} with its own values alone" if base else ""  # what is released has more
        unknown = Unknown(file=self._shown(path), line=line, resource=alone, says=says, tried=True)
        return _nameless(self._files(chart, [release]) if base else frozenset(), unknown)


def _nameless(files: frozenset[str], *unknown: Unknown) -> Composed:
    """Make what is no system: files that are done with, and what is unknown of others."""
    return Composed(
        name="", tool="Helm", files=files, shown=frozenset(), resources=(), malformed=set(), unknown=unknown
    )


def _ways(chart: Chart) -> Iterator[Release]:
    yield Release(name=chart.release)
    for path in values_files(chart.folder):
        label = os.path.relpath(path, chart.folder)
        yield Release(label=label, name=chart.release, values=(path,))


def _settle(value: Mapping, namespace: str) -> None:
    """Give an object the namespace of its release, where its template names none."""
    metadata = value.get("metadata")
    if isinstance(metadata, Mapping) and not metadata.get("namespace"):
        put(metadata, "namespace", namespace, metadata.line)


def _place(source: str, origins: dict[str, Origin]) -> tuple[str, int]:
    """Give the file that a template is, or Chart.yaml and the line there that brings the package that it is in."""
    chart, inner = source, ""
    while chart not in origins and "/" in chart:
        chart, _, last = chart.rpartition("/")
        inner = f"{last}/{inner}" if inner else last
    origin = origins[chart] if chart in origins else next(iter(origins.values()))
    if origin.package:
        return os.path.join(origin.package, CHART), origin.line  # noqa: PTH118 - a text
    path = os.path.join(origin.folder, inner)  # noqa: PTH118 - a text
    return (path, 0) if os.path.isfile(path) else (os.path.join(origin.folder, CHART), 1)  # noqa: PTH113, PTH118 - a text


def _lines(path: str) -> tuple[str, ...]:
    try:
        return tuple(Path(path).read_bytes().decode("utf-8", "replace").split("\n"))
    except OSError:
        return ()
