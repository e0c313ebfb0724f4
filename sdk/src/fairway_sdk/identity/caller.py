"""The caller of the request at hand, known to everything that runs for it."""

from contextvars import ContextVar
from typing import Final

from msgspec import Struct

from fairway_sdk.errors import RefusedError


class Caller(Struct, frozen=True, kw_only=True):
    """Who is calling; every field was verified, and an empty one is not known."""

    person: str = ""  # the token's subject
    issuer: str = ""  # who vouched for the person; the same subject of another issuer is another person
    tenant: str = ""
    scopes: frozenset[str] = frozenset()
    service: str = ""  # the calling service, by its certificate in the mesh
    token: str = ""  # passed on to internal callees, so that each verifies for itself; never logged

    @property
    def known(self) -> bool:
        """Tell whether a person is calling, or a machine with a token of its own."""
        return bool(self.person)

    def __repr__(self) -> str:
        """Name the tenant and service; a person's name and token belong in no log."""
        return f"Caller(known={self.known}, tenant={self.tenant!r}, service={self.service!r})"


ANONYMOUS: Final = Caller()
caller: ContextVar[Caller] = ContextVar("fairway_caller", default=ANONYMOUS)


def require(caller: Caller, *scopes: str) -> Caller:
    """Give back a caller who is known and has all scopes; a `RefusedError` for any other: 401 or 403."""
    if not caller.known:
        raise RefusedError(401, "a token is needed", "anonymous")
    if missing := [scope for scope in scopes if scope not in caller.scopes]:
        raise RefusedError(403, f"the scope {' '.join(missing)} is needed", "scope")
    return caller
