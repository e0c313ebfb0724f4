"""What one running service is told: the notes of all rooms, put together and checked against the SDK's contract."""

from collections.abc import Iterable
from typing import Any

import msgspec

from fairway.core.errors import BadRegistryError
from fairway.core.parts import Bind
from fairway_sdk.contract.binding import Binding


def assemble(service: str, notes: Iterable[Bind]) -> Binding:
    """Put the notes on one service together. A note that the contract does not know is a fault of Fairway."""
    told: dict[str, Any] = {}
    said: dict[tuple[str, ...], Bind] = {}
    for note in notes:
        before = said.setdefault(note.path, note)
        if before.value != note.value:
            raise BadRegistryError(
                f"{before.rule} and {note.rule} both set the {note.place} of {service}. Let one of them decide."
            )
        inside = told
        for key in note.path[:-1]:
            inside = inside.setdefault(key, {})
        inside[note.path[-1]] = note.value
    try:
        return msgspec.convert(told, Binding)
    except msgspec.ValidationError as error:
        raise BadRegistryError(f"The binding of {service} does not fit the SDK: {error}.") from error


def binding_text(binding: Binding) -> str:
    """Write a binding as people read it: indented, and without what is as the contract assumes."""
    return msgspec.json.format(msgspec.json.encode(binding), indent=2).decode() + "\n"
