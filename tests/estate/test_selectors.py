"""Selectors pick what Kubernetes' own would pick."""

from itertools import product

import pytest

from fairway.estate.node import Node, Origin
from fairway.estate.selectors import LabelIndex, Requirement, Selector, label_selector, map_selector
from fairway.yaml.reader import Mapping, read_document


def node(text: str) -> Node:
    """Give a node of YAML text."""
    value = read_document(text, "a.yaml")[0].value
    assert isinstance(value, Mapping)
    return Node(Origin("a.yaml", set()), value, "", 1)


@pytest.mark.parametrize(
    ("operator", "labels", "holds"),
    [
        ("In", {"a": "1"}, True),
        ("In", {"a": "3"}, False),
        ("In", {}, False),
        ("NotIn", {"a": "1"}, False),
        ("NotIn", {"a": "3"}, True),
        ("NotIn", {}, True),
        ("Exists", {"a": "9"}, True),
        ("Exists", {}, False),
        ("DoesNotExist", {}, True),
        ("DoesNotExist", {"a": "1"}, False),
        ("Near", {"a": "1"}, False),
    ],
)
def test_each_operator_means_what_kubernetes_says(operator: str, labels: dict[str, str], *, holds: bool) -> None:
    """NotIn also takes what has no such label."""
    assert Requirement("a", operator, ("1", "2")).holds(labels) is holds


def test_an_empty_selector_picks_all_and_an_absent_one_nothing() -> None:
    """The difference decides whether a policy or budget covers everything."""
    empty, absent = label_selector(node("s: {}"), "s"), label_selector(node("t: 1"), "s")
    assert empty == Selector()
    assert absent is None
    index = LabelIndex([("shop", {"a": "1"}, "one")])
    assert (index.find("shop", empty), index.find("shop", absent)) == (("one",), ())


def test_a_services_empty_selector_picks_nothing() -> None:
    """Its endpoints are somebody else's."""
    assert map_selector(node("selector: {}"), "selector") is None


def test_an_operator_that_does_not_exist_is_reported() -> None:
    """It would pick nothing, in silence."""
    parent = node("s:\n  matchExpressions:\n    - {key: a, operator: in, values: [b]}\n")
    label_selector(parent, "s")
    assert [(p.line, p.says) for p in parent.origin.problems] == [(3, "'in' is no operator of a selector.")]


def test_the_index_finds_what_looking_at_everything_finds() -> None:
    """It only looks at fewer things."""
    things = [
        (namespace, {key: value for key, value in (("a", a), ("b", b)) if value}, (namespace, a, b))
        for namespace, a, b in product(("x", "y"), ("", "1", "2"), ("", "1", "2"))
    ]
    index = LabelIndex(things)
    for labels, requirements in product(
        ((), (("a", "1"),), (("a", "1"), ("b", "2")), (("c", "1"),)),
        ((), (Requirement("b", "Exists", ()),), (Requirement("a", "NotIn", ("2",)),)),
    ):
        selector = Selector(labels, requirements)
        expected = {item for namespace, own, item in things if namespace == "x" and selector.matches(own)}
        assert set(index.find("x", selector)) == expected


def test_what_one_of_several_values_picks_comes_in_the_order_of_the_files() -> None:
    """Findings keep their order, however a selector lists its values."""
    index = LabelIndex([("shop", {"part": "shop", "name": name}, name) for name in ("a", "b", "c", "d")])
    among = Requirement("name", "In", ("d", "a", "d", "x"))
    assert index.find("shop", Selector((("part", "shop"),), (among,))) == ("a", "d")
    assert index.find("shop", Selector((("name", "c"),), (among,))) == ()
    assert index.find("shop", Selector((), (Requirement("name", "In", ()),))) == ()
