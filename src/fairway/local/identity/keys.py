"""The signing keys of one issuer: kept between runs, replaced in steps that no verifier notices."""

import json
import secrets
import threading
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jwt
import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from fairway.core.errors import FairwayError
from fairway.local.run_folder import replace

if TYPE_CHECKING:
    from jwt.types import Options

ALGORITHM: Final = "RS256"
BITS: Final = 2048
LEEWAY: Final = 60.0  # seconds that verifiers' clocks may differ


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """One key pair. Times are seconds since 1970."""

    name: str
    pem: str
    signs_from: float
    ends: float | None = None  # when it is published no more; none while nothing follows it


class KeyRing:
    """All keys of one issuer. A new one is published at once and signs later; the old one stays for its last token."""

    def __init__(  # noqa: PLR0913 - each is a setting of its own
        self,
        kept: Path,
        published: Path,
        *,
        published_before: float,
        token_lasts: float,
        rotated_every: float,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Take the private file and the public one; the first key is made where there is none."""
        self._kept, self._published = kept, published
        self._published_before, self._token_lasts, self._rotated_every = published_before, token_lasts, rotated_every
        self._now = now
        self._changing = threading.Lock()  # a key is made beside the serving: it takes a tenth of a second
        self._keys = [key for key in self._read() if not _is_over(key, now())]
        if not self._keys:
            self._keys = [_new_key(now())]
        self._write()

    @property
    def public(self) -> dict[str, Any]:
        """The key set as verifiers read it."""
        return {"keys": [_public(key) for key in self._keys]}

    def sign(self, claims: dict[str, Any], kind: str = "JWT") -> str:
        """Sign claims with the newest key whose time has come."""
        now = self._now()
        begun = [key for key in self._keys if key.signs_from <= now]
        signing = begun[-1] if begun else self._keys[0]  # none has begun where the clock was set back
        return jwt.encode(claims, _private(signing.pem), ALGORITHM, {"kid": signing.name, "typ": kind})

    def verify(self, token: str, issuer: str) -> dict[str, Any] | None:
        """Give the claims of a token that this issuer signed and that is not over; none of any other."""
        try:
            name = jwt.get_unverified_header(token).get("kid")
            key = next((key for key in self._keys if key.name == name), None)
            if key is None:
                return None
            wanted: Options = {"require": ["exp", "iat", "sub", "aud"], "verify_aud": False}
            claims: dict[str, Any] = jwt.decode(
                token, _private(key.pem).public_key(), [ALGORITHM], issuer=issuer, options=wanted
            )
        except jwt.PyJWTError:
            return None
        return claims

    def rotate(self) -> float:
        """Publish a new key, unless one is waiting to sign, and tell when it begins to; seconds since 1970."""
        with self._changing:
            newest = self._keys[-1]
            if newest.signs_from > self._now():
                return newest.signs_from
            new = _new_key(self._now())
            begins = self._now() + self._published_before  # only now: to make a key takes a while
            ends = begins + self._token_lasts + LEEWAY
            old = [key if key.ends else msgspec.structs.replace(key, ends=ends) for key in self._keys]
            self._keys = [*old, msgspec.structs.replace(new, signs_from=begins)]
            self._write()
            return begins

    def tend(self) -> None:
        """Take away what is over, and replace a key that is old; to be called now and then."""
        now = self._now()
        if any(_is_over(key, now) for key in self._keys):
            with self._changing:
                self._keys = [key for key in self._keys if not _is_over(key, now)]
                self._write()
        if now >= self._keys[-1].signs_from + self._rotated_every:
            self.rotate()

    def _read(self) -> list[Key]:
        try:
            return msgspec.json.decode(self._kept.read_bytes(), type=list[Key])
        except FileNotFoundError:
            return []
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise FairwayError(f"{self._kept}: holds no keys of ours: {error}. Remove it; others are made.") from error

    def _write(self) -> None:
        replace(self._kept, msgspec.json.encode(self._keys))
        replace(self._published, json.dumps(self.public).encode())


def _new_key(signs_from: float) -> Key:
    pem = rsa.generate_private_key(65537, BITS).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Key(name=secrets.token_hex(8), pem=pem.decode(), signs_from=signs_from)


@lru_cache(maxsize=64)
def _private(pem: str) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def _public(key: Key) -> dict[str, Any]:
    told = jwt.get_algorithm_by_name(ALGORITHM).to_jwk(_private(key.pem).public_key(), as_dict=True)
    return {**told, "kid": key.name, "use": "sig", "alg": ALGORITHM, "key_ops": ["verify"]}


def _is_over(key: Key, now: float) -> bool:
    return key.ends is not None and now >= key.ends
