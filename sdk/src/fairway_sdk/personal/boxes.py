"""Boxes of bytes that only one key opens, at one place only; and the keys: one a person, wrapped by a master key."""

import base64
import binascii
import hmac
import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fairway_sdk.errors import FairwayError, SetupError

LAYOUT: Final = b"\x01"  # of a box: this byte, twelve of nonce, the ciphertext with its sixteen of proof
NONCE: Final = 12
KEY: Final = 32
ALIAS: Final = 32  # hexadecimal digits: 128 bits, so two persons never meet


class ErasedError(FairwayError):
    """The person was erased: their key is destroyed, and nothing opens what was sealed under it."""


class HeldError(FairwayError):
    """The person's data is under legal hold and may not be erased."""


class UnknownPersonError(FairwayError):
    """No key was ever made for the person in this keyring."""


class BrokenSealError(FairwayError):
    """A box was changed, moved to another place, or sealed under another key."""


class DataKey:
    """What seals and opens the data of one person."""

    __slots__ = ("_cipher", "_whose")

    def __init__(self, alias: str, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self._whose = b"\0" + alias.encode()

    def seal(self, plain: bytes, place: bytes) -> bytes:
        """Put bytes into a box that opens only for the same person at the same place."""
        nonce = os.urandom(NONCE)
        return LAYOUT + nonce + self._cipher.encrypt(nonce, plain, place + self._whose)

    def open(self, box: bytes, place: bytes) -> bytes:
        """Take the bytes out again; `BrokenSealError` where box, place or person differ."""
        if box[:1] != LAYOUT:
            raise BrokenSealError(f"{place.decode()}: this is no sealed value, or one of a newer layout.")
        try:
            return self._cipher.decrypt(box[1 : 1 + NONCE], box[1 + NONCE :], place + self._whose)
        except InvalidTag:
            raise BrokenSealError(
                f"{place.decode()}: the sealed value does not open: it was changed, or moved here from another place"
                " or person. Restore it from a copy that was not."
            ) from None


class MasterKeys:
    """The keys that wrap the keys of persons: the first wraps, all unwrap."""

    def __init__(self, text: str, where: str) -> None:
        """Read one key a line; a `SetupError` names each line that is none, and never shows it."""
        self._where = where
        self._keys: dict[str, DataKey] = {}
        faults: list[str] = []
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                key = _decoded(line.strip())
                if len(key) == KEY:
                    self._keys.setdefault(_fingerprint(key), DataKey("", key))
                else:
                    faults.append(f"{where}:{number}: is no key. Write {KEY} random bytes in base64, one key a line.")
        if not self._keys and not faults:
            faults.append(f"{where}: holds no key. Write {KEY} random bytes in base64, one key a line.")
        if faults:
            raise SetupError("\n".join(faults))
        self.first = next(iter(self._keys))

    def wrap(self, alias: str, key: bytes) -> bytes:
        """Wrap a person's key by the first master key."""
        return self._keys[self.first].seal(key, alias.encode())

    def unwrap(self, alias: str, wrapped: bytes, master: str) -> bytes:
        """Unwrap a person's key by the master key of that fingerprint."""
        if master not in self._keys:
            raise SetupError(
                f"{self._where}: a key was wrapped by the master key {master}, and the secret holds only"
                f" {', '.join(self._keys)}. Add the missing key as a further line."
            )
        return self._keys[master].open(wrapped, alias.encode())


class Aliases:
    """What is derived from the keyring's root, which outlives every master key: names and blind indexes."""

    def __init__(self, root: bytes) -> None:
        self._names = hmac.digest(root, b"fairway alias", "sha256")
        self._indexes = hmac.digest(root, b"fairway blind index", "sha256")

    def alias(self, person: str) -> str:
        """Name a person in the SDK's own tables: always the same, and meaningless without the keyring."""
        return hmac.digest(self._names, person.encode(), "sha256").hex()[:ALIAS]

    def index(self, place: str, value: str) -> str:
        """Give what a sealed value can be found by: equal for equal values at one place."""
        return hmac.digest(self._indexes, f"{place}\0{value}".encode(), "sha256").hex()[:ALIAS]


def new_key() -> bytes:
    """Make a random key."""
    return os.urandom(KEY)


def new_master_key() -> str:
    """Make a random master key, as a line of the secret."""
    return base64.b64encode(new_key()).decode()


def _decoded(line: str) -> bytes:
    try:
        return base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _fingerprint(key: bytes) -> str:
    return hmac.digest(key, b"fairway master key", "sha256").hex()[:16]
