"""What is the same on every site is worked out once, and never for another system."""

from collections.abc import Iterator

from fairway.core.facts import System
from fairway.core.once import once
from fairway.core.profile import Landscape, survey


def landscape(name: str) -> Landscape:
    """Give a system without services."""
    return survey(System(system=name, version="1.0.0"))


def test_a_second_site_gets_the_very_objects_of_the_first() -> None:
    """So they are written and judged once, too."""
    asked: list[str] = []

    @once
    def built(landscape: Landscape) -> Iterator[list[str]]:
        asked.append(landscape.system.system)
        yield [landscape.system.system]

    shop = landscape("shop")
    assert built(shop)[0] is built(shop)[0]
    assert asked == ["shop"]


def test_another_system_gets_its_own() -> None:
    """Equal facts, read anew, count as another: a test or a watcher may change what it was given."""

    @once
    def built(landscape: Landscape) -> Iterator[str]:
        yield landscape.system.system

    assert [built(landscape(name)) for name in ("shop", "bank", "shop")] == [("shop",), ("bank",), ("shop",)]
    first, again = landscape("shop"), landscape("shop")
    assert built(first) is not built(again)
