"""The issuer that joins several: it sends people to the provider who knows them, and vouches for what that one says."""

import hmac
import json
import secrets
from base64 import urlsafe_b64encode
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote_plus

import jwt

from fairway.local.identity.clients import JOINING
from fairway.local.identity.grants import Login, Once, Person, Request, Upstream
from fairway.local.identity.keys import ALGORITHM
from fairway.local.identity.provider import Provider
from fairway.local.identity.users import User
from fairway.local.identity.wire import OAuthError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp import ClientSession
    from jwt.types import Options

ANSWERS_WITHIN: Final = 5.0  # seconds
DISCOVERY: Final = "/.well-known/openid-configuration"


class JoiningProvider(Provider):
    """An issuer that knows nobody itself. It asks the others over HTTP, as it would if they were far away."""

    def __init__(self, *told: Any) -> None:  # noqa: ANN401 - as its base takes them
        """Take what every provider takes."""
        super().__init__(*told)
        self._upstream: Once[Upstream] = Once(self.settings.login_lasts)

    @property
    def callback(self) -> str:
        """Where the others send people back to."""
        return f"{self.issuer.url}/callback"

    def person(self, user: User, tenant: str, provider: str = "") -> Person:
        """Say who a user is in this issuer's tokens: two providers may each know an ann."""
        vouching = provider or self.of_audience("", user)[0]
        return Person(subject=_subject(user.name, vouching), shown=user.shown, tenant=tenant)

    def of_audience(self, audience: str, user: User | None = None) -> list[str]:
        """Name the providers whose tokens may be for an audience, and who know a user; empty and none are any."""
        return [
            name
            for name in self.issuer.joins
            if audience in {"", *self.settings.issuer(name).audiences} and (user is None or name in user.providers)
        ]

    async def send_on(self, login: Login, provider: str) -> tuple[str, dict[str, str | None]]:
        """Begin a login at another provider: where to send the browser, and with which parameters."""
        verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
        begun = Upstream(login=login, provider=provider, nonce=nonce, verifier=verifier, redirect=self.callback)
        async with self._session() as session:
            found = await _discover(session, self.settings.issuer(provider).url)
        return found["authorization_endpoint"], {
            "response_type": "code",
            "client_id": JOINING,
            "redirect_uri": self.callback,
            "scope": " ".join(dict.fromkeys(("openid", *login.request.scopes))),
            "state": self._upstream.put(begun),
            "nonce": nonce,
            "code_challenge": urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            "login_hint": login.request.hint or None,
        }

    def begun(self, state: str, browser: str) -> Upstream | None:
        """Give the login that a browser comes back from; none where it is not this browser's."""
        found = self._upstream.take(state)
        same = found is not None and hmac.compare_digest(found.login.browser.encode(), browser.encode())
        return found if same else None

    async def come_back(self, begun: Upstream, said: dict[str, str]) -> tuple[Request, str]:
        """Take what the other provider says, and give the code that the application gets for it."""
        request, issuer = begun.login.request, self.settings.issuer(begun.provider)
        if said.get("iss") != issuer.url:
            raise OAuthError("server_error", f"The answer is not {begun.provider}'s. Begin a new login.")
        if "error" in said:
            raise OAuthError(said["error"], said.get("error_description", ""))
        async with self._session() as session:
            found = await _discover(session, issuer.url)
            told = await self._exchange(session, found["token_endpoint"], begun, said.get("code", ""))
            keys = await _get(session, found["jwks_uri"])
        try:
            claims = _verified(told["id_token"], keys, issuer.url)
        except (KeyError, jwt.PyJWTError) as error:
            raise OAuthError("server_error", f"{begun.provider} gave no good token. Begin a new login.") from error
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), begun.nonce.encode()):
            raise OAuthError("server_error", f"{begun.provider}'s token is of another login. Begin a new one.")
        person = Person(
            subject=_subject(claims["sub"], begun.provider),
            shown=claims.get("name", claims["sub"]),
            tenant=claims.get("tenant", ""),
        )
        has = str(told.get("scope", "")).split(" ")
        scopes = tuple(scope for scope in request.scopes if scope in has)
        return request, self.agree(request, person, scopes, issuer.audiences[0])

    async def _exchange(self, session: "ClientSession", url: str, begun: Upstream, code: str) -> dict[str, Any]:
        from aiohttp import BasicAuth  # noqa: PLC0415 - only systems with several providers need it

        sent = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": begun.redirect,
            "code_verifier": begun.verifier,
        }
        proof = BasicAuth(quote_plus(JOINING), quote_plus(self.clients.secret(JOINING)))
        async with session.post(url, data=sent, auth=proof, allow_redirects=False) as answer:
            told: dict[str, Any] = await answer.json()
            if answer.status != 200:  # noqa: PLR2004 - OK
                says = f"{begun.provider} gave no token: {told.get('error_description', answer.status)}"
                raise OAuthError("server_error", says)
            return told

    @asynccontextmanager
    async def _session(self) -> "AsyncIterator[ClientSession]":
        """Reach the others where we listen ourselves: the gateway in front need not be there yet."""
        from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector, UnixConnector  # noqa: PLC0415

        listen = self.settings.listen
        connector = UnixConnector(listen.removeprefix("unix:")) if listen.startswith("unix:") else TCPConnector()
        try:
            async with ClientSession(connector=connector, timeout=ClientTimeout(ANSWERS_WITHIN)) as session:
                yield session
        except (ClientError, TimeoutError, ValueError, KeyError) as error:
            reason = str(error) or type(error).__name__
            raise OAuthError("server_error", f"The provider gives no good answer: {reason}. Try again.") from error


def _subject(name: str, provider: str) -> str:
    return f"{name}@{provider}"


def _verified(token: str, keys: dict[str, Any], issuer: str) -> dict[str, Any]:
    name = jwt.get_unverified_header(token).get("kid")
    key = next((key for key in jwt.PyJWKSet.from_dict(keys).keys if key.key_id == name), None)
    if key is None:
        raise jwt.InvalidKeyError(f"no key is called {name}")
    wanted: Options = {"require": ["exp", "iat", "sub", "aud", "iss"]}
    claims: dict[str, Any] = jwt.decode(token, key, [ALGORITHM], audience=JOINING, issuer=issuer, options=wanted)
    return claims


async def _discover(session: "ClientSession", issuer: str) -> dict[str, Any]:
    found = await _get(session, issuer + DISCOVERY)
    if found.get("issuer") != issuer:
        raise OAuthError("server_error", f"The discovery document of {issuer} is another issuer's.")
    return found


async def _get(session: "ClientSession", url: str) -> dict[str, Any]:
    async with session.get(url, allow_redirects=False) as answer:
        if answer.status != 200:  # noqa: PLR2004 - OK
            raise OAuthError("server_error", f"{url} answers {answer.status}.")
        found: dict[str, Any] = json.loads(await answer.text())
        return found
