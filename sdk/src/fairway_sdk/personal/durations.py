"""Durations as authors declare them: a number and its unit, as in the facts of a system."""

from typing import Final

UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "y": 365 * 86400.0}
FOREVER: Final = "forever"


def seconds(duration: str) -> float | None:
    """Tell how many seconds a duration is: '30d' is 2592000; none for 'forever'."""
    if duration == FOREVER:
        return None
    number, unit = duration[:-1], duration[-1:]
    if not number.isascii() or not number.isdigit() or unit not in UNITS or int(number) == 0:
        raise ValueError(f"'{duration}' is no duration. Write a number and its unit, as in 12h, 30d or 2y, or forever.")
    return int(number) * UNITS[unit]
