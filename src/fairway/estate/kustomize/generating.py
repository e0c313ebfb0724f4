"""ConfigMaps and Secrets that a kustomization makes of literals and files."""

import base64
from collections.abc import Callable, Iterator

from fairway.estate.kustomize.item import Item
from fairway.estate.kustomize.values import copied, mapping, put
from fairway.yaml.reader import Mapping, Sequence, Value

Content = Callable[[str, int], bytes | None]
"""Gives what is in a file that a kustomization names at a line; none where it cannot be read, which is noted."""


def generate(entry: Mapping, kind: str, file: str, options: Mapping, content: Content) -> Item:
    """Make a ConfigMap or Secret of its description."""
    line = entry.line
    data = mapping(line)
    for key, raw, at in _data(entry, content):
        put(data, key, base64.b64encode(raw).decode() if kind == "Secret" else raw.decode("latin-1"), at)
    metadata = mapping(line, name=str(entry.get("name") or ""))
    if entry.get("namespace"):
        put(metadata, "namespace", str(entry["namespace"]), line)
    own = entry.get("options")
    for said in (options, own if isinstance(own, Mapping) else mapping(line)):
        for key in ("labels", "annotations"):
            if isinstance(wanted := said.get(key), Mapping):
                held = metadata.get(key)
                put(metadata, key, held if isinstance(held, Mapping) else mapping(wanted.line), line)
                target = metadata[key]
                assert isinstance(target, Mapping)
                for name, word in wanted.items():
                    put(target, name, word, wanted.lines[name])
    made = mapping(line, apiVersion="v1", kind=kind, metadata=metadata)
    if kind == "Secret":
        put(made, "type", str(entry.get("type") or "Opaque"), line)
    put(made, "data", data, line)
    return Item(made, file)


def merge_into(items: list[Item], made: Item, behavior: str) -> bool:
    """Add what was made, or put it into what is there; tell whether that could be."""
    if behavior not in {"merge", "replace"}:
        items.append(made)
        return True
    there = [item for item in items if item.is_called(made.kind, made.name, made.namespace)]
    if not there:
        return False
    value = there[0].value
    held = value.get("data")
    new = made.value["data"]
    assert isinstance(new, Mapping)
    if behavior == "replace" or not isinstance(held, Mapping):
        put(value, "data", copied(new), new.line)
    else:
        for key, item in new.items():
            put(held, key, item, new.lines[key])
    return True


def _data(entry: Mapping, content: Content) -> Iterator[tuple[str, bytes, int]]:
    for said, line in _entries(entry, "literals"):
        key, _, value = said.partition("=")
        yield key, _unquoted(value).encode(), line
    for said, line in _entries(entry, "files"):
        key, given, path = said.partition("=")
        name = path if given else said
        if (data := content(name, line)) is not None:
            yield (key if given else name.rpartition("/")[2]), data, line
    single = [(str(entry["env"]), entry.lines["env"])] if entry.get("env") else []
    for name, line in (*_entries(entry, "envs"), *single):
        for row in (content(name, line) or b"").decode(errors="replace").splitlines():
            key, given, value = row.strip().partition("=")
            if given and not key.startswith("#"):
                yield key, value.encode(), line


def _entries(entry: Mapping, key: str) -> list[tuple[str, int]]:
    value: Value = entry.get(key)
    if not isinstance(value, Sequence):
        return []
    return [(str(item), line) for item, line in zip(value, value.lines, strict=True)]


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1] if quoted else value
