"""What is agreed between a login and its token, remembered for a short time and given away once."""

import secrets
import time
from collections.abc import Callable
from typing import Final, Generic, TypeVar

import msgspec

REMEMBERED: Final = 1000  # of one kind; the oldest gives way, so that whoever asks without end fills no memory

T = TypeVar("T")


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Who is vouched for."""

    subject: str
    shown: str
    tenant: str = ""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What an application asked for, checked."""

    client: str
    redirect: str
    challenge: str  # SHA-256 of the secret that the code is exchanged with
    scopes: tuple[str, ...] = ()
    audience: str = ""  # empty: the issuer's first
    state: str | None = None
    nonce: str | None = None
    hint: str = ""  # who probably logs in


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """A page that waits for a choice, in one browser."""

    request: Request
    browser: str


class Upstream(msgspec.Struct, frozen=True, kw_only=True):
    """A login that goes on at the provider who knows the person."""

    login: Login
    provider: str
    nonce: str
    verifier: str
    redirect: str


class Agreed(msgspec.Struct, frozen=True, kw_only=True):
    """What a code stands for."""

    request: Request
    person: Person
    scopes: tuple[str, ...]  # that are granted
    audience: str
    at: float  # seconds since 1970


class Once(Generic[T]):
    """Gives each thing away once, for a name that nobody guesses, and only for a while."""

    def __init__(self, lasts: float, now: Callable[[], float] = time.monotonic) -> None:
        """Take how many seconds a thing lasts."""
        self._lasts, self._now = lasts, now
        self._things: dict[str, tuple[float, T]] = {}

    def put(self, thing: T) -> str:
        """Keep a thing, and give its name."""
        if len(self._things) >= REMEMBERED:
            del self._things[next(iter(self._things))]
        name = secrets.token_urlsafe(32)
        self._things[name] = (self._now() + self._lasts, thing)
        return name

    def take(self, name: str) -> T | None:
        """Give the thing away; none where it is gone, or too old."""
        until, thing = self._things.pop(name, (0.0, None))
        return thing if self._now() < until else None
