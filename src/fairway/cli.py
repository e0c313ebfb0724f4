"""The command line: parse, call one verb, print, exit. Verbs are imported only when they are called."""

import argparse
import errno
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from fairway import __version__
from fairway.streams import for_programs, give_up, prepare, say

Handler = Callable[[argparse.Namespace], int]

INTERRUPTED = 128 + 2  # as a shell counts a program that SIGINT ended
READER_GONE = 128 + 13  # as SIGPIPE: an audit cut short by `| head` may not pass for a clean one


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors say what to do."""

    def error(self, message: str) -> NoReturn:
        """Print the fault and the way to help; exit with the code for wrong input."""
        say(f"{self.prog}: {message}. See '{self.prog} --help'.")
        sys.exit(2)


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
        from fairway.core.errors import BadRegistryError, FairwayError, WrongInputError

        if isinstance(error, BadRegistryError) or not isinstance(error, FairwayError):
            raise
        say(str(error))
        if isinstance(error, WrongInputError):
            count = len(error.problems)
            say(f"{count} problem{'s' if count > 1 else ''}; nothing was done.")
        return error.exit
    return code


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="fairway",
        description="Plan, build and check a microservice system by a written production standard.",
        epilog="Start with: fairway plan examples/bookshop",
    )
    parser.add_argument("--version", action="version", version=f"fairway {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Parser)

    init = _command(commands, "init", _init, "begin a new system with its first fairway.yaml", "fairway init shop")
    init.add_argument("folder", metavar="DIR", nargs="?", type=Path, default=Path(), help="where (default: here)")

    plan = _command(commands, "plan", _plan, "walk the standard, decide, and say why", "fairway plan --service orders")
    _facts(plan)
    plan.add_argument("--service", metavar="NAME", help="show one service only")
    plan.add_argument("--full", action="store_true", help="say why for every decision, and what was not chosen")
    plan.add_argument("--format", choices=("text", "json", "svg"), default="text", help="default: text")

    build = _command(commands, "build", _build, "render every artefact", "fairway build -o deploy")
    _facts(build)
    build.add_argument(
        "-o", "--output", metavar="DIR", type=Path, help="where to write (default: deploy/ beside the facts)"
    )
    build.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 where the files differ from the facts"
    )
    build.add_argument("--overwrite", action="store_true", help="replace files that were changed by hand")
    build.add_argument("--format", choices=("text", "json"), default="text", help="default: text")

    check = _command(commands, "check", _check, "audit manifests against the standard", "fairway check deploy/")
    check.description = (
        "Audit manifests against the standard. Exit code: 0 no errors (warnings alone are clean), 1 errors, "
        "2 something cannot be read or there is nothing to audit, 3 a tool is missing."
    )
    check.add_argument(
        "paths", metavar="PATH", nargs="*", type=Path, help="files or folders (default: deploy/ or here)"
    )
    check.add_argument(
        "--format", choices=("text", "json", "sarif", "junit", "github"), default="text", help="default: text"
    )
    check.add_argument(
        "--fail-on", choices=("error", "warning", "never"), default="error", help="what gives exit code 1"
    )
    check.add_argument(
        "--suppressions",
        metavar="FILE",
        type=Path,
        help="what is accepted, why, until when (default: fairway-check.yaml)",
    )
    check.add_argument("--baseline", metavar="FILE", type=Path, help="show only what is not in it")
    check.add_argument("--write-baseline", metavar="FILE", type=Path, help="write what is found now")

    why = _command(
        commands, "why", _why, "say which decision is behind a built file or line", "fairway why deploy/.../hpa.yaml:12"
    )
    why.add_argument("place", metavar="FILE[:LINE]")
    why.add_argument("--format", choices=("text", "json"), default="text", help="default: text")

    binding = _command(
        commands,
        "binding",
        _binding,
        "show what a running service is told",
        "fairway binding orders --environment staging",
    )
    binding.add_argument("service", metavar="SERVICE")
    _facts(binding)
    binding.add_argument("--environment", metavar="NAME", help="default: the first that fits")
    binding.add_argument("--region", metavar="NAME", help="default: the first that fits")
    binding.set_defaults(format="json")

    _running(commands)

    token = _command(
        commands, "token", _token, "print a token of the local system that runs", "fairway token --user ann"
    )
    _facts(token)
    token.add_argument(
        "--user", metavar="NAME", required=True, help="one of users.yaml, or a demo user: ann, ben, cleo"
    )
    token.add_argument("--tenant", metavar="NAME", default="", help="default: the user's only one")
    token.add_argument("--scope", metavar="WORDS", default="", help="with spaces between; default: all of the user's")
    token.add_argument("--audience", metavar="NAME", default="", help="default: the provider's first")
    token.add_argument("--format", choices=("text", "json"), default="text", help="default: text")

    rules = _command(commands, "rules", _rules, "show the catalogue, or one rule", "fairway rules design/saga")
    rules.add_argument("rule", metavar="ID", nargs="?")
    rules.add_argument("--format", choices=("text", "json"), default="text", help="default: text")

    schema = _command(
        commands, "schema", _schema, "print the JSON Schema of fairway.yaml", "fairway schema > fairway.schema.json"
    )
    schema.set_defaults(format="json")
    return parser


def _running(commands: "argparse._SubParsersAction[_Parser]") -> None:
    """Add the commands about a system that runs on this machine."""
    up = _command(commands, "up", _up, "run the whole system on this machine", "fairway up --detach")
    _facts(up)
    up.add_argument("-d", "--detach", action="store_true", help="come back once it is up, and let it run")
    up.add_argument("--only", metavar="A,B", default="", help="these services alone")
    up.add_argument("--regions", action="store_true", help="a replica of each service in every region")
    up.add_argument("--port", metavar="N", type=int, help="of the gateway (default: the first free one from 8080)")
    up.add_argument(
        "--store", metavar="NAME=URL", action="append", default=[], help="a store that runs elsewhere; may come again"
    )
    up.add_argument("--broker", metavar="URL", default="", help="a broker that runs elsewhere")
    up.add_argument("--no-mesh", action="store_true", help=argparse.SUPPRESS)  # sockets wired to one another
    up.add_argument("--no-console", action="store_true", help="without the page and what it gathers")

    status = _command(commands, "status", _status, "tell how the running system is", "fairway status --format json")
    _facts(status)
    status.add_argument("--format", choices=("text", "json"), default="text", help="default: text")

    logs = _command(commands, "logs", _logs, "show what its processes write", "fairway logs -f orders")
    logs.add_argument("service", metavar="SERVICE", nargs="?", help="default: all")
    logs.add_argument("-f", "--follow", action="store_true", help="go on as they write more")
    _at(logs)

    restart = _command(commands, "restart", _restart, "start a service anew", "fairway restart orders")
    restart.add_argument("service", metavar="SERVICE")
    _at(restart)

    down = _command(commands, "down", _down, "end the running system; its data stays", "fairway down")
    _facts(down)
    down.add_argument("--delete-data", action="store_true", help="delete its data, keys and logs, too; asks first")
    down.add_argument("--yes", action="store_true", help="do not ask")


def _command(
    commands: "argparse._SubParsersAction[_Parser]", name: str, handler: Handler, says: str, example: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(
        name, help=says, description=f"{says[0].upper()}{says[1:]}.", epilog=f"Example: {example}"
    )
    command.set_defaults(handler=handler)
    return command


def _facts(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "facts", metavar="PATH", nargs="?", type=Path, default=Path(), help="fairway.yaml or its folder (default: here)"
    )


def _at(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--at",
        metavar="PATH",
        dest="facts",
        type=Path,
        default=Path(),
        help="fairway.yaml or its folder (default: here)",
    )


# Handlers import their verb inside: `fairway --version` and a wrong option answer before any of them is loaded.
# ruff: noqa: PLC0415


def _init(options: argparse.Namespace) -> int:
    from fairway.verbs.init import init

    print(init(options.folder), end="")
    return 0


def _plan(options: argparse.Namespace) -> int:
    from fairway.verbs.workspace import open_system

    workspace = open_system(options.facts)
    if options.service is not None:
        workspace.require_service(options.service)
    plan = workspace.today_plan
    if options.format == "json":
        from fairway.verbs.plan_json import plan_json

        sys.stdout.write(plan_json(plan, workspace.rules, options.service))
    elif options.format == "svg":
        from fairway.verbs.plan_map import plan_map

        sys.stdout.write(plan_map(plan, workspace.rooms, workspace.landscape, options.service))
    else:
        from fairway.verbs.plan_text import plan_text

        full = options.full or options.service is not None
        sys.stdout.write(plan_text(plan, workspace.landscape, workspace.rules, only=options.service, full=full))
    return 0


def _binding(options: argparse.Namespace) -> int:
    from fairway.verbs.bind import binding_command

    return binding_command(options.facts, options.service, options.environment, options.region)


def _token(options: argparse.Namespace) -> int:
    from fairway.local.identity.asking import Asked
    from fairway.verbs.token import token_command

    asked = Asked(user=options.user, tenant=options.tenant, scope=options.scope, audience=options.audience)
    return token_command(options.facts, asked, options.format)


def _rules(options: argparse.Namespace) -> int:
    from fairway.verbs import rules
    from fairway.verbs.workspace import standard

    rooms = standard()
    found = None if options.rule is None else rules.find(rooms, options.rule)
    if options.format == "json":
        from fairway.verbs.output import json_text

        every = rules.entries(rooms)
        print(json_text(every if found is None else next(entry for entry in every if entry["id"] == found.id)), end="")
    else:
        print(rules.catalogue_text(rooms) if found is None else rules.rule_text(found), end="")
    return 0


def _schema(_: argparse.Namespace) -> int:
    from fairway.verbs.schema import schema

    print(schema(), end="")
    return 0


def _up(options: argparse.Namespace) -> int:
    from fairway.verbs.up import Options, up_command

    chosen = Options(
        detach=options.detach,
        only=tuple(filter(None, options.only.split(","))),
        regions=options.regions,
        port=options.port,
        stores=tuple(options.store),
        broker=options.broker,
        mesh=not options.no_mesh,
        console=not options.no_console,
    )
    return up_command(options.facts, chosen, options.words)


def _status(options: argparse.Namespace) -> int:
    from fairway.verbs.status import status_command

    return status_command(options.facts, options.format)


def _logs(options: argparse.Namespace) -> int:
    from fairway.verbs.logs import logs_command

    return logs_command(options.facts, options.service, follow=options.follow)


def _restart(options: argparse.Namespace) -> int:
    from fairway.verbs.restart import restart_command

    return restart_command(options.service, options.facts)


def _down(options: argparse.Namespace) -> int:
    from fairway.verbs.down import down_command

    return down_command(options.facts, delete_data=options.delete_data, yes=options.yes)


def _build(options: argparse.Namespace) -> int:
    from fairway.verbs.build import build_command

    return build_command(
        options.facts, options.output, check=options.check, overwrite=options.overwrite, format_=options.format
    )


def _check(options: argparse.Namespace) -> int:
    from fairway.verbs.check import Options
    from fairway.verbs.check_command import check_command

    chosen = Options(
        suppressions=options.suppressions,
        baseline=options.baseline,
        write_baseline=options.write_baseline,
        fail_on=options.fail_on,
    )
    return check_command(options.paths, chosen, options.format)


def _why(options: argparse.Namespace) -> int:
    from fairway.verbs.why import why_command

    return why_command(options.place, options.format)
