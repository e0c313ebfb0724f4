"""What kustomization files say of the files around them. They are read, not carried out."""

import os
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from fairway.yaml.reader import Mapping, Sequence, Value

WHOLE: Final = {
    **dict.fromkeys(("DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"), ("selector", "template")),
    "CustomResourceDefinition": ("group", "names", "scope"),
}
"""What an object of a kind cannot be without, in the versions of today."""
STRICT: Final = frozenset({"apps/v1", "apiextensions.k8s.io/v1"})


class Kustomizations(msgspec.Struct, frozen=True, kw_only=True):
    """What is known from all kustomization files together."""

    roots: tuple[str, ...] = ()  # absolute paths of folders whose kustomization no other one includes
    inputs: frozenset[str] = frozenset()  # patches and the like: absolute paths of files that are no whole objects
    components: tuple[str, ...] = ()  # folders of components, which belong to nothing until something includes them
    folders: frozenset[str] = frozenset()  # absolute paths of all that have a kustomization


def kustomizations(files: Iterable[tuple[str, Value]]) -> Kustomizations:
    """Put together what kustomization files say, each given by its absolute path, and its value."""
    folders: dict[str, None] = {}
    included: set[str] = set()
    inputs: set[str] = set()
    components: list[str] = []
    given = list(files)
    for path, value in given:
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
        folders=frozenset(os.path.dirname(path) for path, _ in given),  # noqa: PTH120 - as above
    )


def is_loose_patch(path: str, objects: Iterable[Mapping], folders: frozenset[str]) -> bool:
    """Tell whether a file below a kustomization holds only parts of objects: a patch that is not in use.

    Scaffolds leave such files by the dozen, for somebody to take into use some day.
    """
    parts = [_is_part(one) for one in objects]
    if not parts or not all(parts):
        return False
    above = path
    while above != (above := os.path.dirname(above)):  # noqa: PTH120 - as above
        if above in folders:
            return True
    return False


def _is_part(value: Mapping) -> bool:
    """Tell whether what makes the object a whole one is missing."""
    spec = value.get("spec")
    given = spec.keys() if isinstance(spec, Mapping) else ()
    needed = WHOLE.get(str(value.get("kind")), ()) if value.get("apiVersion") in STRICT else ()
    return any(key not in given for key in needed)


def _absolute(folder: str, name: Value) -> str:
    return os.path.normpath(os.path.join(folder, str(name)))  # noqa: PTH118 - as above


def _inputs(kustomization: Mapping) -> Iterator[str]:
    """Name the files that a kustomization reads as something else than objects."""
    for key in ("patchesStrategicMerge", "patches", "transformers", "validators", "configurations"):
        yield from (entry for entry in _entries(kustomization, key) if isinstance(entry, str) and "\n" not in entry)
    for key in ("patches", "patchesJson6902", "replacements"):
        for entry in _entries(kustomization, key):
            if isinstance(entry, Mapping) and isinstance(path := entry.get("path"), str):
                yield path


def _entries(kustomization: Mapping, key: str) -> list[Value]:
    value = kustomization.get(key)
    return value if isinstance(value, Sequence) else []
