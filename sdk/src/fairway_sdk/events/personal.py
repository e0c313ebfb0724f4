"""What events do with personal data: content is sealed before it is kept, and a person's rows are found by an alias."""

from typing import TYPE_CHECKING, TypeVar

import msgspec

if TYPE_CHECKING:
    from fairway_sdk.service import Service

T = TypeVar("T", bound=msgspec.Struct)


async def sealed(service: "Service", value: msgspec.Struct, person: str) -> bytes:
    """Write a value as JSON; its personal fields can be read with the person's key only."""
    from fairway_sdk.personal.sealing import has_personal, seal

    if has_personal(type(value)):
        return await seal(value, person, service.keyring)
    return msgspec.json.encode(value)


async def opened(service: "Service", content: msgspec.Raw, kind: type[T], person: str) -> T:
    """Read a value; an `ErasedError` where the person's key is gone, `msgspec.DecodeError` where it does not fit."""
    from fairway_sdk.personal.sealing import has_personal, unseal

    if has_personal(kind):
        return await unseal(content, kind, person, service.keyring)
    return msgspec.json.decode(content, type=kind)


def alias(service: "Service", person: str) -> str:
    """Give what stands for a person in a column of its own, so that an erasure finds the rows; empty for nobody."""
    if not person:
        return ""
    return service.keyring.alias(person) if service.binding.personal else person
