"""Read anybody's files into one estate. Nothing that is found is dropped without being counted."""

import gc
from collections.abc import Iterable, Iterator
from pathlib import Path
from stat import S_ISREG

from fairway.core.errors import Problem
from fairway.estate.documents import objects, signed, worth_reading
from fairway.estate.files import KUSTOMIZATIONS, SourceFile, find, in_chart
from fairway.estate.index import Estate
from fairway.estate.kustomize import Kustomizations, kustomizations
from fairway.estate.node import Origin
from fairway.estate.resource import Resource, resource
from fairway.estate.unknown import Counts, Unknown, elsewhere
from fairway.yaml.reader import DEFAULT, Documents, Value, read_documents


def read(paths: Iterable[Path]) -> Estate:
    """Read every manifest at *paths*, folders with all below them. What is wrong becomes a problem, never an error."""
    collecting = gc.isenabled()
    gc.disable()  # an estate holds no cycles worth finding while it grows; looking for some doubles the time
    try:
        return _Reading(list(paths)).estate()
    finally:
        if collecting:
            gc.enable()


class _Reading:
    """The state of reading one estate."""

    def __init__(self, paths: list[Path]) -> None:
        self.found = find(paths)
        self.unreadable: set[Problem] = set(self.found.problems)
        self.malformed: set[Problem] = set()
        self.resources: list[Resource] = []
        self.unknown: list[Unknown] = []
        self.left_alone = self.patches = self.apart = 0

    def estate(self) -> Estate:
        """Read all files: Kustomize's own first, as they say what others are."""
        theirs = [file for file in self.found.files if Path(file.path).name in KUSTOMIZATIONS]
        composed = kustomizations(self.kustomization_files(theirs))
        own = {file.path for file in theirs}
        files = [file for file in self.found.files if file.path not in own]
        asked_for = self.found.roots
        components = tuple(c for c in composed.components if not any(f"{root}/".startswith(c) for root in asked_for))
        for file in files:
            self.file(file, composed, components)
        counts = Counts(
            files=len(files),
            kustomizations=len(theirs),
            left_alone=self.left_alone,
            patches=self.patches,
            components=self.apart,
        )
        return Estate(
            resources=tuple(self.resources),
            unreadable=frozenset(self.unreadable),
            malformed=self.malformed,
            unknown=tuple(self.unknown),
            counts=counts,
            composing=composed.composing,
            composed=frozenset(file.shown for file in files if file.path in composed.composed),
            stable={file.shown: file.stable for file in self.found.files},
        )

    def kustomization_files(self, files: Iterable[SourceFile]) -> Iterator[tuple[str, str, Value]]:
        """Read the kustomization files; a broken one is a problem, as nobody can tell what it composes."""
        for file in files:
            if (data := self.content(file)) is not None:
                documents = read_documents(data, file.shown)
                self.unreadable.update(documents.problems)
                for document in documents.documents:
                    yield file.shown, file.path, document.value

    def file(self, file: SourceFile, composed: Kustomizations, components: tuple[str, ...]) -> None:
        """Read one file into objects, or say why not."""
        if file.path.startswith(components):
            self.apart += 1
            return
        if file.path in composed.inputs:
            self.patches += 1
            return
        data = self.content(file)
        if data is None:
            return
        if b"{{" in data and in_chart(file.path):
            self.unknown.append(Unknown(file=file.shown, says="a template of a Helm chart, not rendered"))
        elif not worth_reading(data):
            self.left_alone += 1
        else:
            self.documents(file, read_documents(data, file.shown), data)

    def content(self, file: SourceFile) -> bytes | None:
        """Read a file's content; None where it cannot be read. A pipe or a device is not waited for."""
        try:
            status = Path(file.path).stat()
            if not S_ISREG(status.st_mode):
                says, fix = "is not a file but a pipe or a device.", "Leave it out."
            elif status.st_size > DEFAULT.bytes:
                says, fix = f"is {status.st_size:,} bytes long; up to {DEFAULT.bytes:,} are read.", "Split it."
            else:
                return Path(file.path).read_bytes()
        except OSError as error:
            says, fix = f"cannot be read: {error.strerror or error}.", "Give read access, or leave it out."
        self.unreadable.add(Problem(file=file.shown, line=0, says=says, fix=fix))
        return None

    def documents(self, file: SourceFile, documents: Documents, data: bytes) -> None:
        """Take the objects of a file; problems of a file without any sign of Kubernetes are nobody's business here."""
        malformed = Origin(file.shown, set())
        first: dict[str, int] = {}
        for value in objects(documents, malformed):
            item = resource(value, Origin(file.shown, self.malformed))
            line = item.root.line
            before = first.setdefault(f"{item.group}/{item.id}", line)
            if before != line and item.name and not item.root.mapping("metadata").has("generateName"):
                says = f"{item.id} is here and on line {before}; the later one replaces the other."
                item.root.origin.report(line, says, "Keep one of them.")
            if (reason := elsewhere(item)) is not None:
                self.unknown.append(Unknown(file=file.shown, line=line, resource=item.id, says=reason))
            self.resources.append(item)
        if first or malformed.problems or (documents.problems and signed(data)):
            self.unreadable.update(documents.problems, malformed.problems)
        else:
            self.left_alone += 1
