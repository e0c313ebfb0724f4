"""An issuer of real tokens for tests: its keys are in a file, which a service's binding names."""

import base64
import json
import time
from pathlib import Path
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from fairway_sdk.contract.binding import Issuer

AUDIENCE: Final = "test"
LASTS: Final = 600.0  # seconds


class TokenIssuer:
    """Signs whatever a test tells it to, and publishes its keys.

    issuer = TokenIssuer(tmp_path)
    service = placed(Service("orders"), tmp_path, identity=Identity(issuers=(issuer.bound(),)))
    headers = {"authorization": f"Bearer {issuer.token(sub='ada', tenant='north', scope='orders:read')}"}
    """

    def __init__(self, folder: Path, name: str = "https://issuer.test") -> None:
        """Make one key, and publish it in the folder."""
        self.name = name
        self.file = folder / f"{name.rpartition('/')[2]}.keys.json"
        self.keys: dict[str, tuple[str, Any]] = {}
        self.add("first", "ES256")
        self.publish()

    def add(self, name: str, algorithm: str, key: Any = None) -> None:
        """Have another key, which is not published yet; it is made here, but for RSA."""
        if key is None:
            curve = algorithm == "ES256"
            key = ec.generate_private_key(ec.SECP256R1()) if curve else ed25519.Ed25519PrivateKey.generate()
        self.keys[name] = (algorithm, key)

    def document(self) -> bytes:
        """Write the key set."""
        listed = [
            jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)
            | {"kid": name, "use": "sig", "alg": algorithm}
            for name, (algorithm, key) in self.keys.items()
        ]
        return json.dumps({"keys": listed}).encode()

    def publish(self) -> None:
        """Put the keys of now into the file, in place of the older ones at once."""
        new = self.file.with_suffix(".new")
        new.write_bytes(self.document())
        new.replace(self.file)

    def bound(self, **further: Any) -> Issuer:
        """Give the binding that trusts this issuer; further fields are the binding's."""
        return Issuer(**({"issuer": self.name, "audience": AUDIENCE, "keys": str(self.file)} | further))

    def claims(self, now: float | None = None, **claims: Any) -> dict[str, Any]:
        """Give good claims, but for those that a test tells; none takes one out."""
        begun = time.time() if now is None else now
        good = {"iss": self.name, "aud": AUDIENCE, "sub": "somebody", "iat": begun, "exp": begun + LASTS}
        return {name: value for name, value in (good | claims).items() if value is not None}

    def token(
        self, now: float | None = None, *, kid: str = "first", header: dict[str, Any] | None = None, **claims: Any
    ) -> str:
        """Sign a token with one of the keys, also one that no library would make."""
        algorithm, key = self.keys[kid]
        told = {"alg": algorithm, "kid": kid, "typ": "JWT"} | (header or {})
        signed = f"{segment(told)}.{segment(self.claims(now, **claims))}"
        return f"{signed}.{_text(jwt.get_algorithm_by_name(algorithm).sign(signed.encode(), key))}"


def segment(content: object) -> str:
    """Write one part of a token: an object, or a text as it is."""
    return _text((content if isinstance(content, str) else json.dumps(content)).encode())


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
