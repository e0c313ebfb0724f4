"""Who may see the page: a browser here, under a name of this machine, with the key; and what no answer may lack."""

import hashlib
import hmac
from html import escape
from typing import Final
from urllib.parse import parse_qsl

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ROOT: Final = "/console/"  # cookies know no ports: under a path of its own, no other server of this machine gets ours
ACTION: Final = ("x-fairway", "console")  # a header that no form and no image can send
LARGEST_BODY: Final = 1 << 16  # bytes
REFUSED: Final = {"cross-site", "same-site"}  # another port of this machine is another site to us

HEADERS: Final = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cache-control": "no-store",
}


class Guard:
    """Stands before the whole page."""

    def __init__(self, app: ASGIApp, *, key: str, listen: str) -> None:
        """Take what is guarded, the key, and where it listens (host:port)."""
        self._app = app
        self._key = key.encode()
        port = listen.rpartition(":")[2]
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self._cookie = f"fairway-{port}"
        # Not the key itself: who reads a cookie jar learns nothing that opens the page of another run.
        self._pass = hmac.new(self._key, f"console at {port}".encode(), hashlib.sha256).hexdigest()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        answer = self._refusal(scope)
        if answer is None and scope["method"] == "POST":
            receive = _bounded(receive)
        await (answer or self._app)(scope, receive, sealed)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return PlainTextResponse("This page is for this machine alone. Ask for it as 127.0.0.1.", 421)
        if scope["method"] not in {"GET", "HEAD", "POST"}:
            return PlainTextResponse("This page is read, and acted on with POST.", 405, {"allow": "GET, HEAD, POST"})
        return self._unlocked(scope, headers) or self._refused_request(scope, headers, hosts[0])

    def _unlocked(self, scope: Scope, headers: Headers) -> Response | None:
        """Ask for the key, and take it."""
        if scope["path"] in {"/", ROOT} and (key := self._told(scope)) is not None:
            return self._enter(key)
        if scope["path"] == "/":  # the cookie does not come here
            return RedirectResponse(ROOT, 303)
        return None if self._has_pass(headers) else self._locked(scope, headers)

    def _refused_request(self, scope: Scope, headers: Headers, host: str) -> Response | None:
        """Refuse what another page has our reader's browser ask."""
        navigated = headers.get("sec-fetch-mode", "") == "navigate" and scope["path"] == ROOT
        if headers.get("sec-fetch-site", "none") in REFUSED and not navigated:
            return PlainTextResponse("Only this page itself may ask.", 403)
        return self._refused_action(headers, host) if scope["method"] == "POST" else None

    @staticmethod
    def _refused_action(headers: Headers, host: str) -> Response | None:
        if headers.getlist("origin") != [f"http://{host}"]:
            return _fault("Only this page itself may act.", 403)
        if headers.get(ACTION[0]) != ACTION[1]:
            return _fault(f"An action wants the header {ACTION[0]}: {ACTION[1]}.", 403)
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return _fault("An action is sent as JSON.", 415)
        return None

    @staticmethod
    def _told(scope: Scope) -> str | None:
        try:
            pairs = dict(parse_qsl(scope["query_string"].decode("ascii"), keep_blank_values=True, max_num_fields=10))
        except ValueError:
            return ""
        return pairs.get("key")

    def _enter(self, key: str) -> Response:
        if not hmac.compare_digest(key.encode(), self._key):
            return _locked_page("This key does not fit: it may be of an earlier time.")
        answer = RedirectResponse(ROOT, 303)
        answer.set_cookie(self._cookie, self._pass, path=ROOT.rstrip("/"), httponly=True, samesite="strict")
        return answer

    def _has_pass(self, headers: Headers) -> bool:
        found = False
        for line in headers.getlist("cookie"):
            for part in line.split(";"):
                name, _, value = part.strip().partition("=")
                if name == self._cookie:
                    found |= hmac.compare_digest(value.encode(), self._pass.encode())
        return found

    def _locked(self, scope: Scope, headers: Headers) -> Response:
        if scope["path"].startswith(f"{ROOT}api/"):
            return _fault("This page is locked. 'fairway status' prints its address with the key.", 401)
        if scope["path"] == ROOT and headers.get("sec-fetch-site") == "cross-site" and not scope["query_string"]:
            # A link from another page brought the reader here with the key: a strict cookie comes with the next try.
            return _locked_page("One moment.", onward=f"{ROOT}?again")
        return _locked_page("This page shows all of a running system and can act on it, so it has a key.")


def _bounded(receive: Receive) -> Receive:
    taken = 0

    async def receive_some() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > LARGEST_BODY:  # what is read of it is no JSON, and refused as such
            return {"type": "http.request", "body": b"", "more_body": False}
        return message

    return receive_some


def _fault(says: str, status: int) -> Response:
    return JSONResponse({"fault": says}, status)


def _locked_page(says: str, onward: str = "") -> Response:
    again = f'<meta http-equiv="refresh" content="0;url={escape(onward)}">' if onward else ""
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Fairway: locked</title>{again}'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" '
        f'content="light dark"></head><body><main><h1>The console is locked</h1><p>{escape(says)}</p>'
        "<p>In the folder of the system, run</p><pre>fairway status</pre>"
        "<p>and open the address that it prints after <b>console</b>; the key is a part of it.</p></main>"
        "</body></html>",
        200 if onward else 401,
    )
