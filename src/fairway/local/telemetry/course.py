"""How much a service did, and how much of it badly, over days: finely for an hour, coarsely before."""

from collections import deque
from typing import Final, NamedTuple

STEPS: Final = ((5.0, 730), (60.0, 370), (600.0, 440))  # seconds between two points, and how many: 1 h, 6 h, 3 d


class Point(NamedTuple):
    """All that was done until a time."""

    when: float
    done: float = 0.0
    failed: float = 0.0
    timed: float = 0.0  # of which it is known how long it took
    slow: float = 0.0


class Course:
    """What was done until each of many times."""

    def __init__(self, now: float) -> None:
        """Begin now, with nothing done."""
        self._first = self._last = Point(now)
        self._kept = [deque([self._first], maxlen=most) for _, most in STEPS]
        self.begun = 0.0  # when something was first done; 0: never
        self.busy = 0.0  # and last

    @property
    def began(self) -> float:
        """Tell since when it is known."""
        return self._first.when

    @property
    def last(self) -> Point:
        """Give all that was done until now."""
        return self._last

    def add(self, now: float, done: float, failed: float, timed: float, slow: float) -> None:
        """Add what was done meanwhile."""
        last = self._last
        self._last = Point(now, last.done + done, last.failed + failed, last.timed + timed, last.slow + slow)
        if done:
            self.begun, self.busy = self.begun or now, now
        for (step, _), kept in zip(STEPS, self._kept, strict=True):
            if now - kept[-1].when >= step:
                kept.append(self._last)

    def over(self, seconds: float) -> Point:
        """Give what was done in the last seconds; *when* is how many of these were seen."""
        then = self._at(self._last.when - seconds)
        last = self._last
        return Point(*(now - before for now, before in zip(last, then, strict=True)))

    def _at(self, when: float) -> Point:
        for kept in self._kept:
            if kept[0].when <= when:
                return next(point for point in reversed(kept) if point.when <= when)
        return min((kept[0] for kept in self._kept), key=lambda point: point.when)
