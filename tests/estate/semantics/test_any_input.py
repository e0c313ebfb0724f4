"""No input, however wrong, makes the checks fail, and real systems pass them."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairway.estate.schema import known, problems
from fairway.estate.semantics import faults
from fairway.yaml.reader import read_documents

CORPORA = Path(__file__).parents[4] / "shared" / "corpora"
TEXT = (Path(__file__).parent / "valid.yaml").read_text()
OBJECTS: list[Any] = [document.value for document in read_documents(TEXT, "valid.yaml").documents]

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["100m", "Always", "0", "http", "-", ""])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5) | st.sampled_from(["name", "type"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(node: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """List the path of every field and item."""
    items: Any = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [place for key, item in items for place in ((*path, key), *places(item, (*path, key)))]


@st.composite
def mutants(draw: st.DrawFn) -> Any:  # noqa: ANN401 - any object
    """Put anything at any places of a valid object."""
    obj = deepcopy(draw(st.sampled_from(OBJECTS)))
    for _ in range(draw(st.integers(1, 3))):
        *steps, last = draw(st.sampled_from([place for place in places(obj) if place[0] not in {"apiVersion", "kind"}]))
        node = obj
        for step in steps:
            node = node[step]
        node[last] = draw(VALUES)
    return obj


ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    10**12,
    1.5,
    "",
    "x",
    "100m",
    [],
    {},
    [None],
    [{}],
    [["x"]],
    {"name": None},
    {"x": [{}]},
]


@pytest.mark.parametrize("obj", OBJECTS, ids=lambda obj: str(obj["kind"]))
def test_any_odd_value_at_any_place_is_judged(obj: Any) -> None:  # noqa: ANN401 - any object
    """Rules look at parts that may be of another type than they expect."""
    for *steps, last in places(obj):
        copy = deepcopy(obj)
        node = copy
        for step in steps:
            node = node[step]
        for value in ODD:
            node[last] = value
            assert all(fault.says and fault.fix for fault in (*problems(copy).faults, *faults(copy)))


@settings(max_examples=200, deadline=None)
@given(mutants())
def test_a_mutated_object_is_judged_and_every_sentence_is_whole(obj: Any) -> None:  # noqa: ANN401 - any object
    """Every fault says something, ends its sentences, and does not repeat itself."""
    found = [*problems(obj).faults, *faults(obj)]
    for fault in found:
        assert fault.says.endswith(".")
        assert fault.fix.endswith((".", "?"))
        assert "None" not in fault.says or "None" in str(obj)
    assert len(found) == len(set(found))


@settings(max_examples=100, deadline=None)
@given(VALUES)
def test_anything_at_all_is_judged(value: Any) -> None:  # noqa: ANN401 - anything
    """What is no object is said to be none."""
    assert problems(value).faults or isinstance(value, dict)
    assert faults(value) == ()


def test_nothing_false_is_said_of_two_public_systems() -> None:
    """Every whole object of the corpora means what it says; the one remark is true: it selects by no label at all."""
    if not CORPORA.is_dir():
        pytest.skip("the corpora of public systems are not beside the project, so nothing real was judged")
    judged, lines = 0, []
    for path in sorted([*CORPORA.rglob("*.yaml"), *CORPORA.rglob("*.yml")]):
        for document in read_documents(path.read_bytes(), str(path.relative_to(CORPORA))).documents:
            value = document.value
            # A patch is a part of an object, and is never judged alone.
            if not isinstance(value, dict) or "$patch" in value:
                continue
            judged += known(str(value.get("apiVersion")), str(value.get("kind")))
            lines += [f"{path.name} {fault.where}" for fault in faults(value)]
    assert judged > 150
    assert lines == ["netpol-cortex-access.yaml spec.podSelector.matchLabels"]
