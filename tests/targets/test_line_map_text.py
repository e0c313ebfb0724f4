"""Words on the line map: broken into rows that fit, without losing a character."""

from hypothesis import given
from hypothesis import strategies as st

from fairway.targets.line_map_text import width, wrap


def test_a_name_is_broken_after_a_dash() -> None:
    """A reader sees whole words where there are any."""
    assert wrap("settlement-reconciliation", 14, 150) == ["settlement-", "reconciliation"]


def test_a_word_longer_than_a_row_is_broken_anyway() -> None:
    """Nothing is cut and nothing runs into the map."""
    assert wrap("a" * 40, 14, 200) == ["a" * 20, "a" * 20]


@given(st.text(max_size=60), st.integers(min_value=20, max_value=300))
def test_no_row_is_too_wide_and_no_character_is_lost(text: str, room: int) -> None:
    """Whatever the name, its rows fit and hold all of it but the spaces between them."""
    rows = wrap(text, 14, room)
    assert all(width(row, 14, bold=True) <= room or len(row) == 1 for row in rows)
    assert "".join("".join(rows).split()) == "".join(text.split())
