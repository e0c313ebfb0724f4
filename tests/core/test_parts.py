"""Parts from many rooms meet at one service."""

import pytest

from fairway.core.errors import BadRegistryError
from fairway.core.parts import Image, Port, Setting, merge


def port(rule: str, number: int) -> Port:
    """Make the port 'admin' as one rule wants it."""
    return Port(service="a", rule=rule, name="admin", number=number)


def test_parts_are_grouped_by_service() -> None:
    """Each service gets its own, in the order of the rooms."""
    other = Setting(service="b", rule="orchestration/configmaps-and-secrets", name="region", value="north")
    one, two = merge([port("orchestration/probes", 9000), other])
    assert (one.service, two.service) == ("a", "b")
    assert [found.number for found in one.all(Port)] == [9000]


def test_two_rooms_may_say_the_same() -> None:
    """It is said once then."""
    (attached,) = merge([port("orchestration/probes", 9000), port("observability/metrics", 9000)])
    assert [found.rule for found in attached.all(Port)] == ["orchestration/probes"]


def test_two_rooms_may_not_disagree() -> None:
    """The refusal names both rules and the place."""
    said = r"orchestration/probes and observability/metrics both set the port admin of a. Let one of them decide."
    with pytest.raises(BadRegistryError, match=said):
        merge([port("orchestration/probes", 9000), port("observability/metrics", 9001)])


def test_a_part_that_every_workload_has_is_missed() -> None:
    """A room that stops building is noticed."""
    (attached,) = merge([port("orchestration/probes", 9000)])
    with pytest.raises(BadRegistryError, match="No room gives a a part Image"):
        attached.one(Image)
