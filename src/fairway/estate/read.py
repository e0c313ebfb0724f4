"""Read anybody's files into one estate. Nothing that is found is dropped without being counted."""

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISREG

import msgspec

from fairway.core.errors import Problem
from fairway.estate.composed import Composed
from fairway.estate.dockerfile import Dockerfile, is_dockerfile, parse
from fairway.estate.documents import objects, signed, worth_reading
from fairway.estate.files import KUSTOMIZATIONS, SourceFile, find, in_chart, shown_name
from fairway.estate.helm.chart import chart_at, chart_folders
from fairway.estate.index import Estate
from fairway.estate.kustomize.composition import Composition, Sources
from fairway.estate.kustomize.surroundings import is_loose_patch, kustomizations
from fairway.estate.node import Origin
from fairway.estate.pipelines import Pipeline, hidden, pipeline
from fairway.estate.resource import Resource, resource
from fairway.estate.unknown import Counts, Unknown, elsewhere, reads
from fairway.yaml.reader import DEFAULT, Documents, Mapping, Value, read_documents


def read(paths: Iterable[Path]) -> Estate:
    """Read every manifest at *paths* as it is written, folders with all below them.

    What is wrong becomes a problem, never an error.
    """
    with _no_collecting():
        return _Reading(list(paths)).plain(frozenset(), ())


def compositions(paths: Iterable[Path], helm: str | None = None) -> tuple[Estate, ...]:
    """Read every manifest at *paths*: an estate for each system that is put together, and one for all other files.

    Kustomize's overlays are carried out here, Helm's charts by the program *helm*; without it they are unknown. Each
    estate sees the other files, too, as what stands around it.
    """
    with _no_collecting():
        reading = _Reading(list(paths))
        composed = reading.composed(helm)
        if helm is not None:
            composed += reading.charts(helm, composed)
        used = frozenset[str]().union(*(one.files for one in composed))
        return (reading.plain(used, composed), *reading.whole(composed))


@contextmanager
def _no_collecting() -> Iterator[None]:
    collecting = gc.isenabled()
    gc.disable()  # an estate holds no cycles worth finding while it grows; looking for some doubles the time
    try:
        yield
    finally:
        if collecting:
            gc.enable()


class _Reading:
    """The state of reading files."""

    def __init__(self, paths: list[Path]) -> None:
        found = find(paths)
        parted: dict[bool, list[SourceFile]] = {True: [], False: []}
        for file in found.files:
            parted[is_dockerfile(Path(file.path).name)].append(file)
        self.recipes = parted[True]
        self.found = msgspec.structs.replace(found, files=tuple(parted[False]))
        self.unreadable: set[Problem] = set(self.found.problems)
        self.malformed: set[Problem] = set()
        self.resources: list[Resource] = []
        self.unknown: list[Unknown] = []
        self.left_alone = self.patches = self.apart = 0
        self.theirs = [file for file in self.found.files if Path(file.path).name in KUSTOMIZATIONS]
        self.around = kustomizations(self.kustomization_files(self.theirs))
        self.shown = {file.path: file.shown for file in self.found.files}
        self.written: dict[str, Documents] = {}  # of files that compositions asked for; most ask for nothing else
        self.parsed: dict[str, tuple[Mapping, ...]] = {}
        self.faults: dict[str, set[Problem]] = {}
        self.pipelines: list[Pipeline] = []
        self.released: set[tuple[str, int]] = set()  # the files and lines of what is rendered with a chart

    def plain(self, used: frozenset[str], composed: Iterable[Composed]) -> Estate:
        """Read all files that nothing *composed* has *used*; the first composition is what stands around them."""
        composed = list(composed)
        self.unknown += (unknown for one in composed if not one.name for unknown in one.unknown)
        own = {file.path for file in self.theirs} | used
        files = [file for file in self.found.files if file.path not in own]
        asked_for = self.found.roots
        components = tuple(c for c in self.around.components if not any(f"{root}/".startswith(c) for root in asked_for))
        for file in files:
            self.file(file, components)
        recipes = tuple(self.dockerfiles())
        for path in hidden(asked_for):
            shown = shown_name(str(path))
            self.pipeline(str(path), shown, content(str(path), shown, self.unreadable) or b"")
        surroundings = next((one.resources for one in composed if one.name), ())
        return Estate(
            resources=(*self.resources, *surroundings),
            unreadable=frozenset(self.unreadable),
            malformed=self.malformed,
            unknown=tuple(self.unknown),
            counts=Counts(
                files=len(files) + len(used.difference(file.path for file in self.theirs)),
                kustomizations=len(self.theirs),
                left_alone=self.left_alone,
                patches=self.patches,
                components=self.apart,
            ),
            stable=self.stable,
            context=frozenset(item.file for item in surroundings),
            dockerfiles=recipes,
            pipelines=tuple(self.pipelines),
        )

    def whole(self, composed: Iterable[Composed]) -> Iterator[Estate]:
        """Give the estate of each composition."""
        context = frozenset(item.file for item in self.resources)
        for one in composed:
            if not one.name:
                continue
            unknown = (
                Unknown(file=r.file, line=r.root.line, resource=r.id, says=s)
                for r in one.resources
                if (s := elsewhere(r)) and not reads(r, self.shown)
            )
            yield Estate(
                resources=(*one.resources, *(item for item in self.resources if item.file not in one.shown)),
                unreadable=one.problems,
                malformed=one.malformed,
                unknown=(*one.unknown, *unknown),
                counts=Counts(files=len(one.files), kustomizations=0, left_alone=0, patches=0, components=0),
                stable=self.stable,
                name=one.name,
                tool=one.tool,
                context=context - one.shown,
            )

    def composed(self, helm: str | None) -> list[Composed]:
        """Carry out every kustomization that changes what it includes, and that no other one includes."""

        def chart(entry: Mapping, said: Mapping, folder: str) -> Composed | None:
            from fairway.estate.helm.inflating import inflated  # noqa: PLC0415 - few kustomizations have a chart
            from fairway.estate.helm.rendering import Rendering  # noqa: PLC0415 - likewise

            found = inflated(entry, said, folder) if helm is not None else None
            if helm is None or found is None:
                return None
            return Rendering(helm, self.name_of, tuple(self.shown)).chart(found[0], [found[1]])[0]

        sources = Sources(shown=self.name_of, content=self.read_content, objects=self.objects_of, chart=chart)
        every = (Composition(folder, sources) for folder in self.around.roots)
        return [
            Composed(
                name=one.name,
                tool="Kustomize",
                files=frozenset(one.files),
                shown=one.shown_files,
                resources=tuple(resource(item.value, Origin(item.file, one.malformed)) for item in one.items),
                problems=frozenset(one.problems),
                malformed=one.malformed,
                unknown=tuple(one.unknown),
            )
            for one in every
            if one.composes
        ]

    def charts(self, helm: str, composed: Iterable[Composed]) -> list[Composed]:
        """Render every chart by *helm*, which is asked only where there is one."""
        if not (folders := chart_folders(self.shown)):
            return []
        from fairway.estate.helm.releasing import SIGNS, releases  # noqa: PLC0415 - most estates have no chart
        from fairway.estate.helm.rendering import Rendering  # noqa: PLC0415 - likewise

        charts = [chart_at(folder) for folder in folders]
        used = frozenset[str]().union(
            *(one.files for one in composed), *([path for path in self.shown if chart.makes(path)] for chart in charts)
        )
        candidates = (path for path in self.shown if path not in used)
        released = [*releases(self.signed(candidates, SIGNS), charts)]
        self.released.update((self.name_of(one.file), one.line) for _, one in released)
        return [*Rendering(helm, self.name_of, tuple(self.shown)).charts(charts, released)]

    def signed(self, paths: Iterable[str], signs: tuple[bytes, ...]) -> Iterator[tuple[str, Mapping]]:
        """Give the objects of those files in which one of the *signs* stands."""
        for path in paths:
            data = self.read_content(path, set()) or b""
            if any(sign in data for sign in signs):
                yield from ((path, value) for value in self.objects_of(path, set()))

    @property
    def stable(self) -> dict[str, str]:
        """Give each file's name that is the same on every machine."""
        return {file.shown: file.stable for file in (*self.found.files, *self.recipes)}

    def dockerfiles(self) -> Iterator[Dockerfile]:
        """Read the Dockerfiles; what is none in spite of its name is left alone."""
        for file in self.recipes:
            if (data := content(file.path, file.shown, self.unreadable)) is not None:
                recipe = parse(data.decode("utf-8", "replace"), file.shown)
                if recipe is not None:
                    yield recipe
                else:
                    self.left_alone += 1

    def name_of(self, path: str) -> str:
        """Give the name of a path as shown."""
        return self.shown.get(path) or shown_name(path)

    def read_content(self, path: str, problems: set[Problem]) -> bytes | None:
        """Read a file's content; what is wrong is noted."""
        return content(path, self.name_of(path), problems)

    def objects_of(self, path: str, problems: set[Problem]) -> tuple[Mapping, ...]:
        """Read the objects of a file, once for all compositions."""
        if path not in self.parsed:
            noted: set[Problem] = set()
            shown = self.name_of(path)
            data = self.read_content(path, noted)
            documents = self.written[path] = read_documents(data or b"", shown)
            self.parsed[path] = tuple(objects(documents, Origin(shown, noted)))
            self.faults[path] = noted.union(documents.problems)
        problems.update(self.faults[path])
        return self.parsed[path]

    def kustomization_files(self, files: Iterable[SourceFile]) -> Iterator[tuple[str, Value]]:
        """Read the kustomization files; a broken one is a problem, as nobody can tell what it composes."""
        for file in files:
            if (data := content(file.path, file.shown, self.unreadable)) is not None:
                documents = read_documents(data, file.shown)
                self.unreadable.update(documents.problems)
                for document in documents.documents:
                    yield file.path, document.value

    def file(self, file: SourceFile, components: tuple[str, ...]) -> None:
        """Read one file into objects, or say why not."""
        if file.path.startswith(components):
            self.apart += 1
            return
        if file.path in self.around.inputs:
            self.patches += 1
            return
        data = content(file.path, file.shown, self.unreadable)
        if data is None:
            return
        if b"{{" in data and in_chart(file.path):
            self.unknown.append(Unknown(file=file.shown, says="a template of a Helm chart, not rendered"))
        elif not worth_reading(data):
            self.left_alone += 1
            self.pipeline(file.path, file.shown, data)
        else:
            documents = self.written.pop(file.path, None) or read_documents(data, file.shown)
            self.documents(file, documents, data)

    def pipeline(self, path: str, shown: str, data: bytes) -> None:
        """Take a file as a pipeline, if it is one."""
        if (found := pipeline(data, path, shown)) is not None:
            self.pipelines.append(found)

    def documents(self, file: SourceFile, documents: Documents, data: bytes) -> None:
        """Take the objects of a file; problems of a file without any sign of Kubernetes are nobody's business here."""
        malformed = Origin(file.shown, set())
        first: dict[str, int] = {}
        values = tuple(objects(documents, malformed))
        if is_loose_patch(file.path, values, self.around.folders):
            self.patches += 1
            return
        for value in values:
            item = resource(value, Origin(file.shown, self.malformed))
            line = item.root.line
            before = first.setdefault(f"{item.group}/{item.id}", line)
            if before != line and item.name and not item.root.mapping("metadata").has("generateName"):
                says = f"{item.id} is here and on line {before}; the later one replaces the other."
                item.root.origin.report(line, says, "Keep one of them.")
            if item.annotations.get("helm.sh/hook", "").startswith("test"):
                continue  # `helm test` runs it, once and by hand: no part of the system
            seen = (file.shown, line) in self.released or reads(item, self.shown)
            if not seen and (reason := elsewhere(item)) is not None:
                self.unknown.append(Unknown(file=file.shown, line=line, resource=item.id, says=reason))
            self.resources.append(item)
        if first or malformed.problems or (documents.problems and signed(data)):
            self.unreadable.update(documents.problems, malformed.problems)
        else:
            self.left_alone += 1


def content(path: str, shown: str, problems: set[Problem]) -> bytes | None:
    """Read a file's content; None where it cannot be read, which is noted. A pipe or a device is not waited for."""
    try:
        status = Path(path).stat()
        if not S_ISREG(status.st_mode):
            says, fix = "is not a file but a pipe or a device.", "Leave it out."
        elif status.st_size > DEFAULT.bytes:
            says, fix = f"is {status.st_size:,} bytes long; up to {DEFAULT.bytes:,} are read.", "Split it."
        else:
            return Path(path).read_bytes()
    except OSError as error:
        says, fix = f"cannot be read: {error.strerror or error}.", "Give read access, or leave it out."
    problems.add(Problem(file=shown, line=0, says=says, fix=fix))
    return None
