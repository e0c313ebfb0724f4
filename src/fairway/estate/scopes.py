"""Which files belong together: places that define the same workload are alternatives, and only one of them is applied.

One repository often holds several renderings of one system: an environment beside another, a release beside its
sources. What one of them has must not count for the other.
"""

from collections.abc import Iterable
from typing import TypeAlias

Parts: TypeAlias = tuple[str, ...]


class Scopes:
    """Tells which files see each other. Two entries of a folder that define the same workload do not."""

    def __init__(self, definitions: Iterable[tuple[str, str]]) -> None:
        """Take the identity of every workload with the absolute path of its file."""
        files: dict[str, set[str]] = {}
        for name, path in definitions:
            files.setdefault(name, set()).add(path)
        self._marked: dict[Parts, dict[str, set[str]]] = {}  # folder: its entry: workloads that other entries have too
        self.shared = sum(len(paths) > 1 for paths in files.values())
        """How many workloads more than one place defines."""
        for name, paths in files.items():
            if len(paths) > 1:
                self._mark(name, (), [tuple(path.split("/")) for path in sorted(paths)])
        self._known: dict[str, dict[Parts, str]] = {}

    def _mark(self, name: str, folder: Parts, paths: list[Parts]) -> None:
        """Note below *folder* where the ways to *paths* part."""
        entries: dict[str, list[Parts]] = {}
        for path in paths:
            entries.setdefault(path[len(folder)], []).append(path)
        if len(entries) > 1:
            marked = self._marked.setdefault(folder, {})
            for entry in entries:
                marked.setdefault(entry, set()).add(name)
        for entry, below in entries.items():
            if len(below) > 1:
                self._mark(name, (*folder, entry), below)

    def visible(self, one: str, other: str) -> bool:
        """Tell whether what stands in file *one* counts for what stands in file *other*."""
        if one == other or not self._marked:
            return True
        theirs = self._crossroads(other)
        for folder, entry in self._crossroads(one).items():
            their_entry = theirs.get(folder, entry)
            if entry != their_entry and not self._marked[folder][entry].isdisjoint(self._marked[folder][their_entry]):
                return False
        return True

    def _crossroads(self, path: str) -> dict[Parts, str]:
        """Give the folders on the way to *path* where alternatives part, and the way that it takes."""
        if path not in self._known:
            parts = tuple(path.split("/"))
            ways = ((parts[:length], parts[length]) for length in range(len(parts)))
            self._known[path] = {folder: entry for folder, entry in ways if entry in self._marked.get(folder, {})}
        return self._known[path]
