"""A function's answers as JSON documents, by its return annotation, so that they outlive the process and its code.

msgspec's types are native; a pydantic model is written as its own JSON, a protobuf message as its own bytes.
"""

import inspect
import typing
from base64 import b64decode, b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import msgspec

from fairway_sdk.identity.caller import caller


class Documents:
    """How the answers of one function are written and read."""

    def __init__(self, function: Callable[..., Any]) -> None:
        """Take a function; its annotations are read when first needed, since they may name what comes later."""
        self._function = function
        self._decoder: msgspec.json.Decoder[Any] | None = None
        self._signature = inspect.signature(function)
        self._name = f"{function.__module__}.{function.__qualname__}"
        if self._signature.return_annotation is inspect.Signature.empty:
            raise TypeError(f"{self._name}: a fallback keeps its answers. Annotate what it returns.")

    def write(self, value: Any) -> bytes:
        """Write an answer; a `TypeError` where it holds what is no data."""
        return msgspec.json.encode(value, enc_hook=_plain)

    def read(self, document: bytes) -> Any:
        """Read an answer; `msgspec.MsgspecError` where it was written by code that returned something else."""
        if self._decoder is None:
            self._decoder = msgspec.json.Decoder(self.kind(), dec_hook=_made)
        return self._decoder.decode(document)

    def kind(self) -> Any:
        """Give the annotation of what is returned."""
        return typing.get_type_hints(self._function, include_extras=True)["return"]

    def personal(self) -> bool:
        """Tell whether the answers have fields that are marked as personal."""
        from fairway_sdk.personal.marks import has_personal

        return has_personal(self.kind())

    def key(self, arguments: tuple[Any, ...], named: dict[str, Any], *, shared: bool) -> str:
        """Name an answer by function, arguments, tenant and, unless it is shared, person: nobody gets another's.

        It is a digest: no argument can be read from it.
        """
        bound = self._signature.bind(*arguments, **named)
        bound.apply_defaults()
        who = caller.get()
        person = ("", "") if shared else (who.issuer, who.person)
        try:
            text = msgspec.json.encode((who.tenant, *person, bound.arguments), enc_hook=_plain, order="sorted")
        except TypeError as error:
            raise TypeError(
                f"{self._name}: a fallback knows its answers by their arguments, so these must be plain data: {error}"
            ) from error
        return f"{self._name}:{sha256(text).hexdigest()[:40]}"


def _plain(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if hasattr(value, "SerializeToString"):
        return b64encode(value.SerializeToString(deterministic=True)).decode()
    raise TypeError(f"{type(value).__qualname__} is no data")


def _made(kind: Any, value: Any) -> Any:
    if hasattr(kind, "model_validate"):
        return kind.model_validate(value)
    if hasattr(kind, "FromString"):
        return kind.FromString(b64decode(value))
    raise TypeError(f"{kind} cannot be read from a document")
