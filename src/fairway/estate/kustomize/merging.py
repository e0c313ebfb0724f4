"""Strategic merge and JSON patches on objects, with the lists of Kubernetes merged by their keys."""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from fairway.estate.kustomize.values import copied, put
from fairway.yaml.reader import Mapping, Sequence, Value

# By the key that holds a list: what tells its entries apart. Lists that are not here are replaced as a whole.
KEYS: Final[dict[str, tuple[str, ...]]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "env": ("name",),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "volumes": ("name",),
    "imagePullSecrets": ("name",),
    "hostAliases": ("ip",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "secrets": ("name",),
    "ownerReferences": ("uid",),
    "readinessGates": ("conditionType",),
}
SETS: Final = frozenset({"finalizers"})
BUILT_IN: Final = re.compile(r"([a-z]+/)?v\d\w*|[a-z.]+\.k8s\.io/v\d\w*")
DIRECTIVE: Final = "$patch"
ORDER: Final = "$setElementOrder/"
DELETED: Final = "$deleteFromPrimitiveList/"


class PatchError(Exception):
    """A patch does not fit."""


def merged(target: Mapping, patch: Mapping, *, known: bool) -> Mapping | None:
    """Merge *patch* into *target*, which is changed; none where the patch deletes it.

    The lists of kinds that are not *known* are replaced as a whole.
    """
    if patch.get(DIRECTIVE) == "delete":
        return None
    if patch.get(DIRECTIVE) == "replace":
        for key in list(target):
            _drop(target, key)
    for key, value in patch.items():
        if key == DIRECTIVE or key.startswith(ORDER):
            continue
        if key.startswith(DELETED):
            _without(target, key.removeprefix(DELETED), value)
        elif value is None:
            _drop(target, key)
        else:
            _merge_key(target, key, value, patch.lines[key], known=known)
    return target


def _merge_key(target: Mapping, key: str, value: Value, line: int, *, known: bool) -> None:
    held = target.get(key)
    if isinstance(value, Mapping) and isinstance(held, Mapping):
        if merged(held, value, known=known) is None:
            _drop(target, key)
    elif isinstance(value, Mapping):
        if value.get(DIRECTIVE) != "delete":
            put(target, key, _cleaned(value), line)
    elif isinstance(value, Sequence) and isinstance(held, Sequence) and known:
        if key in SETS:
            for item, at in zip(value, value.lines, strict=True):
                if item not in held:
                    held.append(item)
                    held.lines.append(at)
        elif keys := _keys(key, [*held, *value]):
            _merge_list(held, value, keys)
        else:
            put(target, key, _cleaned(value), line)
    else:
        put(target, key, _cleaned(value), line)


def _keys(key: str, items: list[Value]) -> tuple[str, ...]:
    """Say what tells the entries of a list apart; nothing where the list is one whole."""
    if key == "ports":
        mappings = [item for item in items if isinstance(item, Mapping)]
        first = "containerPort" if any("containerPort" in item for item in mappings) else "port"
        return (first, "protocol") if mappings else ()
    return KEYS.get(key, ())


def _merge_list(held: Sequence, patch: Sequence, keys: tuple[str, ...]) -> None:
    """Merge by key; what the patch speaks of comes first, as kustomize puts it."""
    if any(isinstance(item, Mapping) and item.keys() == {DIRECTIVE} and item[DIRECTIVE] == "replace" for item in patch):
        del held[:], held.lines[:]
    first: list[tuple[Value, int]] = []
    for item, line in zip(patch, patch.lines, strict=True):
        if not isinstance(item, Mapping) or item.keys() == {DIRECTIVE}:
            continue
        place = next((n for n, one in enumerate(held) if isinstance(one, Mapping) and _same(one, item, keys)), None)
        if place is None:
            if item.get(DIRECTIVE) != "delete":
                first.append((_cleaned(item), line))
            continue
        one, at = held.pop(place), held.lines.pop(place)
        assert isinstance(one, Mapping)
        if merged(one, item, known=True) is not None:
            first.append((one, at))
    held[:0] = [item for item, _ in first]
    held.lines[:0] = [line for _, line in first]


def _same(one: Mapping, other: Mapping, keys: tuple[str, ...]) -> bool:
    if one.get(keys[0]) != other.get(keys[0]):
        return False
    default = "TCP" if "protocol" in keys else None
    return all(one.get(key, default) == other.get(key, default) or key not in other for key in keys[1:])


def _cleaned(value: Value) -> Value:
    """Copy a part of a patch without what only directs the merge."""
    twin = copied(value)
    _clean(twin)
    return twin


def _clean(value: Value) -> None:
    if isinstance(value, Mapping):
        for key in [key for key, item in value.items() if key.startswith("$") or item is None]:
            _drop(value, key)
        for item in value.values():
            _clean(item)
    elif isinstance(value, Sequence):
        kept = [
            (item, line)
            for item, line in zip(value, value.lines, strict=True)
            if not (isinstance(item, Mapping) and (item.keys() == {DIRECTIVE} or item.get(DIRECTIVE) == "delete"))
        ]
        value[:] = [item for item, _ in kept]
        value.lines[:] = [line for _, line in kept]
        for item in value:
            _clean(item)


def _without(target: Mapping, key: str, gone: Value) -> None:
    held = target.get(key)
    if isinstance(held, Sequence) and isinstance(gone, Sequence):
        kept = [(item, line) for item, line in zip(held, held.lines, strict=True) if item not in gone]
        held[:] = [item for item, _ in kept]
        held.lines[:] = [line for _, line in kept]


def _drop(target: Mapping, key: str) -> None:
    target.pop(key, None)
    target.lines.pop(key, None)


# JSON patches


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a JSON patch."""

    op: str
    path: str
    value: Value = None
    origin: str = ""  # `from`
    line: int


def operations(patch: Sequence) -> Iterator[Operation]:
    """Read the steps of a JSON patch; `PatchError` where one is none."""
    for item, line in zip(patch, patch.lines, strict=True):
        op, path = (item.get("op"), item.get("path")) if isinstance(item, Mapping) else (None, None)
        if not isinstance(item, Mapping) or not isinstance(op, str) or not isinstance(path, str):
            raise PatchError("an entry of this JSON patch has no op and path")
        at = item.lines.get("value", line)
        yield Operation(op=op, path=path, value=item.get("value"), origin=str(item.get("from") or ""), line=at)


def operate(target: Mapping, one: Operation) -> None:
    """Carry out one step on an object; `PatchError` where its path is not there."""
    match one.op:
        case "add":
            _set(target, one.path, copied(one.value), one.line, adding=True)
        case "replace":
            _get(target, one.path)
            _set(target, one.path, copied(one.value), one.line, adding=False)
        case "remove":
            _remove(target, one.path)
        case "move" | "copy":
            value = copied(_get(target, one.origin))
            if one.op == "move":
                _remove(target, one.origin)
            _set(target, one.path, value, one.line, adding=True)
        case "test":
            if _get(target, one.path) != one.value:
                raise PatchError(f"the test at {one.path} does not hold")
        case _:
            raise PatchError(f"'{one.op}' is no operation of a JSON patch")


def _steps(path: str) -> list[str]:
    if not path.startswith("/"):
        raise PatchError(f"the path '{path}' does not begin with /")
    return [step.replace("~1", "/").replace("~0", "~") for step in path[1:].split("/")]


def _get(target: Value, path: str) -> Value:
    for step in _steps(path):
        if isinstance(target, Mapping) and step in target:
            target = target[step]
        elif isinstance(target, Sequence) and step.isdigit() and int(step) < len(target):
            target = target[int(step)]
        else:
            raise PatchError(f"the path {path} is not there")
    return target


def _parent(target: Mapping, path: str) -> tuple[Value, str]:
    steps = _steps(path)
    above = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps[:-1])
    return (_get(target, above) if above else target), steps[-1]


def _set(target: Mapping, path: str, value: Value, line: int, *, adding: bool) -> None:
    parent, last = _parent(target, path)
    if isinstance(parent, Mapping):
        put(parent, last, value, line)
        return
    if not isinstance(parent, Sequence):
        raise PatchError(f"the path {path} leads into a single value")
    place = len(parent) if last == "-" else int(last) if last.isdigit() else -1
    if not 0 <= place <= len(parent):
        raise PatchError(f"the path {path} is not there")
    if adding:
        parent.insert(place, value)
        parent.lines.insert(place, line)
    else:
        parent[place] = value
        parent.lines[place] = line


def _remove(target: Mapping, path: str) -> None:
    _get(target, path)
    parent, last = _parent(target, path)
    if isinstance(parent, Mapping):
        _drop(parent, last)
    elif isinstance(parent, Sequence):
        del parent[int(last)], parent.lines[int(last)]
