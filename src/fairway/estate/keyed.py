"""Lists whose entries are told apart by keys, where the same key twice means that one entry is lost."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from fairway.estate.fault import Fault, Place, called, quoted

Schema: TypeAlias = dict[str, Any]

NO_DEFAULTS: Mapping[str, str] = {}


def duplicates(
    value: object, keys: tuple[str, ...], path: Place, defaults: Mapping[str, str] = NO_DEFAULTS
) -> Iterator[Fault]:
    """Find entries of a list that have the same *keys*; a key that is not given has its default."""
    if not isinstance(value, list):
        return
    seen: dict[tuple[str, ...], int] = {}
    for index, entry in enumerate(value):
        if not isinstance(entry, dict) or all(entry.get(key) is None for key in keys):
            continue
        mine = tuple(repr(entry.get(key, defaults.get(key))) for key in keys)
        first = seen.setdefault(mine, index)
        if first != index:
            shown = " and ".join(f"{key} {quoted(entry[key])}" for key in keys if entry.get(key) is not None)
            says = f"{called(path)} has {shown} twice, in entries {first} and {index}."
            yield Fault((*path, index), says, "Remove or rename one.")


def keyed_lists(schema: Schema) -> Schema:
    """Cut *schema* down to the ways that lead to keyed lists; empty where there are none."""
    found: Schema = {}
    if keys := schema.get("x-kubernetes-list-map-keys"):
        found["x-kubernetes-list-map-keys"] = keys
    for word in ("items", "additionalProperties"):
        if isinstance(schema.get(word), dict) and (inner := keyed_lists(schema[word])):
            found[word] = inner
    properties = {field: keyed_lists(inner) for field, inner in schema.get("properties", {}).items()}
    if properties := {field: inner for field, inner in properties.items() if inner}:
        found["properties"] = properties
    return found


def keyed_duplicates(value: object, schema: Schema, path: Place = ()) -> Iterator[Fault]:
    """Find duplicates in all keyed lists of *value*, along a schema from keyed_lists."""
    if isinstance(value, list):
        yield from duplicates(value, tuple(schema.get("x-kubernetes-list-map-keys", ())), path)
        for index, item in enumerate(value):
            yield from keyed_duplicates(item, schema.get("items", {}), (*path, index))
    elif isinstance(value, dict):
        for field, inner in schema.get("properties", {}).items():
            if field in value:
                yield from keyed_duplicates(value[field], inner, (*path, field))
        if "additionalProperties" in schema:
            for key, item in value.items():
                yield from keyed_duplicates(item, schema["additionalProperties"], (*path, str(key)))
