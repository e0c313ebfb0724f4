"""The operator's command for dead letters: list, show, redrive and drop."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from fairway_sdk.events.inbox import DeadLetter
    from fairway_sdk.service import Service

FINE, FOUND, WRONG = 0, 1, 2


def add(commands: Any) -> None:
    """Add the command to those of `python -m fairway_sdk`."""
    parser = commands.add_parser("dead-letters", help="events and deferred work that were given up")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for verb, what, act in (
        ("list", "list them, the oldest first; exit with 1 where there are any", list_letters),
        ("show", "show them whole; personal fields stay sealed", show),
        ("redrive", "put them back with all their tries", redrive),
        ("drop", "remove them for good", drop),
    ):
        one = verbs.add_parser(verb, help=what)
        if verb != "list":
            one.add_argument("ids", nargs="*", metavar="ID", help="as `list` shows them")
            one.add_argument("--all", action="store_true", help="all, or all of the channel")
        one.add_argument("--channel", default="", help="of this channel only")
        one.add_argument("--limit", type=int, default=1000)
        one.add_argument("--format", choices=("text", "json"), default="text")
        one.set_defaults(act=act)


async def list_letters(service: "Service", options: argparse.Namespace) -> int:
    """List the dead letters; 1 where there are any."""
    from fairway_sdk.events import dead_letters

    async with dead_letters.opened(service):
        found = await dead_letters.find(service, options.channel, limit=options.limit)
    if options.format == "json":
        _print(msgspec.json.encode(found).decode())
    elif not found:
        _print(f"{service.name}: no dead letters.")
    else:
        for letter in found:
            _print(f"{letter.id}  {letter.channel}  {letter.kind or '?'}  {_time(letter.parked)}  {_why(letter)}")
    return FOUND if found else FINE


async def show(service: "Service", options: argparse.Namespace) -> int:
    """Show dead letters whole; 1 where one is not there."""
    from fairway_sdk.events import dead_letters

    async with dead_letters.opened(service):
        ids = await _chosen(service, options)
        found = await dead_letters.find(service, options.channel, ids, options.limit) if ids else []
    if options.format == "json":
        _print(msgspec.json.format(msgspec.json.encode([_with_text(letter) for letter in found])).decode())
    for letter in found if options.format == "text" else ():
        _print(
            f"{letter.id}\n  channel   {letter.channel}\n  kind      {letter.kind or '?'}\n  event     {letter.event}"
        )
        _print(
            f"  received  {_time(letter.received)}\n  parked    {_time(letter.parked)}, tried {letter.attempts} times"
        )
        _print(f"  why       {_why(letter)}\n  document  {_text(letter.document or b'')}")
    return _missing(ids, [letter.id for letter in found])


async def redrive(service: "Service", options: argparse.Namespace) -> int:
    """Put dead letters back; 1 where one is not there."""
    from fairway_sdk.events import dead_letters

    return await _change(service, options, dead_letters.redrive, "put back")


async def drop(service: "Service", options: argparse.Namespace) -> int:
    """Remove dead letters; 1 where one is not there."""
    from fairway_sdk.events import dead_letters

    return await _change(service, options, dead_letters.drop, "removed")


async def _change(service: "Service", options: argparse.Namespace, change: Any, done: str) -> int:
    from fairway_sdk.events import dead_letters

    if not options.ids and not options.all:
        sys.stderr.write(f"{service.name}: name the dead letters by their ids, or say --all.\n")
        return WRONG
    async with dead_letters.opened(service):
        ids = await _chosen(service, options)
        there = (
            [letter.id for letter in await dead_letters.find(service, options.channel, ids, options.limit)]
            if ids
            else []
        )
        count = await change(service, there)
    if options.format == "json":
        _print(msgspec.json.encode({"count": count}).decode())
    else:
        _print(f"{service.name}: {count} {done}.")
    return _missing(ids, there)


async def _chosen(service: "Service", options: argparse.Namespace) -> list[str]:
    from fairway_sdk.events import dead_letters

    if options.ids or not options.all:
        return list(options.ids)
    return [letter.id for letter in await dead_letters.find(service, options.channel, limit=options.limit)]


def _missing(ids: Sequence[str], there: Sequence[str]) -> int:
    missing = set(ids).difference(there)
    for id_ in sorted(missing):
        sys.stderr.write(f"{id_}: is no dead letter here. `list` shows those that are.\n")
    return FOUND if missing else FINE


def _why(letter: "DeadLetter") -> str:
    told = ": ".join(part for part in (letter.error, letter.message) if part)
    return f"{letter.reason} ({told})" if told else letter.reason


def _with_text(letter: "DeadLetter") -> dict[str, Any]:
    return {**msgspec.to_builtins(letter), "document": _text(letter.document or b"")}


def _text(document: bytes) -> str:
    return document.decode(errors="backslashreplace")


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
