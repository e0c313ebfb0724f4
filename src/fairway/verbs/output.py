"""JSON for other programs."""

import json
from typing import Any

import msgspec


def json_text(value: Any) -> str:  # noqa: ANN401 - any plain data
    """Write plain data and structs as indented JSON that ends with a newline."""
    try:
        encoded = msgspec.json.encode(value)
    except UnicodeEncodeError:  # the name of a file that is not UTF-8, which JSON cannot say
        encoded = json.dumps(msgspec.to_builtins(value), ensure_ascii=False).encode("utf-8", "replace")
    return msgspec.json.format(encoded, indent=2).decode() + "\n"
