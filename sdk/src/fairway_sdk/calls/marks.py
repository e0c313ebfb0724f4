"""What the answer at hand must own up to: that older data is in it, or that a part is missing.

A server calls `begin()` where a request comes in and `marks()` where its answer goes out. In between every fallback
that served something else than the fresh value adds to the collection, from whatever task it runs in.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from fairway_sdk.contract import SKIPPED_HEADER, STALE_HEADER

_STALE = STALE_HEADER.encode()
_SKIPPED = SKIPPED_HEADER.encode()
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")  # of a service; what a callee sends is not believed to be one


class Marks:
    """What is known of one answer: the age in seconds of its oldest part, and the callees that gave no part."""

    __slots__ = ("skipped", "stale")

    def __init__(self) -> None:
        self.stale: float | None = None
        self.skipped: dict[str, None] = {}  # an ordered set

    def __bool__(self) -> bool:
        """Tell whether there is anything to own up to."""
        return self.stale is not None or bool(self.skipped)

    def add_stale(self, age: float) -> None:
        """Note that a part is so many seconds old; the oldest part counts."""
        self.stale = max(age, self.stale or 0.0)

    def add_skipped(self, callee: str) -> None:
        """Note that a callee's part is missing."""
        self.skipped[callee] = None

    def add(self, other: "Marks") -> None:
        """Take over what another collection holds."""
        if other.stale is not None:
            self.add_stale(other.stale)
        self.skipped |= other.skipped

    def clear(self) -> None:
        """Forget everything."""
        self.stale = None
        self.skipped = {}

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Give the headers that tell the caller; an age is rounded up to whole seconds."""
        found = []
        if self.stale is not None:
            found.append((_STALE, b"%d" % -(-self.stale // 1)))
        if self.skipped:
            found.append((_SKIPPED, ", ".join(self.skipped).encode()))
        return found


_marks: ContextVar[Marks | None] = ContextVar("fairway_marks", default=None)


def begin() -> None:
    """Collect anew from here on: a server calls it for each request, in the request's own task."""
    _marks.set(Marks())


def marked() -> Marks:
    """Give what is known so far of the answer at hand; an empty collection of its own outside a request."""
    found = _marks.get()
    return Marks() if found is None else found


def marks() -> list[tuple[bytes, bytes]]:
    """Give the headers of the answer at hand: none, as a rule."""
    found = _marks.get()
    return found.headers() if found else []


def take_over(stale: str | None, skipped: str | None) -> None:
    """Pass on what a callee said of its answer, since ours now rests on it; nonsense is left out."""
    if not stale and not skipped:
        return
    found = marked()
    if stale and stale.isascii() and stale.isdigit() and len(stale) <= 9:  # noqa: PLR2004 - digits of thirty years
        found.add_stale(float(stale))
    for name in (skipped or "").split(",")[:20]:
        if _NAME.fullmatch(name.strip()):
            found.add_skipped(name.strip())


@contextmanager
def apart() -> Iterator[Marks]:
    """Collect what the body adds for itself; what is there at the end is added to the answer at hand."""
    found = Marks()
    token = _marks.set(found)
    try:
        yield found
    finally:
        _marks.reset(token)
        if found:
            marked().add(found)
