"""Pauses between tries at a broker. They are the network's, so a test's clock does not hold them still."""

import random

FIRST_PAUSE = 0.1  # seconds before the second try; doubling
LONGEST_PAUSE = 2.0


def pause(failures: int) -> float:
    """Give the seconds to wait after so many failures in a row: with jitter, so that replicas do not come as one."""
    longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(failures - 1, 10))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, protects nothing
