"""Notes of the rooms on one service, put together into what somebody reads, and checked by its type."""

from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from fairway.core.artefact import Reason
from fairway.core.errors import BadRegistryError
from fairway.core.parts import Bind, Carry, Note
from fairway.core.traffic import Traffic
from fairway_sdk.contract.binding import Binding

Told = TypeVar("Told")


class Carried:
    """What the rooms tell the proxies around one service, and who tells what."""

    def __init__(self, service: str, notes: Iterable[Carry]) -> None:
        """Put the notes on *service* together."""
        every = tuple(notes)
        self.traffic: Traffic = traffic_of(service, every)
        self._reasons = {note.path: note.reason for note in every}

    def reason(self, *path: str) -> Reason | None:
        """Say what is behind the note at *path*; None where there is none."""
        return self._reasons.get(path)


def binding_of(service: str, notes: Iterable[Bind]) -> Binding:
    """Put together what a running service is told."""
    return _assemble(service, notes, Binding, {"service": service})


def traffic_of(service: str, notes: Iterable[Carry]) -> Traffic:
    """Put together what the proxies around a service are told."""
    return _assemble(service, notes, Traffic, {"service": service})


def binding_text(binding: Binding) -> str:
    """Write a binding as people read it: indented, and without what is as the contract assumes."""
    return msgspec.json.format(msgspec.json.encode(binding), indent=2).decode() + "\n"


def _assemble(service: str, notes: Iterable[Note], kind: type[Told], told: dict[str, Any]) -> Told:
    """Nest the notes by their paths. Two that differ about one place, or one of no place, are a fault of Fairway."""
    said: dict[tuple[str, ...], Note] = {}
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
        return msgspec.convert(told, kind)
    except msgspec.ValidationError as error:
        raise BadRegistryError(f"The {kind.__name__.lower()} of {service} does not fit: {error}.") from error
