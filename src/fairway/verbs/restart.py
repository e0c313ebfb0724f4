"""Start a service of a running system anew, after its migrations."""

import sys
from pathlib import Path

from fairway.core.errors import Exit, FairwayError
from fairway.local.control import Request, ask
from fairway.verbs.running import place


def restart_command(service: str, facts: Path) -> Exit:
    """Ask for it, and tell what is done."""
    answer = ask(place(facts), Request("restart", service))
    if answer.fault:
        raise FairwayError(answer.fault)
    sys.stdout.write(f"{', '.join(answer.names)} starts anew. See it with 'fairway status'.\n")
    return Exit.CLEAN
