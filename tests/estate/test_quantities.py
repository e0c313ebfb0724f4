"""Which texts are quantities, and what they amount to."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairway.estate.quantities import amount, nearest_quantity, parse_quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", Fraction(0)),
        ("500m", Fraction(1, 2)),
        ("1.5", Fraction(3, 2)),
        (".5", Fraction(1, 2)),
        ("5.", Fraction(5)),
        ("+2k", Fraction(2000)),
        ("-1", Fraction(-1)),
        ("1Ki", Fraction(1024)),
        ("0.5Gi", Fraction(2**29)),
        ("1E", Fraction(10**18)),
        ("1Ei", Fraction(2**60)),
        ("1e3", Fraction(1000)),
        ("1E3", Fraction(1000)),
        ("12e-2", Fraction(12, 100)),
        ("100n", Fraction(1, 10**7)),
        ("3u", Fraction(3, 10**6)),
    ],
)
def test_a_quantity_has_its_exact_amount(text: str, value: Fraction) -> None:
    """No amount is rounded."""
    assert parse_quantity(text) == value


@pytest.mark.parametrize(
    "text",
    ["", " 1", "1 ", "1 Gi", "1gi", "1KI", "1K", "1GB", "one", "1_000", "1,5", "0x10", "1mi", "--1", ".", "1Gi\n"],
)
def test_what_kubernetes_refuses_is_no_quantity(text: str) -> None:
    """Neither spaces nor other spellings of a unit are let through."""
    assert parse_quantity(text) is None


@given(st.integers(0, 10**15), st.sampled_from(["", "m", "k", "M", "G", "Ki", "Mi", "Gi"]))
def test_a_larger_number_of_the_same_unit_is_more(number: int, unit: str) -> None:
    """Amounts can be compared."""
    small, large = parse_quantity(f"{number}{unit}"), parse_quantity(f"{number + 1}{unit}")
    assert small is not None
    assert large is not None
    assert small < large


@pytest.mark.parametrize(
    ("value", "expected"),
    [(2, Fraction(2)), (0.1, Fraction(1, 10)), ("1k", Fraction(1000)), (True, None), (None, None), ([], None)],
)
def test_a_number_that_yaml_has_read_is_a_quantity_too(value: object, expected: Fraction | None) -> None:
    """`cpu: 2` and `cpu: "2"` are the same."""
    assert amount(value) == expected


@pytest.mark.parametrize(
    ("text", "meant"),
    [("1 gig", "1Gi"), ("256MB", "256Mi"), ("2 cores", "2"), ("1 Gi", "1Gi"), ("lots", None), ("5 parsecs", None)],
)
def test_the_quantity_that_was_meant_is_guessed(text: str, meant: str | None) -> None:
    """What people say is near to what Kubernetes wants."""
    assert nearest_quantity(text) == meant
    assert meant is None or parse_quantity(meant) is not None
