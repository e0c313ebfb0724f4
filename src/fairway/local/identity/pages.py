"""The pages that people see: plain HTML that a keyboard and a screen reader can use, without a script."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from html import escape
from typing import Final
from urllib.parse import urlsplit

import msgspec
from starlette.responses import HTMLResponse, Response

from fairway.local.identity.grants import Request

STYLE: Final = """
:root { color-scheme: light dark; font: 100%/1.5 system-ui, sans-serif }
body { margin: 2rem auto; max-width: 34rem; padding: 0 1rem }
h1 { font-size: 1.5rem }
fieldset { border: 1px solid; border-radius: .25rem; margin: 1.5rem 0; padding: .5rem 1rem }
label { display: block; padding: .5rem 0 }
button { font: inherit; margin-right: .5rem; padding: .5rem 1.25rem }
:focus-visible { outline: 3px solid; outline-offset: 2px }
.note { border-left: .25rem solid; padding-left: 1rem }
"""
_STYLE_HASH: Final = b64encode(sha256(STYLE.encode()).digest()).decode()
HEADERS: Final = {
    # A browser holds the redirect after a form to 'form-action' as well, and that leads to an application's own port.
    "content-security-policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self' http:; "
    "frame-ancestors 'none'; base-uri 'none'",
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One line to choose."""

    value: str
    shown: str
    chosen: bool = False


def choice_page(  # noqa: PLR0913 - each is a part of the page
    title: str, question: str, choices: Sequence[Choice], request: Request, *, action: str, login: str
) -> Response:
    """Ask a person to choose; `login` is the name of the waiting login, which only this page knows."""
    first = next((place for place, one in enumerate(choices) if one.chosen), 0)
    lines = "".join(
        f'<label><input type="radio" name="choice" value="{escape(one.value)}" required'
        f"{' checked' if place == first else ''}> {escape(one.shown)}</label>"
        for place, one in enumerate(choices)
    )
    scopes = f" It asks for: {escape(' '.join(request.scopes))}." if request.scopes else ""
    return _page(
        title,
        f"<p><strong>{escape(request.client)}</strong> asks who you are, and then goes on at "
        f"{escape(urlsplit(request.redirect).netloc)}.{scopes}</p>"
        '<p class="note">This provider is for tests on this machine. It asks for no password: '
        "whoever uses this machine can be anybody in the list.</p>"
        f'<form method="post" action="{escape(action)}"><input type="hidden" name="login" value="{escape(login)}">'
        f"<fieldset><legend>{escape(question)}</legend>{lines}</fieldset>"
        '<button type="submit">Go on</button>'
        '<button type="submit" name="cancel" value="yes" formnovalidate>Cancel</button></form>',
    )


def message_page(title: str, says: str, status: int = 200, details: Mapping[str, str] | None = None) -> Response:
    """Tell a person something."""
    told = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in (details or {}).items())
    return _page(title, f"<p>{escape(says)}</p>{f'<dl>{told}</dl>' if told else ''}", status)


def _page(title: str, body: str, status: int = 200) -> Response:
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body><main><h1>{escape(title)}</h1>{body}</main></body></html>",
        status,
        HEADERS,
    )
