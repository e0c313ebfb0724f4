"""Between Python's plain values and DynamoDB's notation of them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

Item = dict[str, Any]


def written(item: Mapping[str, Any]) -> Item:
    """Give an item in DynamoDB's notation; a `TypeError` names the attribute whose value it has no word for."""
    try:
        return {name: _written(value) for name, value in item.items()}
    except TypeError as error:
        raise TypeError(f"item with the attributes {', '.join(item)}: {error}") from error


def read(item: Mapping[str, Any]) -> Item:
    """Give an item as plain Python: a whole number is an int, another one a float."""
    return {name: _read(value) for name, value in item.items()}


def _written(value: Any) -> dict[str, Any]:  # noqa: PLR0911 - one for each kind of value
    match value:
        case str():
            return {"S": value}
        case bool():
            return {"BOOL": value}
        case int() | float() | Decimal():
            return {"N": str(value)}
        case None:
            return {"NULL": True}
        case bytes() | bytearray():
            return {"B": bytes(value)}
        case Mapping():
            return {"M": {str(name): _written(part) for name, part in value.items()}}
        case list() | tuple():
            return {"L": [_written(part) for part in value]}
        case set() | frozenset():
            return _written_set(value)
    raise TypeError(f"DynamoDB has no word for a {type(value).__name__}. Write it as text or a number.")


def _written_set(value: set[Any] | frozenset[Any]) -> dict[str, Any]:
    parts = [_written(part) for part in value]
    kinds = {kind for part in parts for kind in part}
    if len(kinds) != 1 or not kinds < {"S", "N", "B"}:
        raise TypeError("a set in DynamoDB has members, and all are text, or numbers, or bytes. Use a list.")
    kind = kinds.pop()
    return {kind + "S": [part[kind] for part in parts]}


def _read(value: Mapping[str, Any]) -> Any:  # noqa: PLR0911 - one for each kind of value
    ((kind, content),) = value.items()
    match kind:
        case "N":
            return _number(content)
        case "NULL":
            return None
        case "M":
            return read(content)
        case "L":
            return [_read(part) for part in content]
        case "NS":
            return {_number(part) for part in content}
        case "SS" | "BS":
            return set(content)
    return content  # text, bytes, or a truth value: as it is


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        number = Decimal(text)
        return int(number) if number == number.to_integral_value() else float(number)
