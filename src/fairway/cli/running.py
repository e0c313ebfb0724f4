"""Commands of the system that runs on this machine."""

import argparse
from pathlib import Path

from fairway.cli.commands import Commands, command, facts

# Handlers import their verb inside: `fairway --version` and a wrong option answer before any of them is loaded.
# ruff: noqa: PLC0415


def add(commands: Commands) -> None:
    """Add them."""
    _add_up(commands)
    _add_status(commands)
    _add_logs(commands)
    _add_restart(commands)
    _add_traffic(commands)
    _add_token(commands)
    _add_down(commands)


def _add_up(commands: Commands) -> None:
    up = command(commands, "up", _up, "run the whole system on this machine", "fairway up --detach")
    facts(up)
    up.add_argument("-d", "--detach", action="store_true", help="come back once it is up, and let it run")
    up.add_argument("--only", metavar="A,B", default="", help="these services alone")
    up.add_argument("--regions", action="store_true", help="a replica of each service in every region")
    up.add_argument("--isolated", action="store_true", help="proxies of each service in a process of their own")
    up.add_argument(
        "--canary",
        metavar="SERVICE=FOLDER",
        action="append",
        default=[],
        help="a second version of a service, which takes a share of its requests; may come again",
    )
    up.add_argument("--port", metavar="N", type=int, help="of the gateway (default: the first free one from 8080)")
    up.add_argument(
        "--store", metavar="NAME=URL", action="append", default=[], help="a store that runs elsewhere; may come again"
    )
    up.add_argument("--broker", metavar="URL", default="", help="a broker that runs elsewhere")
    up.add_argument("--no-mesh", action="store_true", help=argparse.SUPPRESS)  # sockets wired to one another
    up.add_argument("--no-console", action="store_true", help="without the page and what it gathers")


def _add_status(commands: Commands) -> None:
    status = command(commands, "status", _status, "tell how the running system is", "fairway status --format json")
    facts(status)
    status.add_argument("--format", choices=("text", "json"), default="text", help="default: text")


def _add_logs(commands: Commands) -> None:
    logs = command(commands, "logs", _logs, "show what its processes write", "fairway logs -f orders")
    logs.add_argument("service", metavar="SERVICE", nargs="?", help="default: all")
    facts(logs)
    logs.add_argument("-f", "--follow", action="store_true", help="go on as they write more")


def _add_restart(commands: Commands) -> None:
    restart = command(
        commands,
        "restart",
        _restart,
        "start a service anew, or now what runs to completion",
        "fairway restart orders examples/bookshop",
    )
    restart.add_argument("service", metavar="SERVICE")
    facts(restart)


def _add_traffic(commands: Commands) -> None:
    traffic = command(
        commands, "traffic", _traffic, "move a service's requests to its canary", "fairway traffic orders --canary 25"
    )
    traffic.add_argument("service", metavar="SERVICE")
    facts(traffic)
    traffic.add_argument("--canary", metavar="PERCENT", type=int, help="its share from now on")
    traffic.add_argument("--next", action="store_true", help="the next step that was decided")


def _add_token(commands: Commands) -> None:
    token = command(
        commands, "token", _token, "print a token of the local system that runs", "fairway token --user ann"
    )
    facts(token)
    token.add_argument(
        "--user", metavar="NAME", required=True, help="one of users.yaml, or a demo user: ann, ben, cleo"
    )
    token.add_argument("--tenant", metavar="NAME", default="", help="default: the user's only one")
    token.add_argument("--scope", metavar="WORDS", default="", help="with spaces between; default: all of the user's")
    token.add_argument("--audience", metavar="NAME", default="", help="default: the provider's first")
    token.add_argument("--format", choices=("text", "json"), default="text", help="default: text")


def _add_down(commands: Commands) -> None:
    down = command(commands, "down", _down, "end the running system; its data stays", "fairway down")
    facts(down)
    down.add_argument("--delete-data", action="store_true", help="delete its data, keys and logs, too; asks first")
    down.add_argument("--yes", action="store_true", help="do not ask")


def _up(options: argparse.Namespace) -> int:
    from fairway.local.bytecode import keep_bytecode
    from fairway.local.preloading import begin

    keep_bytecode()  # before all that is imported from here on, here and in what is started
    begun = None if options.detach else begin()
    from fairway.verbs.up import up_command
    from fairway.verbs.up_planned import Options

    chosen = Options(
        detach=options.detach,
        only=tuple(filter(None, options.only.split(","))),
        regions=options.regions,
        isolated=options.isolated,
        canaries=tuple(options.canary),
        port=options.port,
        stores=tuple(options.store),
        broker=options.broker,
        mesh=not options.no_mesh,
        console=not options.no_console,
    )
    try:
        return up_command(options.facts, chosen, options.words, begun)
    finally:
        if begun is not None:
            begun.end()


def _status(options: argparse.Namespace) -> int:
    from fairway.verbs.status import status_command

    return status_command(options.facts, options.format)


def _logs(options: argparse.Namespace) -> int:
    from fairway.verbs.logs import logs_command

    service: str | None = options.service
    if service is not None and ("/" in service or service.startswith(".")):  # no service has such a name: it is PATH
        return logs_command(Path(service), None, follow=options.follow)
    return logs_command(options.facts, service, follow=options.follow)


def _restart(options: argparse.Namespace) -> int:
    from fairway.verbs.restart import restart_command

    return restart_command(options.service, options.facts)


def _traffic(options: argparse.Namespace) -> int:
    from fairway.verbs.traffic import traffic_command

    return traffic_command(options.service, options.facts, share=options.canary, following=options.next)


def _token(options: argparse.Namespace) -> int:
    from fairway.local.identity.asking import Asked
    from fairway.verbs.token import token_command

    asked = Asked(user=options.user, tenant=options.tenant, scope=options.scope, audience=options.audience)
    return token_command(options.facts, asked, options.format)


def _down(options: argparse.Namespace) -> int:
    from fairway.verbs.down import down_command

    return down_command(options.facts, delete_data=options.delete_data, yes=options.yes)
