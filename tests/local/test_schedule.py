"""Cron lines as the moments they name."""

from datetime import UTC, datetime, timedelta

import pytest

from fairway.core.errors import FairwayError
from fairway.local.schedule import Schedule

SUNDAY = datetime(2026, 11, 22, 9, 30, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "next_"),
    [
        ("* * * * *", "2026-11-22 09:31"),
        ("0 16 * * *", "2026-11-22 16:00"),
        ("*/15 9 * * *", "2026-11-22 09:45"),
        ("5/20 * * * *", "2026-11-22 09:45"),
        ("30 9 * * *", "2026-11-23 09:30"),
        ("0 6 * * mon-fri", "2026-11-23 06:00"),
        ("0 6 * * 0", "2026-11-29 06:00"),
        ("0 0 1 jan,jul *", "2027-01-01 00:00"),
        ("0 0 29 2 *", "2028-02-29 00:00"),
        ("0 0 24 * 3", "2026-11-24 00:00"),  # both kinds of day: either will do
        ("0 0 */30 * 1", "2027-02-01 00:00"),  # but a star with a step restricts nothing
    ],
)
def test_the_next_moment_is_the_first_that_the_line_names(line: str, next_: str) -> None:
    """After now, never now; in UTC."""
    assert f"{Schedule(line).after(SUNDAY):%Y-%m-%d %H:%M}" == next_


def test_every_minute_of_a_year_is_found_once() -> None:
    """One after another, none skipped, none twice."""
    schedule, at, count = Schedule("0 */6 * * *"), SUNDAY, 0
    while (at := schedule.after(at)) < SUNDAY + timedelta(days=365):
        count += 1
    assert count == 365 * 4


def test_a_day_that_never_comes_is_refused_and_so_is_what_is_no_line() -> None:
    """In a sentence, not by waiting for ever."""
    with pytest.raises(FairwayError, match="names a day that never comes"):
        Schedule("0 0 30 2 *").after(SUNDAY)
    with pytest.raises(FairwayError, match="has '25' as its hour"):
        Schedule("0 25 * * *")


def test_the_pause_ends_at_the_next_minute_that_is_named() -> None:
    """In seconds."""
    assert 0 <= Schedule("* * * * *").pause() <= 60
