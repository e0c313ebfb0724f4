"""Values that strangers send, cut to what there is room for."""

from collections.abc import Mapping
from typing import Final

from fairway.local.telemetry.records import Value

LONGEST_TEXT: Final = 1_000  # characters of one value
LONGEST_NAME: Final = 200
MOST_VALUES: Final = 64  # of one record
MOST_ITEMS: Final = 16  # of a list within a value
DEEPEST: Final = 4
LARGEST_FIELDS: Final = 8_000  # characters of all fields of one line together


def text(value: str, longest: int = LONGEST_TEXT) -> str:
    """Cut a text; what is left says that it was cut."""
    return value if len(value) <= longest else value[: longest - 1] + "…"


def fields(found: Mapping[str, object]) -> dict[str, object]:
    """Keep the first fields of a line, as deep and as long as there is room."""
    room, kept = LARGEST_FIELDS, dict[str, object]()
    for name, value in found.items():
        if len(kept) == MOST_VALUES or room <= 0:
            break
        kept[text(name, LONGEST_NAME)] = short = _short(value, room, DEEPEST)
        room -= len(name) + (len(short) if isinstance(short, str) else 8)
        if isinstance(short, dict | list):
            room -= len(str(short))
    return kept


def _short(value: object, room: int, deep: int) -> object:
    match value:
        case str():
            return text(value, max(room, 16))
        case bool() | int() | float() | None:
            return value if not isinstance(value, int) or -(1 << 63) <= value < 1 << 63 else str(value)[:LONGEST_NAME]
        case dict() if deep:
            some = list(value.items())[:MOST_ITEMS]
            return {text(str(name), LONGEST_NAME): _short(each, room // MOST_ITEMS, deep - 1) for name, each in some}
        case list() if deep:
            return [_short(each, room // MOST_ITEMS, deep - 1) for each in value[:MOST_ITEMS]]
    return "…"


def flat(value: object) -> Value:
    """Make one value of a list or map."""
    return value if isinstance(value, str | bool | int | float) else text(str(value))
