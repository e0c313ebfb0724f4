"""A rule: one sentence of the standard, when it applies, how it is checked, and the smallest edit that breaks it."""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, Literal

import msgspec

from fairway.core.conditions import Condition
from fairway.core.errors import BadRegistryError

Tree = Mapping[str, str]
"""Path to text: what was built, or what lies on disk."""


class Proof(StrEnum):
    """How keeping a rule is shown."""

    STATIC = "static"  # read from files
    LIVE = "live"  # asked of the running system
    DRILL = "drill"  # seen while something is broken on purpose
    ATTESTED = "attested"  # a person vouches for it, in writing


class Place(StrEnum):
    """Where a proof beyond files can be had."""

    LOCAL = "local"  # the embedded local system
    CLUSTER = "cluster"  # a Kubernetes cluster


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One place where a rule is broken, and what to do about it."""

    rule: str
    severity: Literal["error", "warning"]
    resource: str  # Kind/namespace/name, or a file
    file: str
    line: int
    key: str  # path of the key inside the resource: spec.replicas
    says: str  # what is wrong, with the evidence
    fix: str
    within: tuple[str, ...] = ()  # compositions of several that it is in; empty: wherever its file counts


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """A change to one built file. Without `old` the file is added, without `new` it is removed."""

    path: str
    old: str | None = None
    new: str | None = None

    def apply(self, tree: Tree) -> dict[str, str]:
        """Give back *tree* with this change made; refuse an edit that no longer says one thing about one place."""
        if self.old is None:
            if self.path in tree or self.new is None:
                raise BadRegistryError(f"{self.path}: this edit adds a file that is there already. Write it anew.")
            return {**tree, self.path: self.new}
        if tree.get(self.path, "").count(self.old) != 1:
            raise BadRegistryError(f"{self.path}: this edit fits {self.old!r} not exactly once. Write it anew.")
        if self.new is None:
            return {path: text for path, text in tree.items() if path != self.path}
        return {**tree, self.path: tree[self.path].replace(self.old, self.new)}


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule of the standard. Its title and its why are its module's docstring; the registry fills them in."""

    id: str  # stage/slug, as in the standard; the file is named as the slug
    applies: Condition
    proof: Proof
    shows: str = ""  # what a live or drilled proof shows
    places: tuple[Place, ...] = ()
    once: bool = False  # done and reported once for the whole system, not for each service
    check: Callable[[Any], Iterable[Finding]] | None = None  # reads a fairway.estate.Estate, which the core cannot know
    breaks: tuple[Edit, ...] = ()
    title: str = ""
    why: str = ""
    not_in_files: str = ""  # why there is no check: what the rule asks stands in no file
    path: str = ""

    @property
    def stage(self) -> str:
        """Name the stage it belongs to."""
        return self.id.partition("/")[0]

    @property
    def checked(self) -> bool:
        """Tell whether files can be checked for it. A rule without a check is never counted as passed."""
        return self.check is not None
