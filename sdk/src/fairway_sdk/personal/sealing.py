"""Documents in which the personal fields are sealed, and everything else stays readable.

A personal field becomes `{"sealed": "<base64>", "place": "OrderPlaced/email"}`: it opens for the same person at the
same place only. Fields may become personal later, since a plain value is read as it is; the mark is not taken off again
while sealed documents live. A type that is renamed keeps its old name in `sealed_as: ClassVar[str]`.
"""

import base64
from typing import Any, TypeVar

import msgspec

from fairway_sdk.personal.boxes import BrokenSealError, DataKey, ErasedError
from fairway_sdk.personal.keyring import Keyring
from fairway_sdk.personal.marks import PERSONAL, Change, has_personal, marks, rewrite

__all__ = ["PERSONAL", "BrokenSealError", "ErasedError", "has_personal", "is_sealed", "open_all", "seal", "unseal"]

S = TypeVar("S", bound=msgspec.Struct)

SEALED = "sealed"
PLACE = "place"


async def seal(value: msgspec.Struct, person: str, keyring: Keyring) -> bytes:
    """Write a value as JSON with its personal fields sealed for a person; `ErasedError` once they are erased."""
    kind = type(value)
    if not has_personal(kind):
        return msgspec.json.encode(value)
    if not person:
        raise ValueError(
            f"{kind.__name__}: has personal fields, and names no person. Say whose they are in `person`, the name of a"
            " field that is never empty."
        )
    key = await keyring.key(person)
    document = msgspec.to_builtins(value, str_keys=True)
    return msgspec.json.encode(rewrite(document, marks(kind), _name(kind), _sealing(key)))


async def unseal(document: bytes | msgspec.Raw, kind: type[S], person: str, keyring: Keyring) -> S:
    """Read what `seal` wrote; `ErasedError` once the person is erased, `BrokenSealError` for what was moved.

    `msgspec.ValidationError` where the document is not of that kind.
    """
    if not has_personal(kind):
        return msgspec.json.decode(document, type=kind)
    key = await keyring.key(person, create=False)
    content = rewrite(msgspec.json.decode(document), marks(kind), _name(kind), _opening(key))
    return msgspec.convert(content, kind, str_keys=True)


def is_sealed(value: object) -> bool:
    """Tell whether a part of a document is a sealed field."""
    return isinstance(value, dict) and value.keys() == {SEALED, PLACE}


def open_all(document: Any, key: DataKey | None) -> Any:
    """Open every sealed field of a decoded document of whatever kind; without a key each becomes none."""
    if is_sealed(document):
        return None if key is None else _opened(key, document)
    if isinstance(document, dict):
        return {name: open_all(value, key) for name, value in document.items()}
    if isinstance(document, list):
        return [open_all(value, key) for value in document]
    return document


def _name(kind: type) -> str:
    name: str = getattr(kind, "sealed_as", kind.__name__)
    return name


def _sealing(key: DataKey) -> Change:
    def change(value: Any, place: str) -> Any:
        box = key.seal(msgspec.json.encode(value), place.encode())
        return {SEALED: base64.b64encode(box).decode(), PLACE: place}

    return change


def _opening(key: DataKey) -> Change:
    def change(value: Any, place: str) -> Any:
        if not is_sealed(value):
            return value
        if value[PLACE] != place:
            raise BrokenSealError(f"{place}: holds what was sealed for {value[PLACE]}. It was moved or renamed.")
        return _opened(key, value)

    return change


def _opened(key: DataKey, node: dict[str, str]) -> Any:
    return msgspec.json.decode(key.open(base64.b64decode(node[SEALED]), node[PLACE].encode()))
