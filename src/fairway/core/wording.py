"""How lists and numbers read in a sentence."""

from collections.abc import Iterable
from typing import Literal

Joint = Literal["and", "or"]


def listed(words: Iterable[str], joint: Joint = "and") -> str:
    """Write words as a person would: 'a', 'a and b', 'a, b and c'; nothing where there are none."""
    every = list(words)
    if len(every) == 1:
        return every[0]
    return f" {joint} ".join(filter(None, (", ".join(every[:-1]), *every[-1:])))


def many(number: int, noun: str) -> str:
    """Count things: 1 file, 2 files, 3 patches."""
    ending = "es" if noun.endswith(("ch", "s", "sh", "x")) else "s"
    return f"{number} {noun}{'' if number == 1 else ending}"
