"""Where an issuer's key set comes from: a file, a URL, or the URL that its OpenID discovery document names."""

import asyncio
import ipaddress
import json
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlsplit

from fairway_sdk.configuration.files import LOOKED_AT_EVERY, Folder
from fairway_sdk.contract.binding import Issuer

if TYPE_CHECKING:
    from aiohttp import BaseConnector, ClientSession

ANSWERS_WITHIN: Final = 5.0  # seconds, for discovery and keys together
LARGEST: Final = 1 << 20  # bytes of a document
DISCOVERY: Final = "/.well-known/openid-configuration"
UNIX: Final = "http://unix:"  # http://unix:/run/provider.sock:/keys


class KeySource(Protocol):
    """Something that key sets are read from, and how often; in seconds."""

    every: float  # between readings while all is well
    pause: float  # at least, between a reading and one that an unknown key asks for
    first_pause: float  # the same, while there are no keys at all

    async def read(self) -> bytes:
        """Give the key set's document, or raise with a reason that may be logged."""


def key_source(issuer: Issuer) -> KeySource:
    """Give the source that a binding names; a `ValueError` says what is wrong with it."""
    if issuer.keys and not issuer.keys.startswith(("http://", "https://")):
        path = Path(issuer.keys)
        if not path.is_absolute():
            raise ValueError(f"the key set '{issuer.keys}' is neither a URL nor an absolute path")
        return FileSource(path)
    _check(issuer.keys or issuer.issuer)
    return UrlSource(issuer)


class FileSource:
    """A key set in a file, which may be replaced at any time."""

    every = LOOKED_AT_EVERY
    pause = LOOKED_AT_EVERY
    first_pause = LOOKED_AT_EVERY

    def __init__(self, path: Path) -> None:
        self._path = path
        self._folder = Folder(path.parent)

    async def read(self) -> bytes:
        """Read the file as it is now."""
        file = self._folder.read(self._path.name)
        if file is None:
            raise FileNotFoundError(f"there is no file {self._path}")
        return file.content


class UrlSource:
    """A key set behind a URL."""

    every = 300.0
    pause = 10.0
    first_pause = 1.0

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer

    async def read(self) -> bytes:
        """Fetch the key set, by way of discovery where the binding names no URL."""
        async with asyncio.timeout(ANSWERS_WITHIN):
            return await self._fetch(self._issuer.keys or await self._discover())

    async def _discover(self) -> str:
        issuer = self._issuer.issuer
        content = json.loads(await self._fetch(issuer.rstrip("/") + DISCOVERY))
        if not isinstance(content, dict) or content.get("issuer") != issuer:
            raise ValueError(f"the discovery document of {issuer} is another issuer's")
        url = content.get("jwks_uri")
        if not isinstance(url, str):
            raise ValueError(f"the discovery document of {issuer} names no jwks_uri")  # noqa: TRY004 - of the document
        _check(url)
        return url

    async def _fetch(self, url: str) -> bytes:
        from aiohttp import ClientSession

        connector, url = _connector(url, self._issuer.tls_authority)
        async with ClientSession(connector=connector) as session:
            return await _get(session, url)


async def _get(session: "ClientSession", url: str) -> bytes:
    # A redirect could lead from HTTPS to anywhere: whoever moved its keys must say so in the binding.
    async with session.get(url, allow_redirects=False, headers={"accept": "application/json"}) as answer:
        if answer.status != 200:  # noqa: PLR2004 - OK
            raise ValueError(f"{url} answers {answer.status}")
        document = bytearray()
        async for piece in answer.content.iter_any():
            document += piece
            if len(document) > LARGEST:
                raise ValueError(f"{url} answers with more than {LARGEST} bytes")
        return bytes(document)


def _connector(url: str, authority: str) -> tuple["BaseConnector", str]:
    from aiohttp import TCPConnector, UnixConnector

    if url.startswith(UNIX):
        path, _, rest = url.removeprefix(UNIX).partition(":")
        return UnixConnector(path), f"http://localhost{rest or '/'}"
    options: dict[str, Any] = {"ssl": ssl.create_default_context(cafile=authority)} if authority else {}
    return TCPConnector(**options), url


def _check(url: str) -> None:
    """Refuse plain HTTP but to this machine: whoever is on the way could put in a key of their own."""
    if url.startswith(UNIX):
        return
    parts = urlsplit(url)
    if not parts.hostname or parts.scheme not in {"https", "http"}:
        raise ValueError(f"'{url}' is no URL to fetch keys from")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ValueError(f"'{url}' is plain HTTP to another machine. Use HTTPS")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def faults(issuers: Sequence[Issuer], known: Sequence[str]) -> list[str]:
    """Say everything that is wrong with the bound issuers, a line each."""
    found = []
    for issuer in issuers:
        named = f"identity: issuer '{issuer.issuer}'"
        if strange := [name for name in issuer.algorithms if name not in known]:
            found.append(
                f"{named}: {', '.join(strange)} is no algorithm with a public key. Use one of {', '.join(known)}."
            )
        if not issuer.issuer or not issuer.audience or not issuer.algorithms:
            found.append(f"{named}: needs an issuer, an audience and an algorithm. Give all three.")
        try:
            key_source(issuer)
        except ValueError as error:
            found.append(f"{named}: {error}.")
    return found
