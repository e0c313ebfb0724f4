"""Why a caller is refused: few kinds, each with one sentence, so that nothing a caller sent is ever repeated."""

from typing import Final

from fairway_sdk.errors import RefusedError

_BAD_TOKEN: Final = {
    "malformed": "the token is malformed",
    "long": "the token is too long",
    "type": "the token is of another type than an access token",
    "algorithm": "the token is signed with an algorithm that is not allowed",
    "issuer": "the token is from an issuer that is not trusted here",
    "audience": "the token is meant for somebody else",
    "key": "the token is signed with a key that its issuer does not list",
    "signature": "the token's signature is wrong",
    "claims": "the token lacks a claim that is needed, or has one of a wrong kind",
    "expired": "the token has expired",
    "early": "the token is not valid yet",
}
_NOT_ALLOWED: Final = {
    "service": "this service may not be called by that one",
    "tenant": "the tenant is not known here, or is not the caller's",
}


def refusal(kind: str) -> RefusedError:
    """Make the error of a kind."""
    if kind in _BAD_TOKEN:
        return RefusedError(401, _BAD_TOKEN[kind], kind)
    return RefusedError(403, _NOT_ALLOWED[kind], kind)
