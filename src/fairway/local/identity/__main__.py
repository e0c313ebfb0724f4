"""Runs the provider until it is told to end: `python -m fairway.local.identity CONFIG.json`."""

import asyncio
import sys
from pathlib import Path

from fairway.core.errors import Exit, FairwayError
from fairway.local.identity.settings import read_settings


def main(arguments: list[str]) -> int:
    """Serve what the one argument, a file of settings, says; exit code 2 where that or the users' file is faulty."""
    if len(arguments) != 1:
        sys.stderr.write("python -m fairway.local.identity: wants one file of settings. 'fairway up' writes it.\n")
        return Exit.WRONG_INPUT
    try:
        settings = read_settings(Path(arguments[0]))
        from fairway.local.identity.server import serve  # noqa: PLC0415 - a faulty file is told at once

        asyncio.run(serve(settings))
    except ModuleNotFoundError as error:
        sys.stderr.write(f"The package '{error.name}' is not installed. Install fairway-sdk[service].\n")
        return Exit.TOOL_MISSING
    except FairwayError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit
    return Exit.CLEAN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
