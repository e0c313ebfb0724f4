"""Which fields of a type are personal, found once from its annotations."""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, Final

from msgspec import Meta, Struct, inspect

PERSONAL: Final = Meta(extra={"fairway": "personal"}, extra_json_schema={"x-fairway-personal": True})
"""Marks a field's type: `email: Annotated[str, PERSONAL]`. What it says is sealed wherever it is kept."""

Change = Callable[[Any, str], Any]
"""Takes a personal value and its place, and gives what stands there instead."""


class Marks(Struct):
    """Where personal values are below a value, by what the value looks like in JSON."""

    whole: bool = False  # the value itself is personal
    objects: dict[str, dict[str, "Marks"]] = {}  # by tag ("" for none), then by field
    arrays: dict[str, dict[int, "Marks"]] = {}  # of structs written as arrays: by tag, then by position
    tag_field: str = ""
    items: "Marks | None" = None  # of each item of an array
    values: "Marks | None" = None  # of each value of a mapping


@cache
def has_personal(kind: type) -> bool:
    """Tell whether a type has personal fields, at any depth."""
    return _reaches(inspect.type_info(kind), set())


@cache
def marks(kind: type) -> Marks:
    """Find the personal fields of a type; a `TypeError` where a mark stands where nothing can be sealed."""
    return _find(inspect.type_info(kind), {})


def rewrite(value: Any, marked: Marks, place: str, change: Change) -> Any:
    """Change every personal value of a document of dicts and lists, in place where that goes, and give it."""
    if marked.whole:
        return change(value, place)
    if isinstance(value, tuple):
        value = list(value)
    if isinstance(value, dict | list):
        for at, below in _marked_parts(value, marked):
            value[at] = rewrite(value[at], below, f"{place}/{at}", change)
    return value


def _marked_parts(value: dict[Any, Any] | list[Any], marked: Marks) -> Iterable[tuple[Any, Marks]]:
    """Give the keys or positions under which something personal stands, and what is marked there."""
    if isinstance(value, dict):
        if marked.values:
            return [(key, marked.values) for key in value]
        tag = str(value.get(marked.tag_field, "")) if marked.tag_field else ""
        return [(key, below) for key, below in marked.objects.get(tag, {}).items() if key in value]
    if marked.items:
        return [(at, marked.items) for at in range(len(value))]
    tag = "" if "" in marked.arrays or not value else str(value[0])
    return [(at, below) for at, below in marked.arrays.get(tag, {}).items() if at < len(value)]


def _is_mark(info: inspect.Type) -> bool:
    return isinstance(info, inspect.Metadata) and (info.extra or {}).get("fairway") == "personal"


def _below(info: inspect.Type) -> list[inspect.Type]:
    """Give the types that a type is made of."""
    found = [getattr(info, name) for name in ("type", "item_type", "key_type", "value_type") if hasattr(info, name)]
    for name in ("types", "item_types"):
        found += getattr(info, name, ())
    return found + [field.type for field in getattr(info, "fields", ())]


def _reaches(info: inspect.Type, seen: set[int]) -> bool:
    """Tell whether a mark is at a type or below it; types may contain themselves."""
    if id(info) in seen:
        return False
    seen.add(id(info))
    return _is_mark(info) or any(_reaches(below, seen) for below in _below(info))


def _find(info: inspect.Type, known: dict[int, Marks]) -> Marks:
    if id(info) in known:
        return known[id(info)]
    found = known[id(info)] = Marks()
    if not _reaches(info, set()):
        return found
    if _is_mark(info):
        found.whole = True
    elif isinstance(info, inspect.Metadata | inspect.UnionType):
        for below in _below(info):
            _join(found, _find(below, known))
    elif isinstance(info, inspect.DictType):
        if _reaches(info.key_type, set()):
            raise TypeError("the keys of a mapping cannot be personal. Mark the whole mapping, or use a list.")
        found.values = _find(info.value_type, known)
    elif isinstance(info, inspect.TupleType):
        found.arrays = {"": {at: _find(one, known) for at, one in enumerate(info.item_types)}}
    elif hasattr(info, "fields"):
        _find_fields(info, found, known)
    else:
        (items,) = _below(info)
        found.items = _find(items, known)
    return found


def _find_fields(info: Any, found: Marks, known: dict[int, Marks]) -> None:
    """Find the personal fields of a struct, a data class, a typed dict or a named tuple."""
    tag = "" if getattr(info, "tag", None) is None else str(info.tag)
    fields = [(at, field) for at, field in enumerate(info.fields) if _reaches(field.type, set())]
    if getattr(info, "array_like", isinstance(info, inspect.NamedTupleType)):
        first = 1 if tag else 0
        found.arrays = {tag: {at + first: _find(field.type, known) for at, field in fields}}
    else:
        found.tag_field = getattr(info, "tag_field", None) or ""
        found.objects = {tag: {field.encode_name: _find(field.type, known) for _, field in fields}}


def _join(one: Marks, other: Marks) -> None:
    one.whole = one.whole or other.whole
    one.objects = one.objects | other.objects
    one.arrays = one.arrays | other.arrays
    one.tag_field = one.tag_field or other.tag_field
    one.items = one.items or other.items
    one.values = one.values or other.values
