"""What our own programs have around their work: one file of settings, and a sentence where something is wrong."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from fairway.core.errors import Exit, FairwayError

T = TypeVar("T")


def run(module: str, arguments: list[str], serve: Callable[[Path], Awaitable[None]]) -> int:
    """Serve what the one argument, a file of settings, says, and give the exit code: 2 where it is faulty."""
    if len(arguments) != 1:
        sys.stderr.write(f"python -m {module}: wants one file of settings. 'fairway up' writes it.\n")
        return Exit.WRONG_INPUT
    try:
        asyncio.run(_served(serve, Path(arguments[0])))
    except ModuleNotFoundError as error:
        sys.stderr.write(f"The package '{error.name}' is not installed. Install fairway-sdk[service].\n")
        return Exit.TOOL_MISSING
    except FairwayError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit
    return Exit.CLEAN


def read(file: Path, kind: type[T]) -> T:
    """Read a file of settings; a `FairwayError` says what is wrong with it."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=kind)
    except OSError as error:
        raise FairwayError(f"{file}: {error.strerror}. 'fairway up' writes it.") from error
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise FairwayError(f"{file}: {error}. 'fairway up' writes it; start that anew.") from error


async def _served(serve: Callable[[Path], Awaitable[None]], file: Path) -> None:
    await serve(file)
