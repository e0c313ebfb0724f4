"""Issuers of tokens, and a verifier that is asked in a test's words."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from fairway_sdk import Caller, RefusedError, Service, contract
from fairway_sdk.contract.binding import Identity, Issuer
from fairway_sdk.identity.headers import from_asgi
from fairway_sdk.testing.placing import placed
from fairway_sdk.testing.tokens import TokenIssuer


class Asked:
    """A verifier that is asked who sends a request."""

    def __init__(self, service: Service) -> None:
        """Take a service whose verifier runs."""
        self.service = service
        self.verifier = service.identity

    async def of(self, token: str = "", *, mesh: str = "", tenant: str = "", **headers: str) -> Caller:
        """Ask who sends a request with these headers."""
        told = {"authorization": f"Bearer {token}" if token else ""} | headers
        told |= {contract.CLIENT_CERTIFICATE_HEADER: mesh, contract.TENANT_HEADER: tenant}
        pairs = [(name.encode(), value.encode("latin-1")) for name, value in told.items() if value]
        return await self.verifier.of(from_asgi(pairs))

    @property
    def now(self) -> float:
        """The service's time."""
        return self.service.clock.now()


Verifying: TypeAlias = Callable[..., AbstractAsyncContextManager[Asked]]
Refused: TypeAlias = Callable[[Awaitable[Caller]], Awaitable[tuple[int, str]]]


@pytest.fixture(scope="session")
def rsa_key() -> rsa.RSAPrivateKey:
    """Give a key that is made once: it takes a while."""
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
def issuer(tmp_path: Path, rsa_key: rsa.RSAPrivateKey) -> TokenIssuer:
    """Give an issuer that signs with RSA."""
    made = TokenIssuer(tmp_path)
    made.add("first", "RS256", rsa_key)
    made.publish()
    return made


@pytest.fixture
def another(tmp_path: Path) -> TokenIssuer:
    """Give a second issuer, whose own key has the same name."""
    return TokenIssuer(tmp_path, "https://another.test")


@pytest.fixture
def verifying(tmp_path: Path) -> Verifying:
    """Give a context manager that runs a verifier for issuers and further fields of the binding's identity."""

    @asynccontextmanager
    async def run(*issuers: Issuer, **identity: object) -> AsyncIterator[Asked]:
        known = Identity(issuers=issuers, **identity)  # type: ignore[arg-type]  # the test names fitting fields
        service = placed(Service("orders"), tmp_path, system="shop", identity=known)
        await service.identity.start()
        try:
            yield Asked(service)
        finally:
            await service.identity.stop()

    return run


@pytest.fixture
def refused() -> Refused:
    """Give a function that tells the status and kind of a refusal, and fails where there is none."""

    async def told(asked: Awaitable[Caller]) -> tuple[int, str]:
        with pytest.raises(RefusedError) as error:
            await asked
        assert "eyJ" not in str(error.value)
        return error.value.status, error.value.kind

    return told
