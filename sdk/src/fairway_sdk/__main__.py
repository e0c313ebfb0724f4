"""The command of a service's own code: `python -m fairway_sdk COMMAND MODULE:NAME`, NAME being a Service there."""

import argparse
import asyncio
import importlib
import json
import pkgutil
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Final

import structlog

import fairway_sdk
from fairway_sdk.errors import FairwayError, SetupError
from fairway_sdk.service import Service
from fairway_sdk.telemetry.output import output

FINE, FAILED, WRONG = 0, 1, 2
WHERE: Final = "MODULE:NAME"

OWN: Final = frozenset({"run", "openapi"})

Act = Callable[[Service, argparse.Namespace], Coroutine[None, None, int]]


def main(words: Sequence[str] | None = None) -> int:
    """Run a command; 0 is fine, 1 found or failed, 2 wrong input."""
    given = list(sys.argv[1:] if words is None else words)
    parser = _parser(given[0] if given else "")
    if len(given) < 2 or given[1].startswith("-"):  # noqa: PLR2004 - a command and where the service is
        parser.parse_args(given)  # tells what else is wrong, or gives help
        parser.error(f"{WHERE} is missing after {given[0]}: it says where the service is")
    options = parser.parse_args([given[0], *given[2:]])
    try:
        service = load(given[1])
        if options.act is None:
            service.run()
        act: Act = options.act
        with logs_aside():
            return asyncio.run(act(service, options))
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        return WRONG
    except FairwayError as error:
        sys.stderr.write(f"{given[1]}: {error}\n")
        return FAILED


@contextmanager
def logs_aside() -> Iterator[None]:
    """Keep the log out of a command's output, which a program may read; a test's process goes on after it."""
    before = structlog.get_config()["logger_factory"]
    output.aside = True
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        yield
    finally:
        output.aside = False
        structlog.configure(logger_factory=before)


def _parser(command: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fairway_sdk",
        usage=f"python -m fairway_sdk COMMAND {WHERE} ...",
        description=f"{WHERE} says where the Service is: shop.orders:service is `service` in shop/orders.py.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True, prog="python -m fairway_sdk")
    commands.add_parser("run", help="serve until told to end").set_defaults(act=None)
    commands.add_parser("openapi", help="print the interface; needs no deployment").set_defaults(act=_openapi)
    if command not in OWN:  # a service that starts need not wait for the other commands
        for module in command_modules():
            importlib.import_module(module).add(commands)
    return parser


def command_modules() -> list[str]:
    """Name the modules of the SDK that bring commands: `command` in each of its packages."""
    rooms = [
        Path(folder) / package.name
        for folder in fairway_sdk.__path__
        for package in pkgutil.iter_modules([folder])
        if package.ispkg
    ]
    return [f"fairway_sdk.{room.name}.command" for room in rooms if (room / "command.py").is_file()]


def load(where: str) -> Service:
    """Find a service by MODULE:NAME, the current folder included; a `SetupError` says what is not there."""
    module_name, _, name = where.partition(":")
    if not module_name or not name:
        raise SetupError(f"{where}: does not say where the service is. Write {WHERE}, as in shop.orders:service.")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise  # what is missing is another module, which that one imports: its traceback says where
        raise SetupError(f"{where}: there is no module '{error.name}'. Run this where it can be imported.") from error
    found = getattr(module, name, None)
    if isinstance(found, Service):
        return found
    services = [key for key, value in vars(module).items() if isinstance(value, Service)]
    hint = f" It has {', '.join(services)}." if services else f" Make one there: {name} = Service(...)."
    if found is None:
        near = get_close_matches(name, services, 1)
        hint = f" Did you mean '{near[0]}'?" if near else hint
        raise SetupError(f"{where}: module '{module_name}' has no '{name}'.{hint}")
    raise SetupError(f"{where}: is no Service but {type(found).__name__}.{hint}")


async def _openapi(service: Service, _options: argparse.Namespace) -> int:
    if "rest" not in service.__dict__:
        raise SetupError(f"{service.name}: answers no REST, so it has no OpenAPI. Declare a route, or leave this out.")
    sys.stdout.write(json.dumps(service.rest.openapi(), indent=2, ensure_ascii=False) + "\n")
    return FINE


if __name__ == "__main__":
    sys.exit(main())
