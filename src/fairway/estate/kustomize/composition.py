"""Carry out kustomizations as kubectl would, and keep for every key the file and line where it was written."""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import msgspec

from fairway.core.errors import Problem
from fairway.estate.composed import Composed
from fairway.estate.files import KUSTOMIZATIONS
from fairway.estate.kustomize.generating import generate, merge_into
from fairway.estate.kustomize.item import Item, Target
from fairway.estate.kustomize.merging import PatchError, merged, operate, operations
from fairway.estate.kustomize.references import bring_up_to_date
from fairway.estate.kustomize.replacing import replace
from fairway.estate.kustomize.transforming import (
    set_annotations,
    set_image,
    set_labels,
    set_names,
    set_namespace,
    set_replicas,
)
from fairway.estate.kustomize.values import copied, mapping, moved
from fairway.estate.unknown import Unknown
from fairway.yaml.reader import Mapping, Sequence, Value, read_documents

PLAIN: Final = frozenset({"apiVersion", "kind", "metadata", "resources", "bases"})
DONE: Final = PLAIN | frozenset(
    "annotations commonAnnotations commonLabels components configMapGenerator generatorOptions images labels "  # noqa: SIM905 - words read better without quotes
    "namePrefix nameSuffix namespace patches patchesJson6902 patchesStrategicMerge replacements replicas "
    "secretGenerator sortOptions buildMetadata helmCharts helmGlobals".split()
)
REMOTE: Final = re.compile(r"://|[?&]ref=|^git@|^[\w-]+\.[\w.-]+[/:]")  # what kustomize would fetch
DEEPEST: Final = 64  # kustomizations within one another
BUILT_IN: Final = ("apps", "batch", "autoscaling", "policy", "extensions", "")


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """How files are reached."""

    shown: Callable[[str], str]  # a path as the user knows it
    content: Callable[[str, set[Problem]], bytes | None]  # none: it cannot be read, which is noted
    objects: Callable[[str, set[Problem]], Iterable[Mapping]]  # in a file; what is malformed is noted
    chart: Callable[[Mapping, Mapping, str], Composed | None]  # of helmCharts, in such a file of such a folder


class Composition:
    """What one kustomization gives, with all that it includes."""

    def __init__(self, folder: str, sources: Sources) -> None:
        """Compose the folder at this absolute path."""
        self.folder = folder
        self.files: set[str] = set()
        self.problems: set[Problem] = set()
        self.malformed: set[Problem] = set()  # grows while its objects are looked into
        self.unknown: list[Unknown] = []
        self.composes = False
        self._sources = sources
        self._depth = 0
        self.items = self._accumulated(folder, [])
        bring_up_to_date(self.items)

    @property
    def name(self) -> str:
        """Name it by its folder, as shown."""
        return self._sources.shown(self.folder)

    @property
    def shown_files(self) -> frozenset[str]:
        """Name all files that it is composed of, as shown."""
        return frozenset(map(self._sources.shown, self.files))

    def _accumulated(self, folder: str, before: list[Item]) -> list[Item]:
        """Give *before* and all that a folder's kustomization adds, with what it changes changed."""
        path = kustomization_in(folder)
        assert path is not None, "it was looked for"
        self.files.add(path)
        shown = self._sources.shown(path)
        data = self._sources.content(path, self.problems)
        documents = read_documents(data, shown) if data is not None else None
        value = next((one.value for one in documents.documents), None) if documents else None
        if documents:
            self.problems.update(documents.problems)
        if not isinstance(value, Mapping):
            return before
        assert data is not None, "there is a value"
        return _Step(self, folder, shown, value, data).carried_out(before)

    def below(self, folder: str, items: list[Item]) -> list[Item]:
        """Go one kustomization deeper."""
        self._depth += 1
        try:
            return self._accumulated(folder, items)
        finally:
            self._depth -= 1

    @property
    def too_deep(self) -> bool:
        """Tell whether kustomizations include one another without end."""
        return self._depth >= DEEPEST

    @property
    def sources(self) -> Sources:
        """Say how files are reached."""
        return self._sources


class _Step:
    """One kustomization file, carried out."""

    def __init__(self, whole: Composition, folder: str, shown: str, said: Mapping, data: bytes) -> None:
        self.whole, self.folder, self.shown, self.said, self.data = whole, folder, shown, said, data

    def carried_out(self, before: list[Item]) -> list[Item]:
        said = self.said
        component = said.get("kind") == "Component"
        self.whole.composes = self.whole.composes or not said.keys() <= PLAIN
        items = list(before) if component else []
        for key in ("resources", "bases"):
            for name, line in self._texts(key):
                items += self._resource(name, line)
        self._generate(items)
        for entry in self._mappings("helmCharts"):
            self._inflate(items, entry)
        for name, line in self._texts("components"):
            folder = self._absolute(name)
            if kustomization_in(folder) is None:
                self._elsewhere(name, line, "component")
            elif not self._endless(line):
                items = self.whole.below(folder, items)
        self._transform(items)
        for key in said:
            if key not in DONE:
                says = f"what '{key}' of {self.shown} makes, which is not carried out here"
                self.whole.unknown.append(Unknown(file=self.shown, line=said.lines[key], says=says))
        return items

    # What there is

    def _resource(self, name: str, line: int) -> list[Item]:
        path = self._absolute(name)
        if os.path.isdir(path):  # noqa: PTH112 - paths are texts throughout, as there are many
            if kustomization_in(path) is None:
                self._fault(line, f"'{name}' is a folder without a kustomization.", "Name its files, or add one.")
                return []
            return [] if self._endless(line) else self.whole.below(path, [])
        if not os.path.isfile(path):  # noqa: PTH113 - as above
            self._elsewhere(name, line, "resource")
            return []
        self.whole.files.add(path)
        shown = self.whole.sources.shown(path)
        found = self.whole.sources.objects(path, self.whole.problems)
        return [Item(value, shown) for one in found if _is_item(value := _copy(one))]

    def _endless(self, line: int) -> bool:
        if self.whole.too_deep:
            self._fault(line, "kustomizations include one another without end.", "Break the circle.")
        return self.whole.too_deep

    def _elsewhere(self, name: str, line: int, what: str) -> None:
        if (
            "://" in name
            or "?ref=" in name
            or name.startswith("git@")
            or name.partition("/")[0].count(".") > 0 < name.find("/")
        ):
            remote = Unknown(file=self.shown, line=line, resource=name, says=f"a {what} from elsewhere, not fetched")
            self.whole.unknown.append(remote)
        else:
            self._fault(line, f"{what} '{name}' is not there.", "Correct its path, or take it out.")

    def _generate(self, items: list[Item]) -> None:
        options = self.said.get("generatorOptions")
        common = options if isinstance(options, Mapping) else mapping(0)
        for key, kind in (("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")):
            for entry in self._mappings(key):
                made = generate(entry, kind, self.shown, common, self._content)
                if not merge_into(items, made, str(entry.get("behavior") or "create")):
                    self._not_there(entry.line, f"there is no {kind} '{made.name}' to change.", "Correct its name.")

    def _inflate(self, items: list[Item], entry: Mapping) -> None:
        if (made := self.whole.sources.chart(entry, self.said, self.folder)) is None:
            says = f"what the chart '{entry.get('name')}' of 'helmCharts' makes, which is not rendered here"
            self.whole.unknown.append(Unknown(file=self.shown, line=int(entry.line), says=says))
            return
        self.whole.files |= made.files
        self.whole.problems |= made.problems
        self.whole.unknown += made.unknown
        items += (Item(one.root.value, one.file) for one in made.resources if _is_item(one.root.value))

    def _content(self, name: str, line: int) -> bytes | None:
        path = self._absolute(name)
        if not os.path.isfile(path):  # noqa: PTH113 - as above
            self._fault(line, f"'{name}' is not there.", "Correct its path, or take it out.")
            return None
        self.whole.files.add(path)
        return self.whole.sources.content(path, self.whole.problems)

    # What changes

    def _transform(self, items: list[Item]) -> None:
        said = self.said
        self._patch_merge(items)
        for entry in self._mappings("patches"):
            self._patch(items, entry)
        if said.get("namespace"):
            set_namespace(items, str(said["namespace"]), self._line("namespace"))
        prefix, suffix = str(said.get("namePrefix") or ""), str(said.get("nameSuffix") or "")
        if prefix or suffix:
            set_names(items, prefix, suffix, self._line("namePrefix" if prefix else "nameSuffix"))
        self._label(items)
        if isinstance(annotations := said.get("commonAnnotations"), Mapping):
            set_annotations(items, moved_mapping(annotations, self.shown))
        for entry in self._mappings("patchesJson6902"):
            self._patch(items, entry)
        for entry in self._mappings("replicas"):
            if not set_replicas(items, entry):
                self._not_there(entry.line, f"nothing named '{entry.get('name')}' has replicas.", "Correct the name.")
        for entry in self._mappings("images"):
            set_image(items, entry)
        for entry in self._mappings("replacements"):
            self._replace(items, entry)

    def _label(self, items: list[Item]) -> None:
        if isinstance(common := self.said.get("commonLabels"), Mapping):
            set_labels(items, moved_mapping(common, self.shown), selectors=True, templates=True)
        for entry in self._mappings("labels"):
            if isinstance(pairs := entry.get("pairs"), Mapping):
                selectors = entry.get("includeSelectors") is True
                set_labels(items, pairs, selectors=selectors, templates=entry.get("includeTemplates") is True)

    def _patch_merge(self, items: list[Item]) -> None:
        merges = ("patchesStrategicMerge", "patches")  # a text under 'patches' is what its name was before version 3
        for name, line in (one for key in merges for one in self._texts(key)):
            text = name if "\n" in name else None
            self._apply(items, self._documents(text, None if text else name, line), None, line)

    def _patch(self, items: list[Item], entry: Mapping) -> None:
        target = entry.get("target")
        text, path = entry.get("patch"), entry.get("path")
        line = entry.lines.get("patch" if text else "path", entry.line)
        documents = self._documents(
            text if isinstance(text, str) else None, path if isinstance(path, str) else None, line
        )
        self._apply(items, documents, Target(target) if isinstance(target, Mapping) else None, line)

    def _documents(self, text: str | None, path: str | None, line: int) -> list[Value]:
        """Read patches, with each line as one of the file that it stands in."""
        if text is not None:
            found, shown = read_documents(text, self.shown), self.shown
            place = self._place_in(text, int(line))
        else:
            data = self._content(path or "", line)
            shown, place = self.whole.sources.shown(self._absolute(path or "")), int
            found = read_documents(data or b"", shown)
        self.whole.problems.update(
            msgspec.structs.replace(problem, line=place(problem.line)) for problem in found.problems
        )
        return [moved(one.value, shown, place) for one in found.documents if one.value is not None]

    def _place_in(self, text: str, line: int) -> Callable[[int], int]:
        """Tell where the lines of a text stand that is given at *line*: below its key in a block, else all there."""
        wanted = [one.strip() for one in text.rstrip().split("\n")]
        there = [one.strip() for one in self.data.decode("utf-8", "replace").splitlines()[line : line + len(wanted)]]
        return line.__add__ if there == wanted else lambda _: line

    def _apply(self, items: list[Item], documents: list[Value], target: Target | None, line: int) -> None:
        for patch in documents:
            try:
                if isinstance(patch, Sequence):
                    self._apply_json(items, patch, target, line)
                elif isinstance(patch, Mapping):
                    self._apply_merge(items, patch, target, line)
            except PatchError as error:
                self._fault(line, f"this patch does not fit: {error}.", "Correct it; kubectl refuses it, too.")

    def _apply_json(self, items: list[Item], patch: Sequence, target: Target | None, line: int) -> None:
        steps = list(operations(patch))
        if target is None:
            self._fault(line, "this JSON patch says not for what it is.", "Give it a target.")
            return
        for item in [item for item in items if target.fits(item)]:
            for step in steps:
                operate(item.value, step)
            item.renamed()

    def _apply_merge(self, items: list[Item], patch: Mapping, target: Target | None, line: int) -> None:
        meant = [item for item in items if target.fits(item)] if target else _named(items, patch)
        if not meant and target is None:
            metadata = patch.get("metadata")
            name = metadata.get("name") if isinstance(metadata, Mapping) else None
            self._not_there(
                line, f"no {patch.get('kind')} '{name}' is there for this patch.", "Correct its kind or name."
            )
        for item in meant:
            wanted = copied(patch)
            assert isinstance(wanted, Mapping)
            _without_identity(wanted)
            if merged(item.value, wanted, known=_is_built_in(item)) is None:
                items.remove(item)

    def _replace(self, items: list[Item], entry: Mapping) -> None:
        entries = [entry]
        if isinstance(path := entry.get("path"), str):
            found = self._documents(None, path, entry.line)
            rows = [row for one in found for row in (one if isinstance(one, Sequence) else [one])]
            entries = [one for one in rows if isinstance(one, Mapping)]
        for one in entries:
            try:
                replace(items, one)
            except (PatchError, ValueError) as error:
                self._fault(entry.line, f"this replacement does not fit: {error}.", "Correct it.")

    # Reading

    def _absolute(self, name: str) -> str:
        return os.path.normpath(os.path.join(self.folder, name))  # noqa: PTH118 - as above

    def _texts(self, key: str) -> list[tuple[str, int]]:
        value = self.said.get(key)
        if not isinstance(value, Sequence):
            return []
        return [(item, line) for item, line in zip(value, value.lines, strict=True) if isinstance(item, str)]

    def _mappings(self, key: str) -> Iterator[Mapping]:
        value = self.said.get(key)
        for item in value if isinstance(value, Sequence) else ():
            if isinstance(item, Mapping):
                yield moved_mapping(item, self.shown)

    def _line(self, key: str) -> int:
        return moved_mapping(self.said, self.shown).lines[key]

    def _not_there(self, line: int, says: str, fix: str) -> None:
        """Note what is missing, unless it may come from elsewhere, or be made by what is not carried out here."""
        if not self.whole.unknown and self.said.keys() <= DONE:
            self._fault(line, says, fix)

    def _fault(self, line: int, says: str, fix: str) -> None:
        self.whole.problems.add(Problem(file=self.shown, line=int(line), says=says, fix=fix))


def kustomization_in(folder: str) -> str | None:
    """Give the path of a folder's kustomization file."""
    for name in sorted(KUSTOMIZATIONS):
        path = os.path.join(folder, name)  # noqa: PTH118 - as above
        if os.path.isfile(path):  # noqa: PTH113 - as above
            return path
    return None


def moved_mapping(value: Mapping, file: str) -> Mapping:
    """Copy a mapping, with every line as one of *file*."""
    twin = moved(value, file)
    assert isinstance(twin, Mapping)
    return twin


def _copy(value: Mapping) -> Mapping:
    twin = copied(value)
    assert isinstance(twin, Mapping)
    return twin


def _is_item(value: Mapping) -> bool:
    return isinstance(value.get("metadata"), Mapping) and isinstance(value.get("kind"), str)


def _is_built_in(item: Item) -> bool:
    return item.group in BUILT_IN or item.group.endswith(".k8s.io")


def _named(items: list[Item], patch: Mapping) -> list[Item]:
    metadata = patch.get("metadata")
    if not isinstance(metadata, Mapping):
        return []
    group = str(patch.get("apiVersion") or "").rpartition("/")[0]
    kind, name, home = str(patch.get("kind")), str(metadata.get("name")), str(metadata.get("namespace") or "")
    found = [item for item in items if item.is_called(kind, name, home, group)]
    if found or home:
        return found
    anywhere = [item for item in items if item.kind == kind and any(name == had for _, had in item.names)]
    return anywhere if len(anywhere) == 1 else []


def _without_identity(patch: Mapping) -> None:
    """Leave an object its name: a patch says it only to find the object."""
    for key in ("apiVersion", "kind"):
        patch.pop(key, None)
        patch.lines.pop(key, None)
    metadata = patch.get("metadata")
    if isinstance(metadata, Mapping):
        for key in ("name", "namespace"):
            metadata.pop(key, None)
            metadata.lines.pop(key, None)
