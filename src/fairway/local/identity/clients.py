"""The applications that may ask for tokens: one without a secret, for people, and a machine for each service."""

import hmac
import secrets
from base64 import b64decode
from binascii import Error
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import unquote_plus

import msgspec

from fairway.core.errors import FairwayError
from fairway.local.run_folder import replace

APPLICATION: Final = "local.app"  # no service has a name with a dot
JOINING: Final = "local.joining"
FILE: Final = "clients.json"
BASIC: Final = "basic "


class Clients:
    """All applications. Secrets are made once, and kept in a file of their owner's alone: `{"orders": "..."}`."""

    def __init__(self, folder: Path, machines: tuple[str, ...]) -> None:
        """Take the folder of the file, and the names of those that need a secret."""
        file = folder / FILE
        kept = _read(file)
        self._secrets = {name: kept.get(name) or secrets.token_urlsafe(32) for name in (*machines, JOINING)}
        if self._secrets != kept:
            replace(file, msgspec.json.format(msgspec.json.encode(self._secrets)))

    def known(self, name: str) -> bool:
        """Tell whether an application of this name may ask at all."""
        return name == APPLICATION or name in self._secrets

    def secret(self, name: str) -> str:
        """Give the secret of a machine."""
        return self._secrets[name]

    def identify(self, authorization: str, form: Mapping[str, str]) -> str | None:
        """Tell which application sends a form, by HTTP Basic or by fields; none where it does not prove it."""
        name, secret = form.get("client_id", ""), form.get("client_secret", "")
        if authorization:
            found = _basic(authorization)
            if found is None or secret or name not in {"", found[0]}:
                return None  # two ways at once are none
            name, secret = found
        if name == APPLICATION:
            return None if secret else name
        expected = self._secrets.get(name) or secrets.token_urlsafe(32)  # an unknown name takes as long as a known one
        return name if hmac.compare_digest(expected.encode(), secret.encode()) else None


def _basic(authorization: str) -> tuple[str, str] | None:
    if authorization[: len(BASIC)].lower() != BASIC:
        return None
    try:
        name, colon, secret = b64decode(authorization[len(BASIC) :], validate=True).decode().partition(":")
    except (Error, UnicodeDecodeError):
        return None
    return (unquote_plus(name), unquote_plus(secret)) if colon else None


def _read(file: Path) -> dict[str, str]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, str])
    except FileNotFoundError:
        return {}
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise FairwayError(f"{file}: holds no secrets of ours: {error}. Remove it; others are made.") from error
