"""The tables of fields speak of fields that Kubernetes has."""

from collections.abc import Iterable
from typing import Any

import pytest

from fairway.estate.definitions import builtin, referred
from fairway.estate.semantics import fields
from fairway.estate.semantics.enumerations import ENUMERATIONS
from fairway.estate.semantics.shapes import RULES


def types(definition: str, field: str) -> set[str]:
    """Give the types that a field's values, or its list's items, can have."""
    schema: dict[str, Any] = builtin().definitions[definition]["properties"][field]
    schema = schema.get("items", schema)
    target = referred(schema)
    found = builtin().definitions[target]["type"] if target else schema["type"]
    return {found} if isinstance(found, str) else set(found)


def pairs(table: dict[str, Iterable[str]]) -> list[tuple[str, str]]:
    """List a table's fields."""
    return [(definition, field) for definition, names in table.items() for field in names]


@pytest.mark.parametrize(("definition", "field"), pairs({**ENUMERATIONS}) + pairs({**fields.NAMES}))
def test_a_field_with_words_or_a_name_holds_text(definition: str, field: str) -> None:
    """A field that was renamed or is no text would never be checked."""
    assert "string" in types(definition, field)


@pytest.mark.parametrize(("definition", "field"), pairs({**fields.RANGES}) + pairs({**fields.SHARES}))
def test_a_field_with_limits_holds_a_whole_number(definition: str, field: str) -> None:
    """Likewise for numbers."""
    assert "integer" in types(definition, field)


@pytest.mark.parametrize(
    ("definition", "field"),
    [
        *fields.NAMED_PORTS.items(),
        *pairs({**fields.LABEL_MAPS}),
        *pairs({name: given for name, (_, given) in fields.ALTERNATIVES.items()}),
    ],
)
def test_every_other_field_of_the_tables_exists(definition: str, field: str) -> None:
    """Likewise for ports, labels and alternatives."""
    assert types(definition, field)


def test_rules_are_kept_for_definitions_that_exist() -> None:
    """A rule for a misspelt definition would never run."""
    assert set(RULES) <= set(builtin().definitions)
