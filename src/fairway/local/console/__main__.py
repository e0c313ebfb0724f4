"""Runs telemetry and console until told to end: `python -m fairway.local.console SETTINGS.json`."""

import asyncio
import sys
from pathlib import Path

import msgspec

from fairway.core.errors import Exit, FairwayError
from fairway.local.telemetry.settings import Settings


async def _run(settings: Settings) -> None:
    from fairway.local.console.server import serve  # noqa: PLC0415 - a faulty file is told at once
    from fairway.local.telemetry import Telemetry  # noqa: PLC0415

    async with Telemetry(settings) as telemetry:
        await serve(settings, telemetry)


def main(arguments: list[str]) -> int:
    """Serve what the one argument, a file of settings, says; exit code 2 where that is faulty or a port is taken."""
    if len(arguments) != 1:
        sys.stderr.write("python -m fairway.local.console: wants one file of settings. 'fairway up' writes it.\n")
        return Exit.WRONG_INPUT
    try:
        asyncio.run(_run(msgspec.json.decode(Path(arguments[0]).read_bytes(), type=Settings)))
    except ModuleNotFoundError as error:
        sys.stderr.write(f"The package '{error.name}' is not installed. Install fairway-sdk[service].\n")
        return Exit.TOOL_MISSING
    except (msgspec.DecodeError, OSError) as error:
        sys.stderr.write(f"{arguments[0]}: cannot be read: {error}.\n")
        return Exit.WRONG_INPUT
    except FairwayError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit
    return Exit.CLEAN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
