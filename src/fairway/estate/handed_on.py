"""Settings that an object hands on to a program as they are: text, numbers and truth values mean the same there."""

from collections.abc import Iterator

from fairway.estate.node import Node
from fairway.estate.resource import Resource
from fairway.yaml.reader import Mapping, Value, read_document


def handed_on(node: Node, key: str) -> str:
    """Give the value at *key* as the program reads it, in lower case; empty where none is given or it is no value."""
    return plain(node.value.get(key))


def plain(value: Value) -> str:
    """Write one value as a program reads it, in lower case; empty for a list, a mapping or nothing."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip().lower() if isinstance(value, str | int | float) else ""


def at(value: Value, *keys: str) -> Value:
    """Go down *keys* of a document; None where there is nothing."""
    for key in keys:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def documents_in(resource: Resource, sign: str) -> Iterator[tuple[str, Mapping]]:
    """Give the YAML documents that a ConfigMap holds and that have the key *sign*, each with its own key."""
    for key, text in resource.root.pairs("data").items():
        if f"{sign}:" in text:
            document, _ = read_document(text, f"{resource.file} ({key})")
            if isinstance(document.value, Mapping) and sign in document.value:
                yield key, document.value
