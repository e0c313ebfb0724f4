"""Bounds how many calls to one callee are in flight, so that a slow one cannot take every task and connection."""

from fairway_sdk.calls.failures import TooManyCallsError


class Limit:
    """So many at once; the next is refused at once, for a queue would only hide that the callee is slow."""

    __slots__ = ("_at_once", "_callee", "active")

    def __init__(self, callee: str, at_once: int) -> None:
        self.active = 0
        self._callee = callee
        self._at_once = at_once

    def enter(self) -> None:
        """Take a place, or raise `TooManyCallsError`."""
        if self.active >= self._at_once:
            raise TooManyCallsError(self._callee, self._at_once)
        self.active += 1

    def leave(self) -> None:
        """Give the place back."""
        self.active -= 1
