"""What kustomization files say of the files around them. They are read, not carried out."""

import os
from collections.abc import Iterable, Iterator

import msgspec

from fairway.yaml.reader import Mapping, Sequence, Value


class Kustomizations(msgspec.Struct, frozen=True, kw_only=True):
    """What is known from all kustomization files together."""

    roots: tuple[str, ...] = ()  # absolute paths of folders whose kustomization no other one includes
    inputs: frozenset[str] = frozenset()  # patches and the like: absolute paths of files that are no whole objects
    components: tuple[str, ...] = ()  # folders of components, which belong to nothing until something includes them


def kustomizations(files: Iterable[tuple[str, Value]]) -> Kustomizations:
    """Put together what kustomization files say, each given by its absolute path, and its value."""
    folders: dict[str, None] = {}
    included: set[str] = set()
    inputs: set[str] = set()
    components: list[str] = []
    for path, value in files:
        if not isinstance(value, Mapping):
            continue
        folder = os.path.dirname(path)  # noqa: PTH120 - paths are texts throughout, as there are many
        for key in ("resources", "bases", "components"):
            included.update(_absolute(folder, name) for name in _entries(value, key))
        if value.get("kind") == "Component":
            components.append(folder + os.sep)
        else:
            folders[folder] = None
        inputs.update(_absolute(folder, name) for name in _inputs(value))
    return Kustomizations(
        roots=tuple(folder for folder in folders if folder not in included),
        inputs=frozenset(inputs),
        components=tuple(components),
    )


def _absolute(folder: str, name: Value) -> str:
    return os.path.normpath(os.path.join(folder, str(name)))  # noqa: PTH118 - as above


def _inputs(kustomization: Mapping) -> Iterator[str]:
    """Name the files that a kustomization reads as something else than objects."""
    for key in ("patchesStrategicMerge", "transformers", "validators", "configurations"):
        yield from (entry for entry in _entries(kustomization, key) if isinstance(entry, str) and "\n" not in entry)
    for key in ("patches", "patchesJson6902", "replacements"):
        for entry in _entries(kustomization, key):
            if isinstance(entry, Mapping) and isinstance(path := entry.get("path"), str):
                yield path


def _entries(kustomization: Mapping, key: str) -> list[Value]:
    value = kustomization.get(key)
    return value if isinstance(value, Sequence) else []
