"""What goes wrong, said so that the reader can mend it."""

from collections.abc import Iterable
from difflib import get_close_matches
from enum import IntEnum

import msgspec


class Exit(IntEnum):
    """What a command's exit code means."""

    CLEAN = 0
    FINDINGS = 1
    WRONG_INPUT = 2
    TOOL_MISSING = 3


class Problem(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One thing wrong with a file that the user wrote. Line 0 means the whole file."""

    file: str
    line: int
    says: str
    fix: str

    def __str__(self) -> str:
        """Say where, what is wrong and what to do, in one line."""
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.says} {self.fix}".rstrip()


class FairwayError(Exception):
    """Base of all errors meant for the reader; the command line prints them without a traceback."""

    exit = Exit.WRONG_INPUT


class WrongInputError(FairwayError):
    """The user's files are wrong; carries every problem found, in the order of the files."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Take the *problems* to be shown, at least one."""
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class BadRegistryError(FairwayError):
    """A room or a rule of Fairway itself is not shaped as it must be."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Suggest the nearest *known* name, or list them all where none is near and they are few."""
    names = sorted(set(known))
    if near := get_close_matches(word, names, n=1, cutoff=0.6):
        return f"Did you mean '{near[0]}'?"
    if not names:
        return ""
    shown = ", ".join(names[:12])
    return f"Known: {shown}." if len(names) <= 12 else f"Known: {shown} and {len(names) - 12} more."  # noqa: PLR2004
