"""The order of work."""

import pytest

from fairway.core.errors import BadRegistryError
from fairway.core.order import Before, order


def before(first: str, then: str) -> Before:
    """Make one edge."""
    return Before(first=first, then=then, rule="data/reliable-store", because="it needs it")


def test_work_that_waits_for_nothing_comes_first() -> None:
    """Everything in a wave may be done at once."""
    laid = order([before("platform", "store/db"), before("platform", "broker"), before("store/db", "workload/a")])
    assert laid.waves == (("platform",), ("broker", "store/db"), ("workload/a",))


def test_a_circle_is_refused_by_name() -> None:
    """Work that waits for itself is a fault of Fairway, and says where."""
    with pytest.raises(BadRegistryError, match=r"Work waits for itself: (a -> b -> a|b -> a -> b)"):
        order([before("a", "b"), before("b", "a")])
