"""Tokens: the good ones say who is calling, and every kind of forgery is refused."""

import asyncio
import base64
import hashlib
import hmac
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from sdk.tests.identity.conftest import Refused, Verifying

from fairway_sdk import ANONYMOUS
from fairway_sdk.identity.headers import from_asgi, from_metadata
from fairway_sdk.testing.tokens import TokenIssuer, segment


async def test_a_good_token_tells_person_issuer_tenant_and_scopes(issuer: TokenIssuer, verifying: Verifying) -> None:
    """All that a handler may rely on comes from the token."""
    async with verifying(issuer.bound()) as asked:
        token = issuer.token(asked.now, tenant="north", scope="orders:read orders:write")
        caller = await asked.of(token)
        assert (caller.person, caller.issuer, caller.tenant) == ("somebody", issuer.name, "north")
        assert caller.scopes == {"orders:read", "orders:write"}
        assert caller.token == token
        assert token not in repr(caller)
        assert "somebody" not in repr(caller)


async def test_scopes_may_be_a_list_and_the_audience_one_of_several(issuer: TokenIssuer, verifying: Verifying) -> None:
    """Issuers differ in how they write the two."""
    async with verifying(issuer.bound()) as asked:
        caller = await asked.of(issuer.token(asked.now, scp=["a", "b"], aud=["else", "test"]))
        assert caller.scopes == {"a", "b"}


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
async def test_every_allowed_algorithm_works(algorithm: str, issuer: TokenIssuer, verifying: Verifying) -> None:
    """An issuer may sign with elliptic curves."""
    issuer.add("curve", algorithm)
    issuer.publish()
    async with verifying(issuer.bound()) as asked:
        assert (await asked.of(issuer.token(asked.now, kid="curve"))).person == "somebody"


CLAIMS: dict[str, tuple[dict[str, Any], str]] = {
    "expired": ({"exp": -11}, "expired"),
    "not yet valid": ({"nbf": 60}, "early"),
    "issued in the future": ({"iat": 60}, "early"),
    "of an unknown issuer": ({"iss": "https://evil.test"}, "issuer"),
    "of an issuer with a slash more": ({"iss": "https://issuer.test/"}, "issuer"),
    "of an issuer that is a list": ({"iss": ["https://issuer.test"]}, "issuer"),
    "for another audience": ({"aud": "payments"}, "audience"),
    "for an audience that is like ours": ({"aud": "test2"}, "audience"),
    "without an audience": ({"aud": None}, "claims"),
    "without a person": ({"sub": None}, "claims"),
    "with an empty person": ({"sub": ""}, "claims"),
    "with a number as person": ({"sub": 7}, "claims"),
    "with a line end in the person": ({"sub": "ada\n"}, "claims"),
    "with an endless person": ({"sub": "a" * 256}, "claims"),
    "that never expires": ({"exp": None}, "claims"),
    "that expires at a text": ({"exp": "tomorrow"}, "claims"),
    "that expires at true": ({"exp": True}, "claims"),
    "that expires beyond all dates": ({"exp": 10**400}, "claims"),
    "with a list as tenant": ({"tenant": ["north"]}, "claims"),
    "with numbers as scopes": ({"scope": [1]}, "claims"),
}


@pytest.mark.parametrize("case", CLAIMS)
async def test_a_signed_token_with_bad_claims_is_refused(
    case: str, issuer: TokenIssuer, verifying: Verifying, refused: Refused
) -> None:
    """A signature alone lets nobody in."""
    claims, kind = CLAIMS[case]
    async with verifying(issuer.bound()) as asked:
        moments = {"exp", "nbf", "iat"}
        told: dict[str, Any] = {
            name: asked.now + value if name in moments and type(value) is int and abs(value) < 1000 else value
            for name, value in claims.items()
        }
        assert await refused(asked.of(issuer.token(asked.now, **told))) == (401, kind)


async def test_a_token_expires_also_when_it_is_remembered(
    issuer: TokenIssuer, verifying: Verifying, refused: Refused
) -> None:
    """The memory of good tokens ends with each token, ten seconds of leeway included."""
    async with verifying(issuer.bound()) as asked:
        token = issuer.token(asked.now, exp=asked.now + 60)
        await asked.of(token)
        asked.service.clock.ahead = 65
        assert (await asked.of(token)).known
        asked.service.clock.ahead = 71
        assert await refused(asked.of(token)) == (401, "expired")


async def test_a_changed_signature_or_content_is_refused(
    issuer: TokenIssuer, verifying: Verifying, refused: Refused
) -> None:
    """One letter is enough."""
    async with verifying(issuer.bound()) as asked:
        header, content, signature = issuer.token(asked.now).split(".")
        other = segment(issuer.claims(asked.now, sub="eve"))
        assert await refused(asked.of(f"{header}.{other}.{signature}")) == (401, "signature")
        for at in (0, 100, 200):
            swapped = "A" if signature[at] != "A" else "B"
            changed = signature[:at] + swapped + signature[at + 1 :]
            assert await refused(asked.of(f"{header}.{content}.{changed}")) == (401, "signature")
        assert await refused(asked.of(f"{header}.{content}.")) == (401, "signature")


async def test_a_token_without_signature_is_refused(
    issuer: TokenIssuer, verifying: Verifying, refused: Refused
) -> None:
    """However `none` is written."""
    async with verifying(issuer.bound()) as asked:
        for none in ("none", "None", "NONE", "", None, ["RS256"]):
            header = segment({"alg": none, "kid": "first", "typ": "JWT"})
            token = f"{header}.{segment(issuer.claims(asked.now))}."
            assert await refused(asked.of(token)) == (401, "algorithm")


async def test_a_public_key_is_no_shared_secret(issuer: TokenIssuer, verifying: Verifying, refused: Refused) -> None:
    """The forger knows the public key, and signs with it as if it were a password."""
    _, key = issuer.keys["first"]
    formats = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    secret = key.public_key().public_bytes(*formats)
    async with verifying(issuer.bound()) as asked:
        signed = f"{segment({'alg': 'HS256', 'kid': 'first', 'typ': 'JWT'})}.{segment(issuer.claims(asked.now))}"
        signature = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
        token = f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
        assert await refused(asked.of(token)) == (401, "algorithm")


async def test_an_algorithm_that_the_binding_does_not_allow_is_refused(
    issuer: TokenIssuer, verifying: Verifying, refused: Refused
) -> None:
    """Though the key set holds a key for it."""
    issuer.add("curve", "ES256")
    issuer.publish()
    async with verifying(issuer.bound(algorithms=("RS256",))) as asked:
        assert await refused(asked.of(issuer.token(asked.now, kid="curve"))) == (401, "algorithm")


async def test_a_key_serves_only_its_own_algorithm_and_issuer(
    issuer: TokenIssuer, another: TokenIssuer, verifying: Verifying, refused: Refused
) -> None:
    """A trusted issuer cannot speak in the name of another, though both call their key 'first'."""
    async with verifying(issuer.bound(), another.bound()) as asked:
        assert (await asked.of(another.token(asked.now))).issuer == another.name
        assert await refused(asked.of(another.token(asked.now, iss=issuer.name))) == (401, "key")
        _, key = issuer.keys["first"]
        token = jwt.encode(issuer.claims(asked.now), key, "PS256", {"kid": "first"})
        assert await refused(asked.of(token)) == (401, "algorithm")


HEADER = segment({"alg": "RS256"})
NOTHING = segment({})
MALFORMED = {
    "empty": " ",
    "one part": "abc",
    "two parts": "a.b",
    "five parts, as encrypted ones have": "a.b.c.d.e",
    "no base64": "a?.b.c",
    "no ASCII": "\xe9.b.c",
    "no JSON": f"{segment('{')}.{NOTHING}.",
    "a list as header": f"{segment([])}.{NOTHING}.",
    "a list as claims": f"{HEADER}.{segment([])}.",
    "another encoding": f"{base64.urlsafe_b64encode('{}'.encode('utf-16')).decode().rstrip('=')}.{NOTHING}.",
    "no number": HEADER + "." + segment('{"exp": NaN}') + ".",
    "a claim twice": HEADER + "." + segment('{"sub": "somebody", "sub": "eve"}') + ".",
    "a nested claim twice": HEADER + "." + segment('{"a": {"b": 1, "b": 2}}') + ".",
    "a header twice": segment('{"alg": "RS256", "alg": "none"}') + f".{NOTHING}.",
    "bottomless": HEADER + "." + segment("[" * 5000) + ".",
    "padded": f"{HEADER}=.{NOTHING}.",
    "two tokens": "a.b.c,d.e.f",
}


@pytest.mark.parametrize("case", MALFORMED)
async def test_what_is_no_token_is_refused(
    case: str, issuer: TokenIssuer, verifying: Verifying, refused: Refused
) -> None:
    """Each with the same sentence, which repeats nothing of it."""
    async with verifying(issuer.bound()) as asked:
        assert await refused(asked.of(MALFORMED[case])) == (401, "malformed")


async def test_a_token_in_another_spelling_is_refused(
    issuer: TokenIssuer, verifying: Verifying, refused: Refused
) -> None:
    """The last letter of base64 has bits that decoders drop: what is read must be what was signed."""
    async with verifying(issuer.bound()) as asked:
        token = issuer.token(asked.now)
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        respelt = token[:-1] + letters[letters.index(token[-1]) + 1]
        assert await refused(asked.of(respelt)) == (401, "malformed")


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ({"typ": "logout+jwt"}, "type"),
        ({"typ": 1}, "type"),
        ({"crit": ["b64"], "b64": False}, "type"),
        ({"crit": ["exp"]}, "type"),
        ({"kid": "../../etc/passwd"}, "key"),
        ({"kid": "x" * 1000}, "key"),
        ({"jku": "https://evil.test/keys", "kid": "evil"}, "key"),
    ],
)
async def test_headers_that_ask_for_more_trust_are_refused(
    header: dict[str, Any], kind: str, issuer: TokenIssuer, verifying: Verifying, refused: Refused
) -> None:
    """Nothing in a token's header says where keys come from."""
    async with verifying(issuer.bound()) as asked:
        assert await refused(asked.of(issuer.token(asked.now, header=header))) == (401, kind)


async def test_a_token_over_16_kib_is_refused_unread(
    issuer: TokenIssuer, verifying: Verifying, refused: Refused
) -> None:
    """Though it is signed."""
    async with verifying(issuer.bound()) as asked:
        token = issuer.token(asked.now, filler="x" * 16384)
        assert await refused(asked.of(token)) == (401, "long")


async def test_without_an_issuer_whoever_sends_a_token_is_anonymous(issuer: TokenIssuer, verifying: Verifying) -> None:
    """A token that nobody can check is worth nothing, and is not passed on."""
    async with verifying() as asked:
        assert await asked.of(issuer.token(asked.now)) == ANONYMOUS


async def test_other_credentials_than_tokens_leave_the_caller_anonymous(
    issuer: TokenIssuer, verifying: Verifying
) -> None:
    """A route may have its own use for them."""
    async with verifying(issuer.bound()) as asked:
        assert await asked.of(authorization="Basic YTpi") == ANONYMOUS


async def test_two_tokens_at_once_are_refused(issuer: TokenIssuer, verifying: Verifying, refused: Refused) -> None:
    """A proxy may look at the first and we at the second."""
    async with verifying(issuer.bound()) as asked:
        header = f"Bearer {issuer.token(asked.now)}"
        twice = from_asgi([(b"authorization", header.encode())] * 2)
        assert await refused(asked.verifier.of(twice)) == (401, "malformed")
        once = from_metadata([("authorization", header), ("x-bin", b"\xff")])
        assert (await asked.verifier.of(once)).known
        assert await refused(asked.verifier.of(from_metadata([("authorization", header)] * 2))) == (401, "malformed")


async def test_many_tokens_at_once_are_each_taken_for_their_own(issuer: TokenIssuer, verifying: Verifying) -> None:
    """The memory never gives one person's name to another."""
    async with verifying(issuer.bound()) as asked:
        tokens = [issuer.token(asked.now, sub=f"person-{number}") for number in range(20)]
        for _ in range(3):
            callers = await asyncio.gather(*(asked.of(token) for token in tokens))
            assert [caller.person for caller in callers] == [f"person-{number}" for number in range(20)]
