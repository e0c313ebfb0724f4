"""Progress of long work, for a person who waits: on a terminal only, and gone when the work is done."""

import sys
from collections.abc import Iterable, Iterator
from time import monotonic
from typing import TypeVar

Item = TypeVar("Item")
QUIET = 0.5  # seconds of work that nobody needs to be told about
EVERY = 0.1  # seconds between two lines


def counted(items: Iterable[Item], doing: str) -> Iterator[Item]:
    """Hand *items* on, and tell on standard error how many have gone by: 'writing 1,200'."""
    if not sys.stderr.isatty():
        yield from items
        return
    due, told = monotonic() + QUIET, False
    try:
        for number, item in enumerate(items, 1):
            if (now := monotonic()) >= due:
                due, told = now + EVERY, True
                print(f"\r{doing} {number:,}", end="", file=sys.stderr, flush=True)  # noqa: T201 - what it is for
            yield item
    finally:
        if told:
            print("\r\033[K", end="", file=sys.stderr, flush=True)  # noqa: T201 - clears the line
