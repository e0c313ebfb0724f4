"""Runs telemetry and console until told to end: `python -m fairway.local.console SETTINGS.json`."""

import sys
from pathlib import Path

from fairway.local.program import read, run
from fairway.local.telemetry.settings import Settings


async def _serve(file: Path) -> None:
    settings = read(file, Settings)
    from fairway.local.console.server import serve  # noqa: PLC0415 - a faulty file is told at once
    from fairway.local.telemetry import Telemetry  # noqa: PLC0415

    async with Telemetry(settings) as telemetry:
        await serve(settings, telemetry)


def main(arguments: list[str]) -> int:
    """Serve what the one argument, a file of settings, says; exit code 2 where that is faulty or a port is taken."""
    return run("fairway.local.console", arguments, _serve)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
