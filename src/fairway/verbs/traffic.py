"""Move requests between a service as it is and its canary, while the system runs."""

import sys
from pathlib import Path
from typing import Final

from fairway.core.errors import Exit, FairwayError
from fairway.local.control import Request, ask
from fairway.verbs.running import place

ALL: Final = 100  # percent
WITHIN: Final = 30.0  # seconds: the proxies try it first


def traffic_command(service: str, facts: Path, *, share: int | None, following: bool) -> Exit:
    """Set the canary's share, or take the *following* step that was decided; tell what it is then."""
    if share is not None and not 0 <= share <= ALL:
        raise FairwayError(f"--canary {share}: is no share. Write a number of percent, from 0 to 100.")
    answer = ask(place(facts), Request("traffic", service, -1 if share is None else share, next=following), WITHIN)
    if answer.fault:
        raise FairwayError(answer.fault)
    steps = ", ".join(f"{step} %" for step in answer.steps)
    sys.stdout.write(f"{service}: {answer.share} % of its requests go to its canary. Decided steps: {steps}.\n")
    return Exit.CLEAN
