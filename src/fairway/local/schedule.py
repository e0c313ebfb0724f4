"""When something runs that is scheduled by a cron line, in UTC as in a cluster."""

import time
from datetime import UTC, datetime, timedelta

from fairway.core.errors import FairwayError
from fairway.estate.schedules import PARTS, Part, schedule_fault

LONGEST_LOOK = timedelta(days=8 * 366)  # the 29th of February is never further away


class Schedule:
    """A cron line's five parts, each as the numbers that it takes."""

    def __init__(self, line: str) -> None:
        """Take a line such as `0 16 * * *`; `FairwayError` where it is none, or for a day that never comes."""
        self._line = line
        if fault := schedule_fault(line):
            raise FairwayError(f"schedule {line!r}: {fault}.")
        words = line.split()
        self._minutes, self._hours, self._days, self._months, self._weekdays = (
            {number for item in word.split(",") for number in _numbers(part, item)}
            for part, word in zip(PARTS, words, strict=True)
        )
        self._any_day, self._any_weekday = words[2][0] in "*?", words[4][0] in "*?"

    def after(self, moment: datetime | None = None) -> datetime:
        """Give the first minute after a moment, or after now, that it names."""
        at = (moment or datetime.now(UTC)).replace(second=0, microsecond=0) + timedelta(minutes=1)
        end = at + LONGEST_LOOK
        while at < end:
            if at.month not in self._months or not self._is_day(at):
                at = at.replace(hour=0, minute=0) + timedelta(days=1)
            elif at.hour not in self._hours:
                at = at.replace(minute=0) + timedelta(hours=1)
            elif at.minute not in self._minutes:
                at += timedelta(minutes=1)
            else:
                return at
        raise FairwayError(f"schedule {self._line!r}: names a day that never comes.")

    def pause(self) -> float:
        """Tell how many seconds it is until then."""
        return max(0.0, self.after().timestamp() - time.time())

    def _is_day(self, at: datetime) -> bool:
        """Tell whether a day is named: where both kinds of day are restricted, either will do."""
        day, weekday = at.day in self._days, at.isoweekday() % 7 in self._weekdays
        return day and weekday if self._any_day or self._any_weekday else day or weekday


def _numbers(part: Part, item: str) -> range:
    span, _, step = item.partition("/")
    first, dash, last = span.partition("-")
    low = part.least if span in {"*", "?"} else part.number(first) or 0
    high = part.most if span in {"*", "?"} or (step and not dash) else (part.number(last) or 0) if dash else low
    return range(low, high + 1, int(step or 1))
