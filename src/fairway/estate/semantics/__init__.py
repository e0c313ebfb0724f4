"""What a strict schema cannot see in an object: units, names, words, numbers, and parts that must agree."""

from functools import cache

import msgspec

from fairway.estate.definitions import LIST, builtin, listed
from fairway.estate.fault import Fault
from fairway.estate.semantics.metadata import object_name
from fairway.estate.semantics.shapes import Field, Shape, shape_of, walk

# Custom kinds that are a built-in one in part: what holds there holds for them.
LIKENESS = {"argoproj.io/v1alpha1/Rollout": {"spec": "apps.v1.DeploymentSpec"}}


def faults(obj: object) -> tuple[Fault, ...]:
    """Find what is wrong in a whole object (a patch is not one) of any kind.

    Of a custom kind only the metadata is judged, and parts that are like a built-in kind's.
    """
    if not isinstance(obj, dict):
        return ()
    api_version, kind = obj.get("apiVersion"), obj.get("kind")
    if not isinstance(api_version, str) or not isinstance(kind, str):
        return ()
    key = f"{api_version}/{kind}"
    if key == LIST:
        return tuple(
            msgspec.structs.replace(fault, path=("items", index, *fault.path))
            for index, item in enumerate(listed(obj))
            for fault in faults(item)
        )
    found = list(object_name(obj, key))
    walk(obj, _shape(key), (), found)
    return tuple(found)


@cache
def _shape(key: str) -> Shape:
    """Give the shape of group/version/Kind."""
    if key in builtin().kinds:
        return shape_of(builtin().kinds[key])
    parts = {"metadata": "meta.v1.ObjectMeta", **LIKENESS.get(key, {})}
    return Shape({field: Field.part(shape_of(name)) for field, name in parts.items()}, ())
