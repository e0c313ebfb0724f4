"""The net below the log: values are hidden by their key's name, by their look, or by their mark."""

import time
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import pytest

from fairway_sdk.personal import PERSONAL
from fairway_sdk.telemetry.redaction import HIDDEN, redact, redact_text


def redacted(**event: object) -> dict[str, Any]:
    """Give an event as the log would have it."""
    return dict(redact(None, "", event))


@pytest.mark.parametrize(
    "key",
    [
        *("email", "e_mail", "contactEmail", "customer-email", "password", "db_password", "PASSWORD", "authorization"),
        *("x-api-key", "apiKey", "set-cookie", "access_token", "card_number", "cvv", "iban", "first_name", "lastName"),
        *("date_of_birth", "home_address", "ip_address", "person", "session_id", "phone", "client_secret", "ssn"),
    ],
)
def test_a_telling_key_hides_its_value(key: str) -> None:
    """However it is spelt, and whatever the value is."""
    for value in ("x", 4711, ["x"], {"a": "x"}, b"x", 1.5):
        assert redacted(**{key: value}) == {key: HIDDEN}
    assert redacted(**{key: None}) == {key: None}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(
            ("timestamp", "2026-11-22T10:00:00.000Z"),
            ("trace_id", "4" * 32),
            ("event", "checkout is stuck at step charge"),
        ),
        *(
            ("token_type", "access"),
            ("password_age", 12),
            ("email_sent", True),
            ("secret_count", 3),
            ("person_count", 2),
        ),
        *(("address", "127.0.0.1:8080"), ("store_address", "db:5432"), ("saga", "checkout"), ("key", "order-7")),
        *(("path", "/orders/{id}"), ("seconds", 0.25), ("panel", "left"), ("monkey", "yes"), ("spinner", "on")),
        *(("order", "4111111111111112"), ("number", 4111111111111111), ("at", datetime(2026, 1, 1, tzinfo=UTC))),
        *(
            ("image", "registry.example.com/shop/orders@sha256:0123456789abcdef"),
            ("id", "7f9c24e8-3b0c-4c1f-9d3a-0a1b2c3d4e5f"),
        ),
        *(
            ("when", "2026-11-22T10:00:00+01:00"),
            ("text", "tokenised, keyed, passed on"),
            ("ratio", "1.23456789012345"),
        ),
    ],
)
def test_what_operators_need_stays(key: str, value: object) -> None:
    """Times, traces, machines, measures and numbers of orders are no secrets."""
    assert redacted(**{key: value}) == {key: value}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("mail to ada.lovelace+x@example.co.uk failed", "mail to [hidden] failed"),
        ("ünï@exämple.de wrote", "[hidden] wrote"),
        ("Authorization: Bearer abc.def-ghi_jkl", "Authorization: Bearer [hidden]"),
        ("got eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln instead", "got [hidden] instead"),
        ("postgresql://orders:hunter2@db:5432/orders", "postgresql://orders:[hidden]@db:5432/orders"),
        ("card 4111 1111 1111 1111 declined", "card [hidden] declined"),
        ("card 5500-0055-5555-5559 declined", "card [hidden] declined"),
        ("call +49 170 1234567 now", "call [hidden] now"),
        ("password='hun ter2' is weak", "password=[hidden] is weak"),
        ('{"api_key": "abc"}', '{"api_key": [hidden]}'),
        (
            "[SQL: insert]\n[parameters: ('ada', 'x')]\n(Background)",
            "[SQL: insert]\n[parameters: [hidden]]\n(Background)",
        ),
        ("DETAIL:  Key (email)=(ada) already exists.", "DETAIL:  Key (email)=([hidden]) already exists."),
    ],
)
def test_what_looks_personal_is_hidden_inside_texts(text: str, left: str) -> None:
    """The rest of the sentence stays readable; twice is the same as once."""
    assert redact_text(text) == left
    assert redact_text(left) == left
    assert redacted(event=text, inner={"list": [text]}) == {"event": left, "inner": {"list": [left]}}


class Order(msgspec.Struct):
    """Has one field that is marked, and one whose name tells."""

    id: str
    note: Annotated[str, PERSONAL]
    phone: str = "1"
    gifts: list["Order"] = []


def test_marked_fields_are_hidden_whatever_they_are_called() -> None:
    """Also deep inside, and a struct without marks is looked through by its names."""
    order = Order("7", "for aunt May", gifts=[Order("8", "for Ben")])
    gift = {"id": "8", "note": HIDDEN, "phone": HIDDEN, "gifts": []}
    assert redacted(order=order) == {"order": {"id": "7", "note": HIDDEN, "phone": HIDDEN, "gifts": [gift]}}


def test_exceptions_and_strange_things_become_safe_text() -> None:
    """What the renderer would turn into text later is turned and searched now."""

    class Strange:
        def __str__(self) -> str:
            return "owned by ada@example.com"

    assert redacted(error=ValueError("no box for ada@example.com")) == {"error": f"ValueError: no box for {HIDDEN}"}
    assert redacted(thing=Strange()) == {"thing": f"owned by {HIDDEN}"}

    class Speechless:
        def __str__(self) -> str:
            raise RuntimeError

    assert redacted(thing=Speechless(), other=1) == {"thing": HIDDEN, "other": 1}
    circle: list[Any] = []
    circle.append(circle)
    assert HIDDEN in str(redacted(circle=circle))


def test_no_text_takes_long() -> None:
    """A log line of 100 kB made to be slow costs well under a second for all looks together."""
    starts = (
        "a",
        "@",
        "1",
        "12 ",
        "+1",
        "eyJ",
        "eyJ-",
        "eyJa.",
        "token=",
        "Key (",
        "[parameters:",
        "://",
        "://a:",
        "Bearer ",
        "password='",
    )
    for start in starts:
        for end in ("", "@", "@a.b", "'"):
            text = start * (100_000 // len(start)) + end
            begun = time.process_time()
            redact_text(text)
            assert time.process_time() - begun < 1.0, start
