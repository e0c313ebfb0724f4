"""Pick the few headers that say who is calling, in one pass, whatever carries them.

A header that comes twice is read as one, with a comma between: so a repeated token or tenant is malformed, and of a
repeated certificate the last element still is the last, which our own proxy set.
"""

from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

from fairway_sdk import contract

AUTHORIZATION: Final = "authorization"

Get: TypeAlias = Callable[[str], str | None]
"""Gives a header's text by its lower-case name; none where it was not sent."""

READ: Final = (AUTHORIZATION, contract.TENANT_HEADER, contract.CLIENT_CERTIFICATE_HEADER)

_TEXTS: Final = {name: name for name in READ}
_BYTES: Final = {name.encode(): name for name in _TEXTS}


def from_asgi(pairs: Iterable[tuple[bytes, bytes]]) -> Get:
    """Read the headers of an ASGI scope."""
    found: dict[str, str] = {}
    for key, value in pairs:
        name = _BYTES.get(key)
        if name is not None:
            text = value.decode("latin-1")
            found[name] = f"{found[name]},{text}" if name in found else text
    return found.get


def from_metadata(pairs: Iterable[tuple[str, str | bytes]]) -> Get:
    """Read the metadata of a gRPC call."""
    found: dict[str, str] = {}
    for key, value in pairs:
        name = _TEXTS.get(key)
        if name is not None:
            text = value if isinstance(value, str) else value.decode("latin-1")
            found[name] = f"{found[name]},{text}" if name in found else text
    return found.get
