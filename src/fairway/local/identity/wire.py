"""What requests and answers look like on the wire: forms without repeats, errors as OAuth says them, who may ask."""

from collections import Counter
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from starlette.requests import Request as Sent
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from fairway.local.identity.settings import is_loopback

LARGEST_FORM: Final = 1 << 16  # bytes
FORM: Final = "application/x-www-form-urlencoded"
NOT_STORED: Final = {"cache-control": "no-store"}


class OAuthError(Exception):
    """A refusal in the words of OAuth: a code for programs, a sentence for people."""

    def __init__(self, code: str, says: str, status: int = 400) -> None:
        """Take the code, what is wrong and what to do, and the status where the answer is no redirect."""
        super().__init__(says)
        self.code, self.says, self.status = code, says, status

    def answer(self) -> Response:
        """Write it as JSON."""
        headers = dict(NOT_STORED)
        if self.status == 401:  # noqa: PLR2004 - Unauthorized, which has to name a scheme
            scheme = "Bearer" if self.code == "invalid_token" else "Basic"
            headers["www-authenticate"] = f'{scheme} realm="local", error="{self.code}"'
        return JSONResponse({"error": self.code, "error_description": self.says}, self.status, headers)


def parameters(text: str) -> dict[str, str]:
    """Read a query or a form; a parameter that comes twice could be read in two ways, so it is refused."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=100)
    except ValueError as error:
        raise OAuthError("invalid_request", "The parameters cannot be read. Send UTF-8, and 100 at most.") from error
    if twice := [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]:
        raise OAuthError("invalid_request", f"The parameter '{twice[0]}' comes more than once. Send it once.")
    return {name: value for name, value in pairs if value}


async def form(sent: Sent) -> dict[str, str]:
    """Read the form of a request."""
    if sent.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise OAuthError("invalid_request", f"The request is no form. Send it as {FORM}.")
    try:
        return parameters((await sent.body()).decode())
    except UnicodeDecodeError as error:
        raise OAuthError("invalid_request", "The form cannot be read. Send UTF-8.") from error


def redirect(address: str, told: Mapping[str, str | None]) -> Response:
    """Send a browser on to an address with further parameters."""
    parts = urlsplit(address)
    added = urlencode({name: value for name, value in told.items() if value is not None})
    query = "&".join(filter(None, (parts.query, added)))
    return RedirectResponse(urlunsplit(parts._replace(query=query)), 303, NOT_STORED)


def leads_here(address: str) -> bool:
    """Tell whether an address is one of this machine's, so that a code sent there stays here."""
    try:
        parts = urlsplit(address)
        fits = parts.scheme == "http" and is_loopback(parts.hostname or "") and (parts.port or 1) > 0
    except ValueError:
        return False
    plain = address.isascii() and address.isprintable() and not set(address) & set(' "<>\\^`{|}')
    return fits and plain and not parts.fragment and "#" not in address and parts.username is None


class OwnHostOnly:
    """Answers only to names of this machine: a foreign page could point a name of its own here, and read our pages."""

    def __init__(self, app: ASGIApp) -> None:
        """Take what stands behind."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "http":
            hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
            if len(hosts) != 1 or not _is_own(hosts[0]):
                refusal = PlainTextResponse("This provider is for this machine alone. Ask it as 127.0.0.1.", 421)
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _is_own(host: str) -> bool:
    try:
        return is_loopback(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False
