"""Find who releases a chart of the estate, and with what values: applications of Argo CD, releases of Flux."""

import json
import os
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from fairway.estate.helm.chart import Chart
from fairway.yaml.reader import Mapping, Sequence, Value

# Paths are texts throughout, as there are many.
# ruff: noqa: PTH113, PTH118

SIGNS: Final = (b"argoproj.io", b"helm.toolkit.fluxcd.io")  # one of which stands in every file that releases something
_ARGO: Final = frozenset(
    "ignoreMissingValueFiles namespace parameters passCredentials releaseName skipCrds skipTests valueFiles values "  # noqa: SIM905 - words read better without quotes
    "valuesObject version".split()
)
_FLUX: Final = frozenset({"postRenderers", "valuesFrom"})  # what nobody knows from these files, or what changes it


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """One way in which a chart is installed."""

    label: str = ""  # what tells it from others of the same chart; empty: the chart's own values
    name: str
    namespace: str = ""
    values: tuple[str, ...] = ()  # absolute paths of files
    text: str = ""  # values that stand in no file of their own, after the files
    pairs: tuple[tuple[str, str], ...] = ()  # single values after all others, each with helm's option for it
    file: str = ""  # the absolute path of what says so
    line: int = 0


def releases(objects: Iterable[tuple[str, Mapping]], charts: Iterable[Chart]) -> Iterator[tuple[Chart, Release]]:
    """Give each chart that is released by one of the *objects*, which come with their files, and how.

    What says more than can be followed is left out, and stays unknown.
    """
    known = [*charts]
    for path, value in objects:
        kind, group = value.get("kind"), str(value.get("apiVersion")).partition("/")[0]
        spec, metadata = _map(value, "spec"), _map(value, "metadata")
        if kind == "Application" and group == "argoproj.io":
            rows = spec.get("sources")
            sources = [*rows] if isinstance(rows, Sequence) else [spec.get("source")]
            found = [_argo(one, spec, metadata, known) for one in sources if isinstance(one, Mapping)]
        elif kind == "HelmRelease" and group == "helm.toolkit.fluxcd.io":
            found = [_flux(spec, metadata, known)]
        else:
            continue
        for chart, release in filter(None, found):
            label = f"{kind} {_text(metadata, 'name')}"
            line = int(value.lines["kind"])
            yield chart, msgspec.structs.replace(release, label=label, file=path, line=line)


def _argo(source: Mapping, spec: Mapping, metadata: Mapping, charts: list[Chart]) -> tuple[Chart, Release] | None:
    chart = _chart(_text(source, "path"), charts)
    helm = _map(source, "helm")
    if chart is None or "chart" in source or not helm.keys() <= _ARGO:
        return None
    values = _files(helm.get("valueFiles"), chart.folder, optional=helm.get("ignoreMissingValueFiles") is True)
    pairs = _pairs(helm.get("parameters"))
    if values is None or pairs is None:
        return None
    given = helm.get("valuesObject")
    text = json.dumps(given) if isinstance(given, Mapping) else _text(helm, "values")
    name = _text(helm, "releaseName") or _text(metadata, "name")
    namespace = _text(helm, "namespace") or _text(_map(spec, "destination"), "namespace")
    return chart, Release(name=name, namespace=namespace, values=values, text=text, pairs=pairs)


def _flux(spec: Mapping, metadata: Mapping, charts: list[Chart]) -> tuple[Chart, Release] | None:
    template = _map(_map(spec, "chart"), "spec")
    chart = _chart(_text(template, "chart"), charts)
    if chart is None or _text(_map(template, "sourceRef"), "kind") == "HelmRepository" or spec.keys() & _FLUX:
        return None
    # Flux names these from the root of the source, whose place is where the chart's own path begins.
    root = chart.folder.removesuffix(os.path.normpath(_text(template, "chart")).strip("/"))
    values = _files(template.get("valuesFiles"), root, optional=template.get("ignoreMissingValuesFiles") is True)
    if values is None:
        return None
    target = _text(spec, "targetNamespace")
    name = _text(spec, "releaseName") or "-".join(filter(None, (target, _text(metadata, "name"))))
    text = json.dumps(spec["values"]) if isinstance(spec.get("values"), Mapping) else ""
    return chart, Release(name=name, namespace=target or _text(metadata, "namespace"), values=values, text=text)


def _chart(path: str, charts: list[Chart]) -> Chart | None:
    """Find the one chart that a path from the root of some repository names."""
    wanted = os.path.normpath(path).strip("/")
    found = [chart for chart in charts if path and f"{chart.folder}/".endswith(f"/{wanted}/")]
    return found[0] if len(found) == 1 else None


def _files(listed: Value, folder: str, *, optional: bool) -> tuple[str, ...] | None:
    """Give the absolute paths of values files; none where one of them cannot be found from here."""
    found = []
    for name in listed if isinstance(listed, Sequence) else ():
        path = os.path.normpath(os.path.join(folder, str(name)))
        if os.path.isfile(path) and not str(name).startswith("/"):
            found.append(path)
        elif not optional:
            return None
    return tuple(found)


def _pairs(listed: Value) -> tuple[tuple[str, str], ...] | None:
    found = []
    for entry in listed if isinstance(listed, Sequence) else ():
        if not isinstance(entry, Mapping):
            return None
        value = str(entry.get("value")).replace(",", "\\,")
        found.append(("--set-string" if entry.get("forceString") is True else "--set", f"{entry.get('name')}={value}"))
    return tuple(found)


def _map(value: Mapping, key: str) -> Mapping:
    found = value.get(key)
    return found if isinstance(found, Mapping) else Mapping()


def _text(value: Mapping, key: str) -> str:
    found = value.get(key)
    return found if isinstance(found, str) else ""
