"""Take a token apart and judge its claims; pure functions, and nothing here trusts a signature that was not checked."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, Final, TypeGuard

from msgspec import Struct

from fairway_sdk.identity.refusals import refusal

LONGEST: Final = 16384  # characters
LEEWAY: Final = 10.0  # seconds by which the clocks of an issuer and of a replica may differ
REMEMBERED_FOR: Final = 300.0  # seconds at most: a person who is locked out is out by then
LATEST: Final = 1e12  # seconds since the epoch; more is no date
LONGEST_NAME: Final = 255  # of a person, as OpenID Connect has it, and of a tenant
TYPES: Final = frozenset({"jwt", "at+jwt", "application/jwt", "application/at+jwt"})


class Token(Struct, frozen=True, kw_only=True):
    """A token taken apart; its claims mean nothing until the signature is checked."""

    header: dict[str, Any]
    claims: dict[str, Any]
    signed: bytes
    signature: bytes

    def __repr__(self) -> str:
        """Show nothing of it."""
        return "Token()"


class Claims(Struct, frozen=True, kw_only=True):
    """What a token says of the caller."""

    person: str
    issuer: str
    tenant: str
    scopes: frozenset[str]
    issuer_tenants: tuple[str, ...]  # that the issuer may speak for; empty: any
    until: float  # seconds since the epoch; to be verified again then


def read(text: str) -> Token:
    """Take a token apart; a `RefusedError` for one that is too long, malformed, encrypted or of another type."""
    if len(text) > LONGEST:
        raise refusal("long")
    try:
        header, claims, signature = text.encode("ascii").split(b".")
        token = Token(
            header=_object(header), claims=_object(claims), signed=header + b"." + claims, signature=_bytes(signature)
        )
    except (ValueError, RecursionError):
        # The error's own text quotes the token.
        raise refusal("malformed") from None
    kind = token.header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower() not in TYPES or "crit" in token.header or "b64" in token.header:
        raise refusal("type")
    return token


def judge(claims: dict[str, Any], now: float, issuer_tenants: tuple[str, ...] = ()) -> Claims:
    """Judge the claims of a token whose signature, issuer and audience are right; a `RefusedError` for bad ones."""
    until = _time(claims, "exp", None) + LEEWAY
    if now >= until:
        raise refusal("expired")
    if max(_time(claims, "nbf", now), _time(claims, "iat", now)) > now + LEEWAY:
        raise refusal("early")
    person = claims.get("sub")
    if not _is_name(person):
        raise refusal("claims")
    tenant = "" if claims.get("tenant") is None else claims["tenant"]
    if tenant != "" and not _is_name(tenant):
        raise refusal("claims")
    if not tenant and len(issuer_tenants) == 1:
        tenant = issuer_tenants[0]
    return Claims(
        person=person,
        issuer=claims["iss"],
        tenant=tenant,
        scopes=_scopes(claims),
        issuer_tenants=issuer_tenants,
        until=min(until, now + REMEMBERED_FOR),
    )


def audiences(claims: dict[str, Any]) -> list[str]:
    """Name those whom the token is meant for."""
    found = claims.get("aud")
    named = [found] if isinstance(found, str) else found
    if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
        raise refusal("claims")
    return named


def _bytes(segment: bytes) -> bytes:
    found = urlsafe_b64decode(segment + b"=" * (-len(segment) % 4))
    # Python skips letters it does not know. Only the one spelling is let through: what was signed is what is read.
    if urlsafe_b64encode(found).rstrip(b"=") != segment:
        raise ValueError
    return found


def _object(segment: bytes) -> dict[str, Any]:
    found = json.loads(_bytes(segment).decode(), object_pairs_hook=_without_repeats, parse_constant=_no_number)
    if not isinstance(found, dict):
        raise ValueError  # noqa: TRY004 - a fault of the token, as the others
    return found


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _no_number(_name: str) -> None:
    raise ValueError


def _time(claims: dict[str, Any], name: str, default: float | None) -> float:
    found = claims.get(name, default)
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found <= LATEST:
        raise refusal("claims")
    return found


def _is_name(found: object) -> TypeGuard[str]:
    return isinstance(found, str) and 0 < len(found) <= LONGEST_NAME and found.isprintable() and found == found.strip()


def _scopes(claims: dict[str, Any]) -> frozenset[str]:
    """Read `scope`, which is one text with spaces, else `scp`, which some issuers write as a list."""
    found = claims.get("scope", claims.get("scp", ""))
    words = found.split(" ") if isinstance(found, str) else found
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise refusal("claims")
    return frozenset(filter(None, words))
