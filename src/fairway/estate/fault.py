"""What is wrong with one Kubernetes object, where in it, and what to do."""

from typing import TypeAlias

import msgspec

Place: TypeAlias = tuple[str | int, ...]

LONGEST = 60  # characters of a value that a sentence can carry and still be read


class Fault(msgspec.Struct, frozen=True):
    """One thing wrong at *path*; a *remark* is one that the API server accepts and the writer hardly meant.

    Fields may be given by position, since rules write many of these.
    """

    path: Place
    says: str
    fix: str
    remark: bool = False

    @property
    def where(self) -> str:
        """The path as people write it: spec.ports[0].name."""
        return dotted(self.path)


def dotted(path: Place) -> str:
    """Write *path* as people do: spec.ports[0].name; a name with a dot, '/' or space in it goes in brackets."""
    steps = [f"[{step}]" if isinstance(step, int) or set("./ ") & set(step) else f".{step}" for step in path]
    return "".join(steps).removeprefix(".")


def called(path: Place, whole: str = "the object") -> str:
    """Name what is at *path* as a reader finds it: 'replicas', 'ports[0]', or the *whole*."""
    indexes = ""
    for step in reversed(path):
        if isinstance(step, str):
            return f"'{step}{indexes}'"
        indexes = f"[{step}]{indexes}"
    return whole


def quoted(value: object) -> str:
    """Show *value* as one short word in a sentence, whatever it is."""
    if isinstance(value, str):
        return f"'{value}'" if len(value) <= LONGEST else f"'{value[:LONGEST]}…'"
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "null"
    if isinstance(value, int | float):
        return str(value)
    return "a mapping" if isinstance(value, dict) else "a list"
