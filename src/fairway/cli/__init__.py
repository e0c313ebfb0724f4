"""The command line: parse, call one verb, print, exit. Verbs are imported only when they are called."""

import errno
import sys
from collections.abc import Sequence

from fairway import __version__
from fairway.cli import auditing, running, writing
from fairway.cli.commands import Handler, Parser
from fairway.streams import for_programs, give_up, prepare, say

INTERRUPTED = 128 + 2  # as a shell counts a program that SIGINT ended
READER_GONE = 128 + 13  # as SIGPIPE: an audit cut short by `| head` may not pass for a clean one


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give back its exit code: 0 clean, 1 findings, 2 wrong input, 3 a tool is missing."""
    prepare()
    try:
        options = _parser().parse_args(arguments)
        options.words = sys.argv[1:] if arguments is None else list(arguments)
        if getattr(options, "format", "text") != "text":
            for_programs()
        handler: Handler = options.handler
        code = handler(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        say("Interrupted.")
        return INTERRUPTED
    except BrokenPipeError:
        give_up(sys.stdout)
        return READER_GONE
    except OSError as error:
        give_up(sys.stdout)
        gone = "the current folder" if error.errno == errno.ENOENT else "standard output"
        say(f"{error.filename or gone}: {error.strerror}. Mend this and try again.")
        return 2
    except Exception as error:
        from fairway.core.errors import BadRegistryError, FairwayError, WrongInputError  # noqa: PLC0415 - rarely

        if isinstance(error, BadRegistryError) or not isinstance(error, FairwayError):
            raise
        say(str(error))
        if isinstance(error, WrongInputError):
            count = len(error.problems)
            say(f"{count} problem{'s' if count > 1 else ''}; nothing was done.")
        return error.exit
    return code


def _parser() -> Parser:
    parser = Parser(
        prog="fairway",
        description="Plan, build and check a microservice system by a written production standard.",
        epilog="Start with: fairway plan examples/bookshop",
    )
    parser.add_argument("--version", action="version", version=f"fairway {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)
    for group in (writing, auditing, running):
        group.add(commands)
    return parser
