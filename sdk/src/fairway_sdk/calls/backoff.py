"""The pauses between tries: doubling, so that a callee in need is asked less and less, and never in step."""

import random

from fairway_sdk.contract.binding import Retries


def pause(retries: Retries, failed: int) -> float:
    """Give the seconds to wait after so many failures: the whole of the doubled pause, or down to half of it."""
    whole = min(retries.longest_pause, retries.first_pause * 2.0 ** min(failed - 1, 60))
    return whole * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, protects nothing
