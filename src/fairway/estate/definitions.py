"""The definitions of Kubernetes' built-in kinds, as the shipped file has them."""

import zlib
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

FILE = Path(__file__).parent / "schemas" / "kubernetes-1.37.json.gz"
LIST = "v1/List"  # what kubectl itself knows as several objects in one
GZIP = 31  # zlib's word for a gzip header and the largest window; the gzip module costs an import for the same


class Definitions(msgspec.Struct, frozen=True, kw_only=True):
    """`kinds` maps group/version/Kind to a definition's name; a core kind has no group: v1/Service."""

    kubernetes: str
    kinds: dict[str, str]
    definitions: dict[str, dict[str, Any]] = msgspec.field(name="$defs")


@cache
def builtin() -> Definitions:
    """Read the shipped file, once for each process."""
    return msgspec.json.decode(zlib.decompress(FILE.read_bytes(), wbits=GZIP), type=Definitions)


@cache
def builtin_groups() -> frozenset[str]:
    """Name the API groups that Kubernetes itself owns: a kind that is missing there does not exist."""
    return frozenset(key.rpartition("/")[0].rpartition("/")[0] for key in builtin().kinds) | {"extensions"}


def listed(obj: dict[str, Any]) -> list[Any]:
    """Give the objects in a List."""
    items = obj.get("items")
    return items if isinstance(items, list) else []


def referred(schema: dict[str, Any]) -> str | None:
    """Name the definition that *schema* refers to, if it is a reference."""
    reference = schema.get("$ref")
    return reference.rpartition("/")[2] if isinstance(reference, str) else None
