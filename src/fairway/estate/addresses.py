"""Addresses that are written down where a name would do."""

import re
from typing import Final

_PART: Final = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_PRIVATE: Final = rf"(?:10\.{_PART}|172\.(?:1[6-9]|2\d|3[01])|192\.168)(?:\.{_PART}){{1,2}}"
_WHOLE: Final = re.compile(
    rf"(?:[a-z][a-z0-9+.-]*://(?:[^@/\s]*@)?)?({_PART}(?:\.{_PART}){{3}})(?::\d{{1,5}})?(?:/(?!\d{{1,2}}$)\S*)?"
)
_INNER: Final = re.compile(rf"{_PRIVATE}$")
QUADS: Final = 4


def private_address(text: str) -> str:
    """Give the address inside a network that *text* is, alone or as the host of a URL; empty where it is none.

    A range such as 10.0.0.0/8 is no address of anything.
    """
    whole = _WHOLE.fullmatch(text.strip())
    if whole is None or whole[1].endswith(".0") or not _INNER.match(whole[1]):
        return ""
    return whole[1] if len(whole[1].split(".")) == QUADS else ""
