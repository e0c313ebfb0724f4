"""What a session needs of a browser: one cookie, and the word that a request comes from our own pages."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # methods that change nothing

Headers = Iterable[tuple[bytes, bytes]]


def read_cookie(headers: Headers, name: str) -> str | None:
    """Give a cookie's value; none where it is not there, or twice: one of the two was planted by somebody else."""
    wanted = name.encode()
    found = None
    for key, value in headers:
        if key != b"cookie" or wanted not in value:
            continue
        for pair in value.split(b";"):
            label, _, content = pair.strip().partition(b"=")
            if label == wanted:
                if found is not None:
                    return None
                found = content.decode("latin-1")
    return found


def write_cookie(name: str, value: str, seconds: float, *, secure: bool) -> bytes:
    """Write a Set-Cookie header: out of reach of scripts and of other sites' pages; an empty value deletes it."""
    age = int(seconds) if value else 0
    text = f"{name}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax"
    return (text + ("; Secure" if secure else "")).encode()


def is_foreign(method: str, headers: Headers, domain: str) -> bool:
    """Tell whether a request that may change something was sent by another site's page.

    Browsers say so themselves: in Sec-Fetch-Site, and those that do not know it, in Origin. What has neither is no
    browser of today, and holds no cookie that a foreign page could use.
    """
    if method in SAFE:
        return False
    told = dict(headers)
    origin = told.get(b"origin", b"").decode("latin-1")
    hosts = {told.get(b"host", b"").decode("latin-1").lower(), domain.lower()}
    ours = bool(origin) and urlsplit(origin).netloc.lower() in hosts
    site = told.get(b"sec-fetch-site")
    if site is not None:
        return site not in {b"same-origin", b"none"} and not ours
    return bool(origin) and not ours
