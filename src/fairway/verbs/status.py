"""Tell how a running system is: every process, and where everything is."""

import sys
from pathlib import Path

from fairway.core.errors import Exit
from fairway.local.control import status
from fairway.verbs.output import json_text
from fairway.verbs.running import place, troubled
from fairway.verbs.status_text import status_text


def status_command(facts: Path, format_: str) -> Exit:
    """Print it; the exit code tells whether all is well."""
    found = status(place(facts))
    sys.stdout.write(json_text(found) if format_ == "json" else status_text(found))
    return Exit.FINDINGS if troubled(found) else Exit.CLEAN
