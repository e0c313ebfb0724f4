"""Replacements: a value of one object put into fields of others."""

import re
from collections.abc import Iterator, Sequence

from fairway.estate.kustomize.item import Item, Target
from fairway.estate.kustomize.merging import PatchError
from fairway.estate.kustomize.values import mapping, put
from fairway.yaml.reader import Mapping, Value
from fairway.yaml.reader import Sequence as Listed

_STEP = re.compile(r"\[[^\]]*\]|(?:\\.|[^.\[])+")


def replace(items: Sequence[Item], entry: Mapping) -> None:
    """Carry out one replacement; `PatchError` where its source, or a field of its targets, is not there."""
    source = entry.get("source")
    given = entry.get("sourceValue")
    if isinstance(source, Mapping):
        value = _source(items, source)
    elif given is not None:
        value = given
    else:
        raise PatchError("this replacement has no source")
    for target in _mappings(entry.get("targets")):
        for item in _chosen(items, target):
            for path in _texts(target.get("fieldPaths")) or ["metadata.name"]:
                _put(item, path, value, target)


def _source(items: Sequence[Item], said: Mapping) -> Value:
    found = [item for item in items if _is_source(item, said)]
    if len(found) != 1:
        raise PatchError(f"{len(found)} objects are the source of this replacement, and one is wanted")
    path = str(said.get("fieldPath") or "metadata.name")
    values = [holder[key] for holder, key in _fields(found[0].value, path, create=False) if key in holder]
    if not values:
        raise PatchError(f"the source of this replacement has no {path}")
    value, options = values[0], said.get("options")
    if isinstance(options, Mapping) and options.get("delimiter") and isinstance(value, str):
        parts = value.split(str(options["delimiter"]))
        place = int(str(options.get("index") or 0))
        if not 0 <= place < len(parts):
            raise PatchError(f"the source of this replacement has no part {place}")
        return parts[place]
    return value


def _is_source(item: Item, said: Mapping) -> bool:
    exact = ((item.group, "group"), (item.version, "version"), (item.kind, "kind"))
    if any(said.get(key) is not None and str(said[key]) != value for value, key in exact):
        return False
    if said.get("name") is not None and str(said["name"]) not in {name for _, name in item.names}:
        return False
    return said.get("namespace") is None or str(said["namespace"]) in {home for home, _ in item.names}


def _chosen(items: Sequence[Item], target: Mapping) -> Iterator[Item]:
    select = target.get("select")
    wanted = Target(select if isinstance(select, Mapping) else mapping(target.line))
    rejected = [Target(one) for one in _mappings(target.get("reject"))]
    for item in items:
        if wanted.fits(item) and not any(one.fits(item) for one in rejected):
            yield item


def _put(item: Item, path: str, value: Value, target: Mapping) -> None:
    options = target.get("options")
    said = options if isinstance(options, Mapping) else mapping(target.line)
    fields = list(_fields(item.value, path, create=said.get("create") is True))
    if not fields:
        raise PatchError(f"{item.kind} {item.name} has no {path}")
    for holder, key in fields:
        new, held = value, holder.get(key)
        if said.get("delimiter") and isinstance(held, str):
            parts = held.split(str(said["delimiter"]))
            place = int(str(said.get("index") or 0))
            if place < 0:
                parts.insert(0, str(value))
            elif place >= len(parts):
                parts.append(str(value))
            else:
                parts[place] = str(value)
            new = str(said["delimiter"]).join(parts)
        put(holder, key, new, target.line)
    item.renamed()


def _fields(value: Value, path: str, *, create: bool) -> Iterator[tuple[Mapping, str]]:
    """Give the mappings and keys that a path leads to: dots between keys, `[name=x]`, a number or `*` in lists."""
    steps = [
        step.strip("[]").replace("\\.", ".") if step.startswith("[") else step.replace("\\.", ".")
        for step in _STEP.findall(path)
    ]
    yield from _down(value, steps, create=create)


def _down(value: Value, steps: Sequence[str], *, create: bool) -> Iterator[tuple[Mapping, str]]:
    if not steps:
        return
    step, rest = steps[0], steps[1:]
    if isinstance(value, Mapping):
        for key in list(value) if step == "*" else [step]:
            if not rest and (key in value or create):
                yield value, key
            elif rest and create and key not in value:
                put(value, key, mapping(value.line), value.line)
            if rest and key in value:
                yield from _down(value[key], rest, create=create)
    elif isinstance(value, Listed) and rest:
        for item in (item for place, item in enumerate(value) if _is_meant(item, place, step)):
            yield from _down(item, rest, create=create)


def _is_meant(item: Value, place: int, step: str) -> bool:
    """Tell whether a step means an entry of a list: by its number, by one of its fields, or all of them."""
    name, given, wanted = step.partition("=")
    named = bool(given) and isinstance(item, Mapping) and str(item.get(name)) == wanted
    return named or step in {"*", str(place)}


def _mappings(value: Value) -> list[Mapping]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, Listed) else []


def _texts(value: Value) -> list[str]:
    return list(map(str, value)) if isinstance(value, Listed) else []
