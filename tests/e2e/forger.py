"""Somebody who has seen a good token, and knows public keys: all tokens they could make of that, and some more."""

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from fairway.local.run_folder import RunFolder
from fairway_sdk.testing.tokens import segment

HOUR = 3600


class Forger:
    """Makes tokens from a good one; the provider's private keys serve for those that only its fault could make."""

    def __init__(self, system: Path, good: str) -> None:
        """Take the folder of a system that runs, and a token that is good there."""
        self._run = RunFolder(system)
        self._good = good
        self.header: dict[str, Any] = jwt.get_unverified_header(good)
        self.claims: dict[str, Any] = jwt.decode(good, options={"verify_signature": False})
        self._own = rsa.generate_private_key(65537, 2048)

    def _keys(self, issuer: str) -> tuple[str, Any]:
        """Give the name and the key that an issuer of the system signs with."""
        file = self._run.secret("identity") / f"{issuer}.private.json"
        newest = json.loads(file.read_bytes())[-1]
        return newest["name"], load_pem_private_key(newest["pem"].encode(), None)

    def signed(
        self, header: dict[str, Any] | None = None, key: rsa.RSAPrivateKey | None = None, **claims: object
    ) -> str:
        """Sign as the provider does, but for what is told; none takes a claim out."""
        name, own = self._keys("joined.")
        told = {k: v for k, v in (self.claims | claims).items() if v is not None}
        return jwt.encode(told, key or own, "RS256", {"kid": name, "typ": "at+jwt"} | (header or {}))

    def bad(self) -> Iterator[tuple[str, str]]:
        """Give every bad token, by what is bad about it."""
        now = int(time.time())
        head, claims, signature = self._good.split(".")
        yield "forged: another key", self.signed(key=self._own)
        yield "claims changed", f"{head}.{segment(self.claims | {'sub': 'bob@readers'})}.{signature}"
        yield "signature cut off", f"{head}.{claims}."
        yield "signature of another", f"{head}.{claims}.{self.signed(sub='bob@readers').split('.')[2]}"
        yield "expired", self.signed(iat=now - 2 * HOUR, exp=now - HOUR)
        yield "good for ever", self.signed(exp=None)
        yield "not yet good", self.signed(nbf=now + HOUR)
        for name in ("none", "None", "NONE", "nOnE"):
            yield f"alg {name}", f"{segment(self.header | {'alg': name})}.{claims}."
        yield "HS256 with the public key", self._hmac_with_public_key()
        yield "another issuer's name", self.signed(iss="https://login.bookshop.example.com")
        yield "an issuer that only vouches for another", self._of_reader(self.claims["iss"].replace("-/dex", "readers"))
        yield "another issuer's key", self._of_reader(self.claims["iss"])
        yield "wrong audience", self.signed(aud="another-system")
        yield "no audience", self.signed(aud=None)
        for kid in ("../../../../../../dev/null", "", "' or '1'='1", "nobody"):
            yield f"kid {kid!r}", self.signed({"kid": kid}, self._own)
        yield "its own key inside", self.signed({"jwk": self._public()}, self._own)
        yield (
            "a place for keys",
            self.signed({"jku": "http://127.0.0.1:1/keys", "x5u": "http://127.0.0.1:1/"}, self._own),
        )
        yield "what nobody understands is critical", self.signed({"crit": ["strange"], "strange": True})
        yield "an unknown tenant", self.signed(tenant="nowhere")
        yield "no token at all", "null"

    def _of_reader(self, issuer: str) -> str:
        name, key = self._keys("readers")
        return self.signed({"kid": name}, key, iss=issuer)

    def _hmac_with_public_key(self) -> str:
        _, key = self._keys("joined.")
        pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        signed = f"{segment({'alg': 'HS256', 'kid': self.header['kid'], 'typ': 'JWT'})}.{segment(self.claims)}"
        made = jwt.get_algorithm_by_name("HS256").sign(signed.encode(), pem)
        return f"{signed}.{base64.urlsafe_b64encode(made).rstrip(b'=').decode()}"

    def _public(self) -> dict[str, Any]:
        _, key = self._keys("joined.")
        return dict(jwt.get_algorithm_by_name("RS256").to_jwk(key.public_key(), as_dict=True))
