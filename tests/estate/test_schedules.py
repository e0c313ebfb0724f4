"""Which texts are schedules of a CronJob."""

import pytest

from fairway.estate.schedules import schedule_fault


@pytest.mark.parametrize(
    "text",
    [
        "* * * * *",
        "*/15 0 1,15 * 1-5",
        "0 0 31 12 6",
        "5/10 8-18/2 ? jan-MAR sun,Mon",
        "  0  0 * * *  ",
        "@daily",
        "@every 1h30m",
    ],
)
def test_a_schedule_that_kubernetes_reads_is_right(text: str) -> None:
    """Names of months and days, steps and macros are among them."""
    assert schedule_fault(text) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("0 0 * *", "has 4 parts, where five are needed: minute, hour, day of the month, month, day of the week"),
        ("60 * * * *", "has '60' as its minute, where 0 to 59 is needed"),
        ("* 5-3 * * *", "has '5-3' as its hour, where 0 to 23 is needed"),
        ("* * 0 * *", "has '0' as its day of the month, where 1 to 31 is needed"),
        ("* * * mon *", "has 'mon' as its month, where 1 to 12 is needed"),
        ("* * * * 7", "has '7' as its day of the week, where 0 to 6 is needed"),
        ("*/0 * * * *", "has '*/0' as its minute, where 0 to 59 is needed"),
        ("*/ * * * *", "has '*/' as its minute, where 0 to 59 is needed"),
        (", * * * *", "has '' as its minute, where 0 to 59 is needed"),
        ("CRON_TZ=UTC 0 0 * * *", "names a time zone, which belongs in 'timeZone'"),
        ("@every day", "is none of @annually, @daily, @hourly, @midnight, @monthly, @weekly, @yearly"),
    ],
)
def test_a_schedule_that_kubernetes_cannot_read_is_said_to_be_wrong(text: str, why: str) -> None:
    """The words end a sentence."""
    assert schedule_fault(text) == why
