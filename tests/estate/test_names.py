"""Which texts are names of each kind."""

import pytest

from fairway.estate import names
from fairway.estate.names import NameRule

CASES: list[tuple[NameRule, list[str], list[str]]] = [
    (
        names.DNS_LABEL,
        ["a", "orders", "orders-2", "2-orders", "a" * 63],
        ["", "-a", "a-", "A", "a_b", "a.b", "a" * 64, "a\n", "ä"],
    ),
    (
        names.DNS_SUBDOMAIN,
        ["a", "orders.shop", "a-b.c-d", ".".join(["a" * 63] * 3)],
        ["", ".a", "a.", "a..b", "A.b", "a.-b", "a" * 254],
    ),
    (
        names.PORT_NAME,
        ["http", "h", "http-2", "2http", "a" * 15],
        ["", "80", "HTTP", "a--b", "-a", "a-", "a_b", "a" * 16],
    ),
    (
        names.LABEL_KEY,
        ["app", "App.kubernetes_io", "example.com/App", "a" * 253 + "/b"],
        ["", "/a", "a/", "a/b/c", "Example.com/app", "a b", "-a", "a" * 64],
    ),
    (names.LABEL_VALUE, ["", "a", "V1.2_x-y", "a" * 63], ["-a", "a-", "a b", "a/b", "a" * 64, "ä"]),
    (names.ENVIRONMENT_NAME, ["A", "a.b-c", "with space", "1"], ["", "A=B", "ä", "a\tb"]),
    (names.DATA_KEY, ["a", ".hidden", "A_b-c.d"], ["", ".", "..", "..a", "a/b", "a b"]),
    (names.PATH_SEGMENT, ["system:admin", "A b"], ["", ".", "..", "a/b", "50%"]),
    (names.INGRESS_HOST, ["a.example.com", "*.example.com"], ["", "*", "*.", "a.*.com", "*example.com", "A.com"]),
]


@pytest.mark.parametrize(("rule", "text"), [(rule, text) for rule, good, _ in CASES for text in good])
def test_a_name_that_kubernetes_takes_is_taken(rule: NameRule, text: str) -> None:
    """Nothing is said of it."""
    assert rule.fault(text, ("metadata", "name")) is None


@pytest.mark.parametrize(("rule", "text"), [(rule, text) for rule, _, bad in CASES for text in bad])
def test_a_name_that_kubernetes_refuses_is_refused(rule: NameRule, text: str) -> None:
    """What is said is where it stands."""
    fault = rule.fault(text, ("metadata", "name"))
    assert fault is not None
    assert fault.where == "metadata.name"


@pytest.mark.parametrize(("rule", "text"), [(rule, text) for rule, _, bad in CASES for text in bad])
def test_a_name_that_is_offered_instead_would_be_taken(rule: NameRule, text: str) -> None:
    """A suggestion that fails would be worse than none."""
    fix = rule.suggestion(text)
    assert fix == "Rename it." or rule.fits(fix.removeprefix("Write '").removesuffix("'."))
