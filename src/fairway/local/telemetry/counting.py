"""Counters that only grow, to rates, shares and times over the last seconds."""

import bisect
import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

RATE_OVER: Final = 10.0  # seconds
SHARE_OVER: Final = 30.0  # seconds: failures and times are of so long
STEP: Final = 5.0  # seconds between two rates of the history
STEPS: Final = 60


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How much was done, how much of it failed, and how much within each of some bounds in seconds."""

    done: float = 0.0
    failed: float = 0.0
    within: Mapping[float, float] = {}  # cumulative, as in a histogram


class Increase:
    """Tells by how much counters have grown since they were last read. Who starts anew counts from nought again."""

    def __init__(self) -> None:
        """Know nobody yet."""
        self._before: dict[str, Counts] = {}

    def of(self, key: str, now: Counts, *, new: bool = False) -> Counts:
        """Give the increase; of one that is seen first it is nought, or all of it where it is *new*."""
        before = self._before.get(key)
        self._before[key] = now
        if before is None:
            return now if new else Counts()
        if now.done < before.done:
            return now
        return Counts(
            done=now.done - before.done,
            failed=max(0.0, now.failed - before.failed),
            within={bound: max(0.0, count - before.within.get(bound, 0.0)) for bound, count in now.within.items()},
        )

    def known(self, prefix: str) -> bool:
        """Tell whether anything was read before whose key begins so."""
        return any(key.startswith(prefix) for key in self._before)


class Way:
    """The counts of one way between two, over time."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._recent: deque[tuple[float, Counts]] = deque()
        self._steps: deque[float] = deque([0.0] * STEPS, maxlen=STEPS)
        self._step = 0

    def add(self, more: Counts, now: float) -> None:
        """Count what was done until now."""
        if more.done or any(more.within.values()):
            self._recent.append((now, more))
        self._forget(now)
        self._steps[-1] += more.done

    def rate(self, now: float) -> float:
        """Tell how much is done in a second."""
        return sum(one.done for when, one in self._recent if when > now - RATE_OVER) / RATE_OVER

    def failures(self, now: float) -> float:
        """Tell which share of it fails."""
        self._forget(now)
        done = sum(one.done for _, one in self._recent)
        return min(1.0, sum(one.failed for _, one in self._recent) / done) if done else 0.0

    def quantiles(self, now: float, *shares: float) -> tuple[float | None, ...]:
        """Tell within how many seconds these shares of it were done; none where nothing was."""
        self._forget(now)
        within: dict[float, float] = {}
        for _, one in self._recent:
            for bound, count in one.within.items():
                within[bound] = within.get(bound, 0.0) + count
        return tuple(quantile(within, share) for share in shares)

    def history(self, now: float) -> tuple[float, ...]:
        """Give the rates of the last minutes, the newest last."""
        self._forget(now)
        return tuple(count / STEP for count in self._steps)

    def _forget(self, now: float) -> None:
        while self._recent and self._recent[0][0] <= now - SHARE_OVER:
            self._recent.popleft()
        step = int(now // STEP)
        for _ in range(min(STEPS, step - self._step) if self._step else 0):
            self._steps.append(0.0)
        self._step = step


def quantile(within: Mapping[float, float], share: float) -> float | None:
    """Estimate a quantile of a cumulative histogram, as if what is between two bounds were spread evenly."""
    bounds = sorted(within)
    total = within[bounds[-1]] if bounds else 0.0
    if not total:
        return None
    counts = [within[bound] for bound in bounds]
    at = bisect.bisect_left(counts, share * total)
    below, before = (bounds[at - 1], counts[at - 1]) if at else (0.0, 0.0)
    if math.isinf(bounds[at]):
        return below
    inside = counts[at] - before
    return below + (bounds[at] - below) * ((share * total - before) / inside if inside else 1.0)


def share_beyond(within: Mapping[float, float], limit: float, bounds: Sequence[float] = ()) -> float:
    """Estimate how many of a cumulative histogram took longer than a limit in seconds."""
    known = bounds or sorted(within)
    total = within[known[-1]] if known else 0.0
    at = bisect.bisect_left(known, limit)
    if at == len(known):
        return 0.0
    below, before = (known[at - 1], within[known[at - 1]]) if at else (0.0, 0.0)
    part = 1.0 if known[at] == limit else (limit - below) / (known[at] - below) if not math.isinf(known[at]) else 0.0
    return max(0.0, total - before - (within[known[at]] - before) * part)
