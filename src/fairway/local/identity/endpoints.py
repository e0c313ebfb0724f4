"""The addresses of one issuer: discovery, keys, login, tokens, who somebody is, and the end of a session."""

import hmac
import re
import secrets
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request as Sent
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from fairway.core.errors import FairwayError
from fairway.local.identity.grants import Login, Request
from fairway.local.identity.joining import JoiningProvider
from fairway.local.identity.pages import Choice, choice_page, message_page
from fairway.local.identity.provider import Provider, granted
from fairway.local.identity.wire import (
    LARGEST_FORM,
    NOT_STORED,
    OAuthError,
    form,
    leads_here,
    parameters,
    redirect,
)

COOKIE: Final = "fairway-login"
BROWSER: Final = re.compile(r"[A-Za-z0-9_-]{43}")
BEGIN_AGAIN: Final = "This login began in another browser, was finished, or is too old. Begin again in the application."
# Applications in a browser ask from their own origin. The pages themselves are for no other origin.
_OPEN: Final = Middleware(
    CORSMiddleware,
    allow_origin_regex=r"http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]+)?",
    allow_methods=["GET", "POST"],
    allow_headers=["authorization", "content-type"],
)

Answer = Callable[[Sent], Awaitable[Response]]


def routes(provider: Provider) -> list[BaseRoute]:
    """Give all addresses of an issuer."""
    own = Endpoints(provider)
    path = provider.path
    found: list[BaseRoute] = [
        Route(f"{path}/.well-known/openid-configuration", own.discovery, middleware=[_OPEN]),
        Route(f"{path}/keys", own.keys, middleware=[_OPEN]),
        Route(f"{path}/authorize", own.for_people(own.authorize)),
        Route(f"{path}/login", own.for_people(own.login), methods=["POST"], max_body_size=LARGEST_FORM),
        Route(
            f"{path}/token",
            own.for_programs(own.token),
            methods=["POST"],
            middleware=[_OPEN],
            max_body_size=LARGEST_FORM,
        ),
        Route(f"{path}/userinfo", own.for_programs(own.userinfo), methods=["GET", "POST"], middleware=[_OPEN]),
        Route(f"{path}/end-session", own.for_people(own.end_session)),
    ]
    if isinstance(provider, JoiningProvider):
        found.append(Route(f"{path}/callback", own.for_people(own.callback)))
    return found


class Endpoints:
    """Turns requests into questions to a provider, and its answers into pages, redirects and JSON."""

    def __init__(self, provider: Provider) -> None:
        """Take the provider."""
        self._provider = provider

    def for_people(self, answer: Answer) -> Answer:
        """Show what goes wrong on a page."""

        async def asked(sent: Sent) -> Response:
            try:
                return await answer(sent)
            except OAuthError as error:
                return message_page("This login cannot go on", error.says, error.status)
            except FairwayError as error:
                return message_page("This login cannot go on", str(error), 500)

        return asked

    def for_programs(self, answer: Answer) -> Answer:
        """Say what goes wrong in JSON."""

        async def asked(sent: Sent) -> Response:
            try:
                return await answer(sent)
            except OAuthError as error:
                return error.answer()
            except FairwayError as error:
                return OAuthError("server_error", str(error), 500).answer()

        return asked

    async def discovery(self, _: Sent) -> Response:
        """Say where everything is."""
        return JSONResponse(self._provider.discovery())

    async def keys(self, _: Sent) -> Response:
        """Give the public keys."""
        return JSONResponse(self._provider.ring.public, headers={"cache-control": "max-age=5"})

    async def authorize(self, sent: Sent) -> Response:
        """Show whom one may be, once the application has asked properly."""
        asked = parameters(sent.url.query)
        address = self._provider.redirect_of(asked)  # until this is known, nothing is sent anywhere
        try:
            request = self._provider.request(asked, address)
            choices = self._choices(request)
        except OAuthError as error:
            return self._refuse(address, asked.get("state"), error)
        browser = sent.cookies.get(COOKIE, "")
        if not BROWSER.fullmatch(browser):
            browser = secrets.token_urlsafe(32)
        name = self._provider.logins.put(Login(request=request, browser=browser))
        joining = isinstance(self._provider, JoiningProvider)
        page = choice_page(
            "Log in" if joining else f"Log in with {self._provider.issuer.name}",
            "Who knows you?" if joining else "Who are you?",
            choices,
            request,
            action=f"{self._provider.path}/login",
            login=name,
        )
        # Not 'strict': an application on 'localhost' is another site than ours, and sends the browser here.
        page.set_cookie(COOKIE, browser, path=self._provider.settings.base_path, httponly=True, samesite="lax")
        return page

    def _choices(self, request: Request) -> list[Choice]:
        provider = self._provider
        if isinstance(provider, JoiningProvider):
            return [Choice(value=name, shown=name) for name in provider.of_audience(request.audience)]
        found = [
            Choice(
                value=f"{user.name} {tenant}".strip(),
                shown=f"{user.shown} of {tenant}" if tenant else user.shown,
                chosen=user.name == request.hint,
            )
            for user in provider.users.of(provider.issuer.name).values()
            for tenant in user.tenants or ("",)
        ]
        if not found:
            raise OAuthError("access_denied", f"{provider.issuer.name} knows nobody. Add somebody to users.yaml.")
        return found

    async def login(self, sent: Sent) -> Response:
        """Take a person's choice, from the page and the browser that it was shown in."""
        chosen = await form(sent)
        login = self._provider.logins.take(chosen.get("login", ""))
        browser = sent.cookies.get(COOKIE, "")
        if login is None or not hmac.compare_digest(login.browser.encode(), browser.encode()):
            raise OAuthError("access_denied", BEGIN_AGAIN, 403)
        try:
            return await self._go_on(login, self._choice(login, chosen))
        except OAuthError as error:
            return self._refuse(login.request.redirect, login.request.state, error)

    def _choice(self, login: Login, chosen: dict[str, str]) -> str:
        if "cancel" in chosen:
            raise OAuthError("access_denied", "The login was cancelled.")
        choice = chosen.get("choice", "")
        if choice not in {one.value for one in self._choices(login.request)}:
            raise OAuthError("access_denied", "The choice is not one of those on the page. Begin again.")
        return choice

    async def _go_on(self, login: Login, choice: str) -> Response:
        provider = self._provider
        if isinstance(provider, JoiningProvider):
            return redirect(*await provider.send_on(login, choice))
        name, _, tenant = choice.partition(" ")
        user = provider.users.all()[name]
        scopes = granted(user, login.request.scopes)
        return self._answer(login.request, provider.agree(login.request, provider.person(user, tenant), scopes))

    async def callback(self, sent: Sent) -> Response:
        """Take a browser back from the provider who knows the person."""
        provider, said = self._provider, parameters(sent.url.query)
        assert isinstance(provider, JoiningProvider)
        begun = provider.begun(said.get("state", ""), sent.cookies.get(COOKIE, ""))
        if begun is None:
            raise OAuthError("access_denied", BEGIN_AGAIN, 403)
        try:
            return self._answer(*await provider.come_back(begun, said))
        except OAuthError as error:
            return self._refuse(begun.login.request.redirect, begun.login.request.state, error)

    async def token(self, sent: Sent) -> Response:
        """Give tokens for a code, or to a machine."""
        told = await form(sent)
        client = self._provider.clients.identify(sent.headers.get("authorization", ""), told)
        if client is None:
            raise OAuthError("invalid_client", "The application is not known, or its secret is wrong. Correct it.", 401)
        match told.get("grant_type", ""):
            case "authorization_code":
                answer = self._provider.exchange(client, told)
            case "client_credentials":
                answer = self._provider.machine(client, told)
            case other:
                raise OAuthError("unsupported_grant_type", f"'{other}' is given nothing. Ask with a code or a secret.")
        return JSONResponse(answer, headers=NOT_STORED)

    async def userinfo(self, sent: Sent) -> Response:
        """Tell who the person of a token is."""
        scheme, _, token = sent.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise OAuthError("invalid_token", "There is no token. Send it as 'Authorization: Bearer'.", 401)
        return JSONResponse(self._provider.userinfo(token.strip()), headers=NOT_STORED)

    async def end_session(self, sent: Sent) -> Response:
        """End a session: nobody stays logged in here, so there is only the browser to send back."""
        asked = parameters(sent.url.query)
        back = asked.get("post_logout_redirect_uri")
        if back is None:
            page = message_page("You are logged out", "Tokens that were given out serve until they end.")
            page.delete_cookie(COOKIE, path=self._provider.settings.base_path)
            return page
        if not leads_here(back):
            raise OAuthError("invalid_request", "post_logout_redirect_uri leads away from this machine. Correct it.")
        answer = redirect(back, {"state": asked.get("state")})
        assert isinstance(answer, RedirectResponse)
        answer.delete_cookie(COOKIE, path=self._provider.settings.base_path)
        return answer

    def _answer(self, request: Request, code: str) -> Response:
        return redirect(request.redirect, {"code": code, "state": request.state, "iss": self._provider.issuer.url})

    def _refuse(self, address: str, state: str | None, error: OAuthError) -> Response:
        said = {"error": error.code, "error_description": error.says, "state": state}
        return redirect(address, {**said, "iss": self._provider.issuer.url})
