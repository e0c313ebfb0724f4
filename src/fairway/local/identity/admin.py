"""What commands ask of the provider, over a socket that only its owner can open: a token without a login, new keys."""

import asyncio
import json
from collections.abc import Mapping

import jwt
import msgspec
from starlette.applications import Starlette
from starlette.requests import Request as Sent
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fairway.core.errors import FairwayError
from fairway.core.wording import listed
from fairway.local.identity.asking import Asked, Given
from fairway.local.identity.clients import APPLICATION
from fairway.local.identity.joining import JoiningProvider
from fairway.local.identity.provider import Provider, granted, unknown
from fairway.local.identity.users import SCOPE, User
from fairway.local.identity.wire import LARGEST_FORM, NOT_STORED


def admin(providers: Mapping[str, Provider], good: Provider) -> Starlette:
    """Answer commands about all issuers; tokens are those of the one whose tokens open services."""

    async def ready(_: Sent) -> Response:
        return JSONResponse({"ready": True})

    async def token(sent: Sent) -> Response:
        try:
            asked = msgspec.json.decode(await sent.body(), type=Asked)
            return JSONResponse(msgspec.to_builtins(token_for(good, asked)), headers=NOT_STORED)
        except (FairwayError, msgspec.MsgspecError) as error:
            return JSONResponse({"error": str(error)}, 400)

    async def rotate(_: Sent) -> Response:
        begins = await asyncio.gather(*(asyncio.to_thread(one.ring.rotate) for one in providers.values()))
        return JSONResponse({"signs_from": dict(zip(providers, begins, strict=True))})

    return Starlette(
        routes=[
            Route("/readyz", ready),
            Route("/token", token, methods=["POST"], max_body_size=LARGEST_FORM),
            Route("/rotate", rotate, methods=["POST"]),
        ]
    )


def token_for(provider: Provider, asked: Asked) -> Given:
    """Give a user's token as after a login; a `FairwayError` says what of it cannot be."""
    users = provider.users.all()
    user = users.get(asked.user)
    if user is None:
        raise FairwayError(unknown("user", asked.user, users))
    if asked.audience and asked.audience not in provider.issuer.audiences:
        raise FairwayError(unknown("audience", asked.audience, provider.issuer.audiences))
    tenant = _tenant(provider, user, asked.tenant)
    audience = asked.audience or provider.issuer.audiences[0]
    if isinstance(provider, JoiningProvider):
        vouching = provider.of_audience(asked.audience, user)
        if not vouching:
            raise FairwayError(f"No provider that knows '{user.name}' gives tokens for that. Ask for another audience.")
        person = provider.person(user, tenant, vouching[0])
        audience = asked.audience or provider.settings.issuer(vouching[0]).audiences[0]
    else:
        person = provider.person(user, tenant)
    scopes = _scopes(user, asked.scope)
    told = provider.access(person.subject, tenant, scopes, audience, APPLICATION)
    return Given(
        token=str(told["access_token"]),
        expires=jwt.decode(str(told["access_token"]), options={"verify_signature": False})["exp"],
        issuer=provider.issuer.url,
        audience=audience,
        subject=person.subject,
        tenant=tenant,
        scope=" ".join(scopes),
    )


def _tenant(provider: Provider, user: User, wanted: str) -> str:
    if not wanted:
        if len(user.tenants) > 1:
            raise FairwayError(f"User '{user.name}' is of {listed(user.tenants)}. Choose one with --tenant.")
        return user.tenants[0] if user.tenants else ""
    if wanted not in provider.settings.tenants:
        if not provider.settings.tenants:
            raise FairwayError(f"There is no tenant '{wanted}': the system declares none. Leave --tenant out.")
        raise FairwayError(unknown("tenant", wanted, provider.settings.tenants))
    if wanted not in user.tenants:
        has = f"is of {listed(user.tenants)}" if user.tenants else "is of no tenant"
        raise FairwayError(f"User '{user.name}' {has}, not of '{wanted}'. Name another user or tenant.")
    return wanted


def _scopes(user: User, wanted: str) -> tuple[str, ...]:
    scopes = tuple(dict.fromkeys(filter(None, wanted.split(" "))))
    if strange := [scope for scope in scopes if not SCOPE.fullmatch(scope)]:
        raise FairwayError(f"{json.dumps(strange[0])}: is no scope. Use letters without spaces, quotes or '\\'.")
    if refused := [scope for scope in scopes if scope not in granted(user, scopes)]:
        has = listed(user.scopes or ()) or "none"
        raise FairwayError(f"User '{user.name}' does not have the scope {listed(refused)}, but {has}. Ask for those.")
    return scopes if wanted else user.scopes or ()
