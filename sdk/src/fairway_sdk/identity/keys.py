"""The public keys of one issuer: read from its key set, kept while it is renewed, and never made of a shared secret."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from fairway_sdk.clock import Clock
from fairway_sdk.contract.binding import Issuer
from fairway_sdk.errors import UnavailableError
from fairway_sdk.identity.key_sources import KeySource
from fairway_sdk.lifecycle import Background

log = structlog.get_logger("fairway")

Keys = Mapping[tuple[str, str], PyJWK]
"""Keys by their id and an algorithm they may be used with; the id is empty for an only key without one."""

CURVES: Final = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
TYPES: Final = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), "RSA"),
    **dict.fromkeys(CURVES, "EC"),
    "EdDSA": "OKP",
}  # algorithms with a public key; with one that shares a secret, whoever verifies could also sign

KEPT: Final = 86400.0  # seconds that keys serve on while their issuer gives no newer ones
LOOKED_AT_EVERY: Final = 0.5  # seconds: a key that is withdrawn from a file is refused within one


def read_keys(document: bytes, algorithms: tuple[str, ...]) -> Keys:
    """Read a key set; keys that are not for signatures, or are unfit, are left out. `ValueError` if none is left."""
    content = json.loads(document)
    listed = content.get("keys") if isinstance(content, dict) else None
    if not isinstance(listed, list):
        raise ValueError("it is no key set: a JSON object with a list 'keys' is wanted")  # noqa: TRY004 - of the document
    found: dict[tuple[str, str], PyJWK] = {}
    entries = [entry for entry in listed if isinstance(entry, dict) and _for_signatures(entry)]
    for entry in entries:
        name = entry.get("kid", "" if len(entries) == 1 else None)
        for algorithm in algorithms:
            key = _key(entry, algorithm)
            if key is not None and isinstance(name, str):
                found.setdefault((name, algorithm), key)
                if len(entries) == 1:
                    found.setdefault(("", algorithm), key)
    if not found:
        raise ValueError(f"it holds no key for {', '.join(algorithms)}")
    return found


def _for_signatures(entry: dict[str, Any]) -> bool:
    operations = entry.get("key_ops")
    return entry.get("use", "sig") == "sig" and (not isinstance(operations, list) or "verify" in operations)


def _key(entry: dict[str, Any], algorithm: str) -> PyJWK | None:
    fits = (
        entry.get("kty") == TYPES[algorithm]
        and entry.get("alg", algorithm) == algorithm
        and entry.get("crv") == CURVES.get(algorithm, entry.get("crv"))
    )
    try:
        key = PyJWK(entry, algorithm) if fits else None
    except PyJWTError:
        return None
    return None if key is None or key.Algorithm.check_key_length(key.key) else key


class KeySet:
    """The keys of one issuer, renewed beside the work; `changed` is called when they are others than before."""

    def __init__(self, issuer: Issuer, source: KeySource, clock: Clock, changed: Callable[[], None]) -> None:
        self._issuer = issuer
        self._source = source
        self._clock = clock
        self._changed = changed
        self._document = b""
        self._keys: Keys = {}
        self._renewed = 0.0
        self._tried = 0.0
        self._failure = ""
        self._renewing: asyncio.Task[None] | None = None
        self._tending = Background()

    def start(self) -> None:
        """Begin to load the keys, and to renew them from then on."""
        self._tending.start(self._tend(), f"keys of {self._issuer.issuer}")

    async def stop(self) -> None:
        """Load no more."""
        await self._tending.stop()
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)

    @property
    def missing(self) -> str:
        """Say why no key is there; empty where there are some."""
        return "" if self._keys else self._failure or "its keys are still being loaded"

    async def find(self, name: str, algorithm: str) -> PyJWK | None:
        """Give a key; none where the issuer lists none of this name. `UnavailableError` where that is not known.

        A name that is not known makes the keys be read anew, but only once in a while for all who ask: junk names
        cost the issuer nothing.
        """
        key = self._keys.get((name, algorithm))
        if key is None:
            await self._renew(self._source.pause if self._keys else self._source.first_pause)
            key = self._keys.get((name, algorithm))
        if key is None and self._failure:
            raise UnavailableError(f"the keys of {self._issuer.issuer} cannot be read: {self._failure}")
        return key

    async def _tend(self) -> None:
        while True:
            await self._renew(self._source.every if self._keys and not self._failure else self._source.pause)
            if self._keys and self._clock.now() - self._renewed > KEPT:
                self._keys, self._document = {}, b""
                self._changed()
            await self._clock.sleep(LOOKED_AT_EVERY)

    async def _renew(self, pause: float) -> None:
        """Read the keys unless that was tried within the pause; all who ask meanwhile wait for the same reading."""
        if self._renewing is None:
            if self._tried and 0 <= self._clock.now() - self._tried < pause:
                return
            self._tried = self._clock.now()
            self._renewing = asyncio.create_task(self._read(), name=f"reading keys of {self._issuer.issuer}")
        # One who gives up waiting does not stop the reading for the others.
        await asyncio.shield(self._renewing)

    async def _read(self) -> None:
        try:
            document = await self._source.read()
            keys = self._keys if document == self._document else read_keys(document, self._issuer.algorithms)
        except Exception as error:  # noqa: BLE001 - whatever the outside does, the keys at hand serve on
            reason = str(error) or type(error).__name__
            if reason != self._failure:
                log.warning("key set not read", issuer=self._issuer.issuer, reason=reason)
            self._failure = reason
        else:
            self._failure = ""
            self._renewed = self._clock.now()
            if document != self._document or not self._keys:
                replaced, self._document, self._keys = bool(self._document), document, keys
                if replaced:
                    self._changed()
                    log.info("key set changed", issuer=self._issuer.issuer, keys=len({name for name, _ in keys}))
        finally:
            self._renewing = None
