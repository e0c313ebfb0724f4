"""Which errors say that the store chose a transaction as the loser of a conflict: run again, it may well succeed."""

import random
from typing import TYPE_CHECKING, Final

from fairway_sdk.calls.deadline import remaining
from fairway_sdk.clock import Clock

if TYPE_CHECKING:
    from sqlalchemy.exc import DBAPIError

POSTGRESQL: Final = frozenset({"40001", "40P01"})  # serialization failure, deadlock
MYSQL: Final = frozenset({1213, 1020})  # deadlock; a record changed since it was read
SQLITE: Final = frozenset({5, 6})  # the file is busy, or a table is locked; the low byte of its codes
FIRST_PAUSE: Final = 0.01  # seconds; doubled each time, and a random part of it is waited
LONGEST_PAUSE: Final = 1.0


def is_conflict(error: "DBAPIError") -> bool:
    """Tell whether a transaction may be run again from its beginning because of this."""
    origin = error.orig
    if (state := getattr(origin, "sqlstate", None)) is not None:
        return state in POSTGRESQL
    if (code := getattr(origin, "sqlite_errorcode", None)) is not None:
        return code & 0xFF in SQLITE
    return bool(origin is not None and origin.args and origin.args[0] in MYSQL)


async def pause(attempt: int, clock: Clock) -> bool:
    """Wait at random before another attempt, so that the rivals part; false when the deadline leaves no time."""
    seconds = random.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2.0**attempt))  # noqa: S311 - no secret
    left = remaining()
    if left is not None and left <= seconds:
        return False
    await clock.sleep(seconds)
    return True
