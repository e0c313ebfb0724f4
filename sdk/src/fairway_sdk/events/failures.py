"""What is kept of a failure: its class, its place, a message with nothing of the event in it; and when to try again."""

import random
import re
from collections.abc import Iterable
from pathlib import PurePath
from traceback import walk_tb
from typing import Any, Final

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from fairway_sdk.contract.binding import Consumed, Retries
from fairway_sdk.errors import NotYetError, PoisonError

LONGEST: Final = 300  # characters of a message that are kept
SHORTEST: Final = 3  # characters of a value that is worth hiding: hiding "a" hides the message
HIDDEN: Final = "…"
_ADDRESS: Final = re.compile(r"[\w.+%-]+@[\w-]+\.[\w.-]+")
_NUMBER: Final = re.compile(r"\d{6,}|\+?\d[\d ()/-]{7,}\d")


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why an event is not done."""

    reason: str
    error: str = ""  # the error's class, and where it was raised
    message: str = ""

    @classmethod
    def of(cls, error: BaseException, reason: str, secrets: Iterable[str] = ()) -> "Failure":
        """Keep of an error what an operator needs, and none of the event's own values."""
        return cls(
            reason=reason, error=f"{type(error).__qualname__}{_place(error)}"[:200], message=told(error, secrets)
        )


def told(error: BaseException, values: Iterable[str] = ()) -> str:
    """Give an error's message without the given values, addresses and long numbers; a database's not at all.

    Databases and drivers quote rows and parameters in their messages, so of them the class must do.
    """
    if isinstance(error, SQLAlchemyError):
        return type(getattr(error, "orig", None) or error).__qualname__
    message = str(error)
    if not isinstance(error, NotYetError | PoisonError):
        for value in sorted({value for value in values if len(value) >= SHORTEST}, key=len, reverse=True):
            message = re.sub(re.escape(value), HIDDEN, message, flags=re.IGNORECASE)
    message = _NUMBER.sub(HIDDEN, _ADDRESS.sub(HIDDEN, message))
    return " ".join(message.split())[:LONGEST]


def texts(value: Any) -> list[str]:
    """Give every text and number within an event's content: what its errors must not repeat."""
    match msgspec.to_builtins(value) if isinstance(value, msgspec.Struct) else value:
        case str() as text:
            return [text]
        case bool() | None:
            return []
        case int() | float() as number:
            return [str(number)]
        case dict() as fields:
            return [text for field in fields.values() for text in texts(field)]
        case list() | tuple() as items:
            return [text for item in items for text in texts(item)]
    return []


def pause(retries: Retries, attempts: int) -> float:
    """Give the seconds before the next try, after so many: doubling, and random by half so that failures part."""
    return _spread(min(retries.longest_pause, retries.first_pause * 2.0 ** min(attempts - 1, 30)))


def patience(bound: Consumed, waited: float) -> float:
    """Give the seconds before the next try of what has waited so long: as long again, but hardly beyond `late`."""
    left = max(bound.retries.first_pause, bound.late - waited)
    return _spread(min(bound.retries.longest_pause, left, max(bound.retries.first_pause, waited)))


def _spread(pause: float) -> float:
    return pause * random.uniform(0.5, 1.0)  # noqa: S311 - it spreads load, it guards nothing


def _place(error: BaseException) -> str:
    places = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
    if not places:
        return ""
    file, line = places[-1]
    return f" at {PurePath(file).name}:{line}"
