"""What is worked out once for a whole system, because it is the same on every site."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import TypeVar

from fairway.core.profile import Landscape

Item = TypeVar("Item")


def once(build: Callable[[Landscape], Iterable[Item]]) -> Callable[[Landscape], tuple[Item, ...]]:
    """Keep what *build* gives for the landscape that was asked about last.

    Every site gets the very same objects, so they are written and judged once, too; nobody may change one.
    """
    last: tuple[Landscape, tuple[Item, ...]] | None = None

    @wraps(build)
    def built(landscape: Landscape) -> tuple[Item, ...]:
        nonlocal last
        if last is None or last[0] is not landscape:
            last = landscape, tuple(build(landscape))
        return last[1]

    return built
