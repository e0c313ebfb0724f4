"""What a route asks for to know its caller: FastAPI dependencies; a gRPC method has `require`.

@service.get("/orders")
async def orders(caller: Person, tenant: Tenant) -> list[Order]: ...

@service.post("/refunds", dependencies=[needs("refunds:write")])
async def refund(...): ...
"""

from typing import Annotated, Any, TypeAlias

from fastapi import Depends
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase

from fairway_sdk.errors import RefusedError
from fairway_sdk.identity.caller import Caller, require
from fairway_sdk.identity.caller import caller as _at_hand


class _Bearer(SecurityBase):
    """Says in the OpenAPI document that a route takes a token; who is calling was found out before the route."""

    def __init__(self) -> None:
        self.model = HTTPBearer(bearerFormat="JWT")
        self.scheme_name = "token"

    async def __call__(self) -> None:
        """Ask nothing more."""


_bearer: Any = Depends(_Bearer())


async def _current() -> Caller:
    return _at_hand.get()


async def _person(_token: None = _bearer) -> Caller:
    return require(_at_hand.get())


async def _tenant() -> str:
    tenant = _at_hand.get().tenant
    if not tenant:
        raise RefusedError(403, "the tenant is not known", "tenant")
    return tenant


CurrentCaller: TypeAlias = Annotated[Caller, Depends(_current)]
"""The caller, who may be anonymous."""

Person: TypeAlias = Annotated[Caller, Depends(_person)]
"""The caller, who must be known: 401 otherwise."""

Tenant: TypeAlias = Annotated[str, Depends(_tenant)]
"""The caller's tenant, which must be known: 403 otherwise."""


def needs(*scopes: str) -> Any:
    """Ask for scopes: as a parameter's dependency, which then is the caller, or in a route's `dependencies`."""

    async def having(_token: None = _bearer) -> Caller:
        return require(_at_hand.get(), *scopes)

    return Depends(having)
