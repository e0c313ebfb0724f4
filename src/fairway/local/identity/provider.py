"""One issuer as OpenID Connect has it: what it checks in a request, whom it vouches for, and the tokens it signs."""

import hmac
import re
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any, Final

from fairway.core.errors import did_you_mean
from fairway.core.wording import listed
from fairway.local.identity.clients import APPLICATION, JOINING, Clients
from fairway.local.identity.grants import Agreed, Login, Once, Person, Request
from fairway.local.identity.keys import ALGORITHM, KeyRing
from fairway.local.identity.settings import Issuer, Settings
from fairway.local.identity.users import SCOPE, User, Users
from fairway.local.identity.wire import OAuthError, leads_here

CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")
ACCESS: Final = "at+jwt"
IDENTITY_SCOPES: Final = ("openid", "profile")  # of the protocol itself: no person has to have them
GRANTS: Final = ("authorization_code", "client_credentials")


class Provider:
    """An issuer with its keys and its waiting logins and codes."""

    def __init__(self, settings: Settings, issuer: Issuer, ring: KeyRing, users: Users, clients: Clients) -> None:
        """Take what it is told; users and clients are the same for all issuers of a system."""
        self.settings, self.issuer, self.ring, self.users, self.clients = settings, issuer, ring, users, clients
        self.logins: Once[Login] = Once(settings.login_lasts)
        self._codes: Once[Agreed] = Once(settings.code_lasts)

    @property
    def path(self) -> str:
        """The path of its URL."""
        return "/" + self.issuer.url.split("/", 3)[3]

    def discovery(self) -> dict[str, object]:
        """Say where everything is, for the document of OpenID discovery."""
        url = self.issuer.url
        return {
            "issuer": url,
            "authorization_endpoint": f"{url}/authorize",
            "token_endpoint": f"{url}/token",
            "userinfo_endpoint": f"{url}/userinfo",
            "end_session_endpoint": f"{url}/end-session",
            "jwks_uri": f"{url}/keys",
            "scopes_supported": list(IDENTITY_SCOPES),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": list(GRANTS),
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
            "claims_supported": ["sub", "name", "tenant", "iss", "aud", "iat", "exp", "auth_time", "nonce"],
            "prompt_values_supported": ["login", "select_account"],
            "authorization_response_iss_parameter_supported": True,
            "request_parameter_supported": False,
            "request_uri_parameter_supported": False,
        }

    # What an application asks for

    def redirect_of(self, asked: Mapping[str, str]) -> str:
        """Give the address to answer to; an `OAuthError` where it must not be answered at all."""
        client, redirect = asked.get("client_id", ""), asked.get("redirect_uri", "")
        if not self.clients.known(client):
            raise OAuthError("invalid_client", f"No application is called '{client}'. Use '{APPLICATION}'.")
        fits = redirect == f"{self.settings.good.url}/callback" if client == JOINING else leads_here(redirect)
        if not fits:
            raise OAuthError("invalid_request", "redirect_uri leads away from this machine. Use http://127.0.0.1:PORT.")
        return redirect

    def request(self, asked: Mapping[str, str], redirect: str) -> Request:
        """Check what an application asks for; an `OAuthError` to be sent to its address."""
        if asked.get("response_type") != "code":
            raise OAuthError("unsupported_response_type", "Only response_type=code is answered. Use it.")
        if asked.get("response_mode", "query") != "query":
            raise OAuthError("invalid_request", "Only response_mode=query is answered. Leave it out.")
        for name in ("request", "request_uri"):
            if name in asked:
                raise OAuthError(f"{name}_not_supported", f"'{name}' is not read. Send plain parameters.")
        challenge = asked.get("code_challenge", "")
        if asked.get("code_challenge_method") != "S256" or not CHALLENGE.fullmatch(challenge):
            raise OAuthError("invalid_request", "PKCE is required. Send code_challenge and code_challenge_method=S256.")
        if asked.get("prompt") == "none":
            raise OAuthError("login_required", "Nobody stays logged in here. Ask without prompt=none.")
        return Request(
            client=asked["client_id"],
            redirect=redirect,
            challenge=challenge,
            scopes=_scopes(asked),
            audience=self._audience(asked),
            state=asked.get("state"),
            nonce=asked.get("nonce"),
            hint=asked.get("login_hint", ""),
        )

    def _audience(self, asked: Mapping[str, str]) -> str:
        wanted = asked.get("audience", "")
        if wanted and wanted not in self.issuer.audiences:
            known = listed(self.issuer.audiences, "or")
            raise OAuthError("invalid_target", f"No token here is for '{wanted}'. Ask for {known}.")
        return wanted

    # Codes and tokens

    def agree(self, request: Request, person: Person, scopes: tuple[str, ...], audience: str = "") -> str:
        """Give a code for a token that names this person; it serves once, and not for long."""
        agreed = Agreed(
            request=request,
            person=person,
            scopes=scopes,
            audience=request.audience or audience or self.issuer.audiences[0],
            at=time.time(),
        )
        return self._codes.put(agreed)

    def exchange(self, client: str, sent: Mapping[str, str]) -> dict[str, object]:
        """Give the tokens for a code. Whoever shows it spends it, even without the secret that belongs to it."""
        agreed = self._codes.take(sent.get("code", ""))
        if agreed is None or agreed.request.client != client:
            raise OAuthError("invalid_grant", "The code is not known, was used, or is too old. Begin a new login.")
        if sent.get("redirect_uri") != agreed.request.redirect:
            raise OAuthError("invalid_grant", "redirect_uri is not the one that the login began with. Send the same.")
        verifier = sent.get("code_verifier", "")
        challenge = _text(sha256(verifier.encode()).digest())
        if not VERIFIER.fullmatch(verifier) or not hmac.compare_digest(challenge, agreed.request.challenge):
            raise OAuthError("invalid_grant", "code_verifier does not fit the code_challenge. Begin a new login.")
        person, request = agreed.person, agreed.request
        told = self.access(person.subject, person.tenant, agreed.scopes, agreed.audience, client)
        if "openid" in agreed.scopes:
            hashed = _text(sha256(str(told["access_token"]).encode()).digest()[:16])
            claims = {"aud": client, "auth_time": int(agreed.at), "at_hash": hashed, "name": person.shown}
            told["id_token"] = self._sign(
                {**claims, "sub": person.subject, "tenant": person.tenant, "nonce": request.nonce}
            )
        return told

    def machine(self, client: str, sent: Mapping[str, str]) -> dict[str, object]:
        """Give a token to a machine that has shown its secret."""
        if client in {APPLICATION, JOINING}:
            raise OAuthError("unauthorized_client", f"'{client}' is for people. Ask as one of the services.")
        tenant = sent.get("tenant", "")
        if tenant and tenant not in self.settings.tenants:
            raise OAuthError("invalid_request", f"There is no tenant '{tenant}'. Name one that is declared.")
        audience = self._audience(sent) or self.issuer.audiences[0]
        return self.access(f"client:{client}", tenant, _scopes(sent), audience, client)

    def access(
        self, subject: str, tenant: str, scopes: tuple[str, ...], audience: str, client: str
    ) -> dict[str, object]:
        """Sign a token that opens services, and wrap it as the token endpoint does."""
        scope = " ".join(scopes)
        claims = {"sub": subject, "aud": audience, "tenant": tenant, "scope": scope, "client_id": client}
        token = self._sign(claims, ACCESS)
        return {
            "access_token": token, "token_type": "Bearer", "expires_in": int(self.settings.token_lasts), "scope": scope,
        }  # fmt: skip

    def _sign(self, claims: dict[str, Any], kind: str = "JWT") -> str:
        now = int(time.time())
        fixed = {"iss": self.issuer.url, "iat": now, "exp": now + int(self.settings.token_lasts)}
        told = {name: value for name, value in claims.items() if value not in {None, ""}}
        return self.ring.sign({**fixed, "jti": secrets.token_urlsafe(16), **told}, kind)

    # Persons

    def person(self, user: User, tenant: str) -> Person:
        """Say who a user is in this issuer's tokens."""
        return Person(subject=user.name, shown=user.shown, tenant=tenant)

    def userinfo(self, token: str) -> dict[str, object]:
        """Tell about the person of a token."""
        claims = self.ring.verify(token, self.issuer.url)
        if claims is None:
            raise OAuthError("invalid_token", "The token is not one of this issuer's, or is over. Log in.", 401)
        if "openid" not in claims.get("scope", "").split(" "):
            raise OAuthError("insufficient_scope", "The token was not asked for with the scope openid. Add it.", 403)
        user = self.users.all().get(claims["sub"].partition("@")[0])
        told = {"sub": claims["sub"], "name": user.shown if user else None, "tenant": claims.get("tenant")}
        return {name: value for name, value in told.items() if value is not None}


def granted(user: User, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Give those of the wanted scopes that a person has."""
    has = wanted if user.scopes is None else (*IDENTITY_SCOPES, *user.scopes)
    return tuple(scope for scope in wanted if scope in has)


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Say that there is nobody of this name, and who there is."""
    return f"There is no {kind} '{name}'. {did_you_mean(name, known)}".rstrip()


def _scopes(asked: Mapping[str, str]) -> tuple[str, ...]:
    scopes = tuple(dict.fromkeys(filter(None, asked.get("scope", "").split(" "))))
    if not all(SCOPE.fullmatch(scope) for scope in scopes):
        raise OAuthError("invalid_scope", "A scope holds a letter that none may have. Send words with spaces between.")
    return scopes


def _text(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()
