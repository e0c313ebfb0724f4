"""A walk through an object along the definitions of its kind, which applies at each place what holds there."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec

from fairway.estate.definitions import builtin, referred
from fairway.estate.fault import Fault, Place, called
from fairway.estate.keyed import duplicates
from fairway.estate.semantics import containers, metadata, pods, scaling, services, storage, workloads
from fairway.estate.semantics.fields import ALTERNATIVES
from fairway.estate.semantics.leaves import Leaf, Whole, leaves, whole_maps
from fairway.estate.semantics.nodes import Node, Rule

RULES: dict[str, tuple[Rule, ...]] = {
    name: rules
    for room in (containers, metadata, pods, scaling, services, storage, workloads)
    for name, rules in room.RULES.items()
}
# Kubernetes fills these in where they are part of a key and not given.
KEY_DEFAULTS = {"protocol": "TCP"}
# Its writers emit this null themselves, before the server has given the object a time.
EXPECTED_NULLS = {"creationTimestamp"}


class Field(msgspec.Struct):
    """What holds for one field of a definition; where it has `many` values, `leaves` and `shape` are of each."""

    leaves: tuple[Leaf, ...]
    wholes: tuple[Whole, ...]
    keys: tuple[str, ...]
    required: bool
    nullable: bool
    many: bool
    plain: bool
    shape: "Shape | None" = None

    @property
    def bare(self) -> bool:
        """Tell whether nothing holds for a single value but that it is there."""
        return not self.leaves and self.shape is None

    @classmethod
    def part(cls, shape: "Shape") -> "Field":
        """Make a field that holds one mapping of *shape*."""
        return cls((), (), (), required=False, nullable=True, many=False, plain=False, shape=shape)


class Shape(msgspec.Struct):
    """A definition, made ready for the walk."""

    fields: dict[str, Field]
    rules: tuple[Rule, ...]


_SHAPES: dict[str, Shape] = {}  # definitions refer to themselves, so a shape is known before its fields are


def shape_of(name: str) -> Shape:
    """Make the definition *name* ready, and all that it refers to."""
    if name not in _SHAPES:
        schema = builtin().definitions.get(name, {})
        _SHAPES[name] = shape = Shape({}, (*RULES.get(name, ()), *_alternatives(name)))
        required = schema.get("required", [])
        for field, inner in schema.get("properties", {}).items():
            if field != "status" or inner.get("type"):  # a kind's status is the server's own writing
                shape.fields[field] = _field(name, field, inner, required=field in required)
    return _SHAPES[name]


def walk(node: Node, shape: Shape, path: Place, found: list[Fault]) -> None:
    """Add to *found* what is wrong in *node*, which is of *shape*, and below it."""
    for rule in shape.rules:
        found.extend(rule(node, path))
    for key, value in node.items():
        field = shape.fields.get(key)
        if field is None:  # the schemas report it
            continue
        if value is None:
            if field.nullable and key not in EXPECTED_NULLS:
                found.append(_null((*path, key), remark=not field.required))
        elif not field.plain:
            _judge_field(field, value, (*path, key), found)


def _judge_field(field: Field, value: object, path: Place, found: list[Fault]) -> None:
    """Add what is wrong with one field's *value* and below it."""
    for whole in field.wholes:
        found.extend(whole(value, path))
    if field.keys:
        found.extend(duplicates(value, field.keys, path, KEY_DEFAULTS))
    if not field.many:
        _judge_value(field, value, path, found)
    elif isinstance(value, list):
        if not field.bare or None in value:
            for index, item in enumerate(value):
                _judge_value(field, item, (*path, index), found)
    elif isinstance(value, dict) and (not field.bare or None in value.values()):
        for key, item in value.items():
            _judge_value(field, item, (*path, str(key)), found)


def _judge_value(field: Field, value: object, path: Place, found: list[Fault]) -> None:
    """Add what is wrong with one *value*, of a field or of its list or map."""
    if value is None:
        found.append(_null(path, remark=isinstance(path[-1], str)))
    for leaf in field.leaves:
        if fault := leaf(value, path):
            found.append(fault)  # noqa: PERF401 - for one or two leaves a generator costs more than they do
    if field.shape is not None and isinstance(value, dict):
        walk(value, field.shape, path, found)


def _field(definition: str, name: str, schema: dict[str, Any], *, required: bool) -> Field:
    """Make one field ready."""
    extra = schema.get("additionalProperties")
    values = schema.get("items") or (extra if isinstance(extra, dict) else schema)
    target = referred(values)
    of_value = builtin().definitions[target] if target else values
    checks, wholes = leaves(definition, name, values), whole_maps(definition, name)
    many = values is not schema
    scalar = not {"object", "array"} & set(of_value.get("type", ["object"]))
    return Field(
        leaves=checks,
        wholes=wholes,
        keys=tuple(schema.get("x-kubernetes-list-map-keys", ())),
        required=required,
        nullable="null" in (schema if many else of_value).get("type", ()),
        many=many,
        plain=scalar and not many and not checks,
        shape=shape_of(target) if target and not scalar else None,
    )


def _null(path: Place, *, remark: bool) -> Fault:
    """Report a null, which an empty value after a key is in YAML; the server takes it for an absent field."""
    return Fault(path, f"{called(path)} has no value.", "Give it a value, or remove the line.", remark=remark)


@cache
def _alternatives(definition: str) -> tuple[Rule, ...]:
    """Check that a mapping has one of several fields, and not two."""
    if definition not in ALTERNATIVES:
        return ()
    needed, fields = ALTERNATIVES[definition]

    def rule(node: Node, path: Place) -> Iterator[Fault]:
        given = [field for field in fields if node.get(field) is not None]
        if len(given) > 1:
            listed = f"{', '.join(given[:-1])} and {given[-1]}"
            yield Fault(path, f"{called(path)} has {listed}, which exclude one another.", "Keep one of them.")
        elif needed and not given:
            yield Fault(path, f"{called(path)} has none of {', '.join(fields)}.", "Add one of them.")

    return (rule,)
