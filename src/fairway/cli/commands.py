"""How a command is added to the command line."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, TypeAlias

from fairway.streams import say

Handler: TypeAlias = Callable[[argparse.Namespace], int]


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors say what to do."""

    def error(self, message: str) -> NoReturn:
        """Print the fault and the way to help; exit with the code for wrong input."""
        say(f"{self.prog}: {message}. See '{self.prog} --help'.")
        sys.exit(2)


Commands: TypeAlias = "argparse._SubParsersAction[Parser]"  # noqa: SLF001 - argparse has no public name for it


def command(commands: Commands, name: str, handler: Handler, says: str, example: str) -> argparse.ArgumentParser:
    """Add a command with its sentence and an example."""
    added = commands.add_parser(
        name, help=says, description=f"{says[0].upper()}{says[1:]}.", epilog=f"Example: {example}"
    )
    added.set_defaults(handler=handler)
    return added


def facts(command: argparse.ArgumentParser) -> None:
    """Let a command take the place of the facts."""
    command.add_argument(
        "facts", metavar="PATH", nargs="?", type=Path, default=Path(), help="fairway.yaml or its folder (default: here)"
    )
