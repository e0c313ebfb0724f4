"""Whatever stands in a manifest, asking for a key gives a default, and a problem where it is malformed."""

import pytest

from fairway.estate.node import Node, Origin
from fairway.estate.resource import Resource, resource
from fairway.yaml.reader import Mapping, read_document

TEXT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {tier: front, odd: 1}
  annotations: null
spec:
  replicas: 2
  text: words
  flag: true
  many: [one, 2, {a: b}]
  items:
    - name: first
      port: 80
    - port: http
    - words
"""


def made(text: str = TEXT) -> Resource:
    """Make an object of YAML text."""
    value = read_document(text, "a.yaml")[0].value
    assert isinstance(value, Mapping)
    return resource(value, Origin("a.yaml", set()))


def said(node: Node) -> list[str]:
    """Give what was reported."""
    return [str(problem) for problem in sorted(node.origin.problems)]


def test_what_is_there_is_given_with_its_path_and_line() -> None:
    """Entries of lists are named by their name, or by their number."""
    spec = made().spec
    assert (spec.number("replicas"), spec.text("text"), spec.flag("flag")) == (2, "words", True)
    assert (spec.line_of("flag"), spec.path_of("flag")) == (10, "spec.flag")
    first, second = spec.items("items")
    assert [(node.path, node.line) for node in (first, second)] == [("spec.items[first]", 13), ("spec.items[1]", 15)]
    assert [node.number_or_text("port") for node in (first, second)] == [80, "http"]


def test_what_is_not_there_has_a_default_and_the_line_above_it() -> None:
    """A chain of questions never breaks; null is as good as absent."""
    root = made().root
    deep = root.mapping("spec").mapping("no").mapping("such")
    assert (deep.path, deep.line, bool(deep)) == ("spec.no.such", 7, False)
    assert (deep.text("a"), deep.number("a"), deep.flag("a"), list(deep.items("a"))) == ("", None, False, [])
    assert (deep.texts("a"), deep.pairs("a"), deep.keys("a")) == ((), {}, frozenset())
    assert (deep.line_of("a"), deep.path_of("a")) == (7, "spec.no.such.a")
    assert root.mapping("metadata").pairs("annotations") == {}
    assert not root.mapping("metadata").has("annotations")
    assert [problem for problem in said(root) if "odd" not in problem] == []


def test_a_key_with_dots_is_in_brackets() -> None:
    """A path can be read back."""
    assert made().root.path_of("a.b/c") == "[a.b/c]"


@pytest.mark.parametrize(
    ("ask", "given", "says"),
    [
        ("mapping", None, "a.yaml:9: Deployment/default/web: 'text' is text, where a mapping is expected."),
        ("items", [], "a.yaml:9: Deployment/default/web: 'text' is text, where a list is expected."),
        ("texts", (), "a.yaml:9: Deployment/default/web: 'text' is text, where a list is expected."),
        ("number", None, "a.yaml:9: Deployment/default/web: 'text' is text, where a whole number is expected."),
        ("flag", False, "a.yaml:9: Deployment/default/web: 'text' is text, where true or false is expected."),
        ("pairs", {}, "a.yaml:9: Deployment/default/web: 'text' is text, where a mapping is expected."),
    ],
)
def test_a_value_of_another_type_is_reported_once_and_never_shown(ask: str, given: object, says: str) -> None:
    """It may be a secret. Asking twice reports once."""
    spec = made().spec
    for _ in range(2):
        answer = getattr(spec, ask)("text")
        assert (list(answer) if ask == "items" else None if ask == "mapping" else answer) == given
    assert [problem[: len(says)] for problem in said(spec)[1:]] == [says]
    assert "words" not in said(spec)[1]


def test_a_number_where_text_is_expected_is_reported_and_taken_as_it_reads() -> None:
    """Labels and names in numbers are the most common slip."""
    found = made()
    assert found.labels == {"tier": "front", "odd": "1"}
    assert said(found.root) == [
        "a.yaml:5: Deployment/default/web: 'odd' is a number, where text is expected. Put it in quotes."
    ]


def test_the_entries_of_a_list_are_judged_one_by_one() -> None:
    """The good ones are given."""
    spec = made().spec
    assert spec.texts("many") == ("one", "2")
    assert len(list(spec.items("items"))) == 2
    entries = [problem.partition("web: ")[2].partition(",")[0] for problem in said(spec)[1:]]
    assert entries == [
        "entry 2 of 'many' is a number",
        "entry 3 of 'many' is a mapping",
        "entry 3 of 'items' is text",
    ]


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("spec.replicas", 8),
        ("spec.items[first].port", 14),
        ("spec.items[1].port", 15),
        ("spec.items[7].port", 12),
        ("spec.replicas.deeper", 8),
        ("spec.absent.deeper", 7),
        ("absent", 2),
        (("metadata", "labels", "tier"), 5),
        (("spec", "items", 1), 15),
    ],
)
def test_an_object_gives_the_line_of_a_path_or_of_its_longest_part(
    path: str | tuple[str | int, ...], line: int
) -> None:
    """A finding about something missing stands where it belongs."""
    assert made().at(path) == line


def test_an_object_without_a_namespace_is_in_the_default_one_unless_its_kind_has_none() -> None:
    """An empty namespace is none given."""
    texts = (
        "kind: Pod\nmetadata: {name: a}",
        "kind: Pod\nmetadata: {name: a, namespace: ''}",
        "kind: Namespace\nmetadata: {name: a}",
    )
    assert [made(f"apiVersion: v1\n{text}").id for text in texts] == ["Pod/default/a", "Pod/default/a", "Namespace/a"]
