"""Audit, and write the report in the form that was asked for."""

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from fairway.core.errors import Exit
from fairway.verbs.check import Options, audit


def check_command(paths: Sequence[Path], options: Options, format_: str) -> Exit:
    """Print the report; the exit code is the report's."""
    report = audit(paths, options)
    form = import_module(f"fairway.verbs.check_{format_}")  # one of them is needed, and some are slow to import
    sys.stdout.write(getattr(form, f"check_{format_}")(report))
    return report.exit
