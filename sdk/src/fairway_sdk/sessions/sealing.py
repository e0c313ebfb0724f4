"""A session's id opens it, and only the browser holds the id: the store has a hash of it and sealed values.

So a copy of the store's data holds no id that works, and nothing that can be read.
"""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

ID_BYTES: Final = 32
_NONCE_BYTES: Final = 12


class SessionId:
    """A session's secret id, and what follows from it."""

    __slots__ = ("_box", "_secret", "name")

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self.name = blake2b(secret, digest_size=32, person=b"session name").hexdigest()
        self._box = AESGCM(blake2b(secret, digest_size=32, person=b"session content").digest())

    @classmethod
    def new(cls) -> Self:
        """Draw one that nobody can guess."""
        return cls(os.urandom(ID_BYTES))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read a cookie's value; none where it never was an id."""
        if len(text) != len(urlsafe_b64encode(bytes(ID_BYTES)).rstrip(b"=")) or not text.isascii():
            return None
        try:
            secret = urlsafe_b64decode(text + "=")
        except ValueError:
            return None
        return cls(secret) if len(secret) == ID_BYTES else None

    @property
    def cookie(self) -> str:
        """The id as a cookie's value; it goes to the browser and nowhere else."""
        return urlsafe_b64encode(self._secret).rstrip(b"=").decode()

    def seal(self, field: str, value: bytes) -> bytes:
        """Seal a value for a field of this session."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._box.encrypt(nonce, value, field.encode())

    def open(self, field: str, sealed: bytes) -> bytes | None:
        """Open a value; none where it was sealed for another field or session, or changed."""
        try:
            return self._box.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], field.encode())
        except (InvalidTag, ValueError):
            return None

    def __repr__(self) -> str:
        """Show nothing of it."""
        return "SessionId()"
