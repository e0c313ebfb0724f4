"""One system that a tool puts together from files: an overlay by Kustomize, a chart by Helm."""

from typing import Literal

import msgspec

from fairway.core.errors import Problem
from fairway.estate.resource import Resource
from fairway.estate.unknown import Unknown

Tool = Literal["Kustomize", "Helm"]


class Composed(msgspec.Struct, frozen=True, kw_only=True):
    """What came out, each object with the files and lines that it was written in."""

    name: str
    tool: Tool
    files: frozenset[str]  # absolute paths of all that it is made of
    shown: frozenset[str]  # the same, as shown
    resources: tuple[Resource, ...]
    problems: frozenset[Problem] = frozenset()
    malformed: set[Problem]  # grows while its objects are looked into
    unknown: tuple[Unknown, ...] = ()
