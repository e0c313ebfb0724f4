"""JSON for other programs."""

from typing import Any

import msgspec


def json_text(value: Any) -> str:  # noqa: ANN401 - any plain data
    """Write plain data and structs as indented JSON that ends with a newline."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"
