"""Runs the provider until it is told to end: `python -m fairway.local.identity CONFIG.json`."""

import sys
from pathlib import Path

from fairway.local.identity.settings import read_settings
from fairway.local.program import run


async def _serve(file: Path) -> None:
    settings = read_settings(file)
    from fairway.local.identity.server import serve  # noqa: PLC0415 - a faulty file is told at once

    await serve(settings)


def main(arguments: list[str]) -> int:
    """Serve what the one argument, a file of settings, says; exit code 2 where that or the users' file is faulty."""
    return run("fairway.local.identity", arguments, _serve)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
