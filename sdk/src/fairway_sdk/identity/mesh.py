"""Read which service is calling from what our own proxy says of its certificate, and from nothing else.

A proxy appends one element to the header for each hop. Everything before the last element came from outside and may be
forged; so the header is read from its end.
"""

import re
from functools import lru_cache
from typing import Final

from msgspec import Struct

LONGEST: Final = 32768  # characters; proxies refuse longer headers
_SPIFFE: Final = re.compile(r"spiffe://([a-z0-9._-]{1,255})/ns/([a-z0-9-]{1,63})/sa/([a-z0-9.-]{1,253})")


class Peer(Struct, frozen=True):
    """A workload of the mesh."""

    uri: str
    trust_domain: str
    namespace: str
    account: str


@lru_cache(maxsize=1024)
def last_hop(header: str) -> Peer | None:
    """Tell whose certificate our own proxy saw; none where it names no workload, or more than one."""
    if len(header) > LONGEST:
        return None
    fields = (field.partition("=") for field in _split(_last_element(header), ";"))
    uris = [value.strip('"') for key, _, value in fields if key.strip().lower() == "uri"]
    found = _SPIFFE.fullmatch(uris[0]) if len(uris) == 1 else None
    return Peer(uris[0], *found.groups()) if found else None


def _last_element(header: str) -> str:
    """Cut at the last comma outside quotes, counted from the end: forged quotes before it change nothing."""
    quoted = False
    for at in range(len(header) - 1, -1, -1):
        if header[at] == '"' and not _escaped(header, at):
            quoted = not quoted
        elif header[at] == "," and not quoted:
            return header[at + 1 :]
    return header


def _escaped(text: str, at: int) -> bool:
    slashes = 0
    while at > slashes and text[at - 1 - slashes] == "\\":
        slashes += 1
    return slashes % 2 == 1


def _split(text: str, mark: str) -> list[str]:
    """Split at marks outside quotes."""
    parts, start, quoted = [], 0, False
    for at, letter in enumerate(text):
        if letter == '"' and not _escaped(text, at):
            quoted = not quoted
        elif letter == mark and not quoted:
            parts.append(text[start:at])
            start = at + 1
    return [*parts, text[start:]]
