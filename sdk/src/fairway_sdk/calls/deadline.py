"""By when the work at hand must be done: it shrinks on the way, so that nobody works for a caller that has gone."""

import asyncio
from contextvars import ContextVar
from typing import Self

_until: ContextVar[float | None] = ContextVar("fairway_deadline", default=None)


def remaining() -> float | None:
    """Tell how many seconds are left for the work at hand; none where nobody waits for it. Never below zero."""
    until = _until.get()
    return None if until is None else max(0.0, until - asyncio.get_running_loop().time())


class within:  # noqa: N801 - it reads as what it does: `with within(2):`
    """Give the body so many seconds, or what is left if that is less; what it calls sees the shorter of both.

    It ends nothing by itself: see `limit`.
    """

    __slots__ = ("_seconds", "_token")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        """Begin to count."""
        until = asyncio.get_running_loop().time() + self._seconds
        outer = _until.get()
        self._token = _until.set(until if outer is None or until < outer else outer)

    def __exit__(self, kind: object, error: object, at: object) -> None:
        """Count no more."""
        _until.reset(self._token)


class limit:  # noqa: N801 - likewise
    """Give a body so many seconds as `within` does, and end it with `TimeoutError` when they are over.

    It does what `asyncio.timeout` does, at a third of its price, since every request has one.
    """

    __slots__ = ("_cancelled", "_handle", "_seconds", "_task", "_token", "expired")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.expired = False

    def __enter__(self) -> Self:
        """Begin to count; only inside a task."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None
        until = loop.time() + self._seconds
        outer = _until.get()
        self._token = _until.set(until if outer is None or until < outer else outer)
        self._task = task
        self._cancelled = task.cancelling()
        self._handle = loop.call_at(until, self._expire)
        return self

    def _expire(self) -> None:
        self.expired = True
        self._task.cancel()

    def lift(self) -> None:
        """Let the body take its time from here on."""
        self._handle.cancel()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: object) -> None:
        """Count no more; a body that was ended for the time alone ends with `TimeoutError`."""
        self._handle.cancel()
        _until.reset(self._token)
        if self.expired and self._task.uncancel() <= self._cancelled and kind is asyncio.CancelledError:
            raise TimeoutError from error
