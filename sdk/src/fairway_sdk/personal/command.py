"""The operator's commands for personal data: a person's export and erasure, legal holds, retention, master keys."""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from fairway_sdk.errors import SetupError

if TYPE_CHECKING:
    from fairway_sdk.service import Service

FINE, FAILED = 0, 1


def add(commands: Any) -> None:
    """Add the commands to those of `python -m fairway_sdk`."""
    parser = commands.add_parser("person", help="export, erase or hold what is kept about a person")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    one = _verb(verbs, "export", "print everything that is kept about a person, as JSON", _export, formats=False)
    one.add_argument("person", metavar="PERSON")
    one = _verb(verbs, "erase", "destroy a person's key, for all services, and remove what need not stay here", _erase)
    who = one.add_mutually_exclusive_group(required=True)
    who.add_argument("person", metavar="PERSON", nargs="?", default="")
    who.add_argument("--again", action="store_true", help="all who were erased: after the keyring was restored")
    who.add_argument("--from", dest="file", metavar="FILE", help="all of a list that `person erased` printed")
    one = _verb(verbs, "erased", "list erasures, naming nobody: keep it apart from the backups of the keyring", _erased)
    one.add_argument("--since", metavar="DATE", default="1970-01-01", help="as 2026-11-30, in UTC")
    one = _verb(verbs, "hold", "keep a person's data from erasure and retention, in all services", _hold)
    one.add_argument("person", metavar="PERSON")
    one.add_argument("--reason", required=True, help="a case's number; it is stored and shown, so name nobody")
    one = _verb(verbs, "release", "end a hold", _release)
    one.add_argument("person", metavar="PERSON")
    parser = commands.add_parser("retention", help="let go what is older than it may be; run it every day")
    parser.add_argument("--dry-run", action="store_true", help="only tell what would go")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.set_defaults(act=_retention)
    parser = commands.add_parser("rewrap", help="wrap all keys of persons by the first master key")
    parser.set_defaults(act=_rewrap)


def _verb(verbs: Any, name: str, what: str, act: Any, *, formats: bool = True) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=what)
    if formats:
        parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.set_defaults(act=act)
    return parser


async def _export(service: "Service", options: argparse.Namespace) -> int:
    from fairway_sdk.personal.person import export

    _print(_json(await export(service, options.person), indent=2))
    return FINE


async def _erase(service: "Service", options: argparse.Namespace) -> int:
    from fairway_sdk.personal.person import Erasure, erase, erase_again

    if options.again or options.file:
        listed = _read(Path(options.file), Erasure) if options.file else None
        count = await erase_again(service, listed)
        text = (
            f"{service.name}: {count} keys were there again, and are destroyed. Run it in one service; it is for all."
        )
        _print(_json({"erased-again": count}) if options.format == "json" else text)
        return FINE
    found = await erase(service, options.person)
    if options.format == "json":
        _print(_json(found))
        return FINE
    _print(f"{service.name}: the key is destroyed{', and was before' if found.before else ''}, in all services.")
    _print(f"Replicas forget it within {found.everywhere_within:g} s.")
    for what, counts in (
        ("deleted", found.deleted),
        ("not found by their indexes any more", found.unlinked),
        ("kept, and unreadable", found.unreadable),
    ):
        for table, count in counts.items():
            _print(f"{table}: {count} rows {what}.")
    _print(f"Events removed from inbox and outbox: {found.events}. Sessions ended: {found.sessions}.")
    _print("Run it in each service that keeps rows of the person. An older copy of the keyring's store still holds the")
    _print("key: see `person erased` for the list to apply after a restore, and `rewrap` to make such copies useless.")
    return FINE


async def _erased(service: "Service", options: argparse.Namespace) -> int:
    from fairway_sdk.personal.person import erasures

    try:
        since = datetime.fromisoformat(options.since).replace(tzinfo=UTC).timestamp()
    except ValueError as error:
        raise SetupError(f"--since {options.since}: is no date. Write it as 2026-11-30.") from error
    for erasure in await erasures(service, since):
        when = datetime.fromtimestamp(erasure.erased, UTC).isoformat(timespec="seconds")
        _print(_json(erasure) if options.format == "json" else f"{erasure.alias}  {when}")
    return FINE


async def _hold(service: "Service", options: argparse.Namespace) -> int:
    return await _change_hold(service, options, options.reason)


async def _release(service: "Service", options: argparse.Namespace) -> int:
    return await _change_hold(service, options, None)


async def _change_hold(service: "Service", options: argparse.Namespace, reason: str | None) -> int:
    from fairway_sdk.personal.rows import opened

    async with opened(service):
        await service.keyring.hold(options.person, reason)
    if options.format == "json":
        _print(_json({"held": reason}))
    else:
        held = "held: neither erasure nor retention touches their data" if reason else "not held any more"
        _print(f"{service.name}: the person is {held}, in all services.")
    return FINE


async def _retention(service: "Service", options: argparse.Namespace) -> int:
    from fairway_sdk.personal.retention import purge

    found = await purge(service, dry_run=options.dry_run)
    if options.format == "json":
        _print(_json(found))
    else:
        for one in found:
            went = "would go" if options.dry_run else "went"
            _print(
                f"{one.table}: {one.fault}" if one.fault else f"{one.table}: {one.gone} {went}, {one.held} are held."
            )
        if not found:
            _print(f"{service.name}: nothing here has a time after which it goes.")
    return FAILED if any(one.fault for one in found) else FINE


async def _rewrap(service: "Service", _options: argparse.Namespace) -> int:
    from fairway_sdk.personal.rows import opened

    async with opened(service):
        count = await service.keyring.rewrap()
        first = service.keyring.masters().first
    _print(f"{service.name}: {count} keys were wrapped by another master key; all are by {first} now. Once the others")
    _print("are out of the secret and destroyed, no older copy of the keyring's store opens.")
    return FINE


def _read(file: Path, kind: type[Any]) -> list[Any]:
    try:
        lines = file.read_text().splitlines()
        return [_erasure(line, kind) for line in lines if line.strip()]
    except OSError as error:
        raise SetupError(f"{file}: cannot be read: {error.strerror}.") from error
    except (msgspec.DecodeError, ValueError) as error:
        raise SetupError(f"{file}: is no list of erasures ({error}). Give one that `person erased` printed.") from error


def _erasure(line: str, kind: type[Any]) -> Any:
    """Read a line of either format."""
    if line.startswith("{"):
        return msgspec.json.decode(line, type=kind)
    alias, when = line.split()
    return kind(alias, datetime.fromisoformat(when).timestamp())


def _json(value: object, indent: int = 0) -> str:
    text = msgspec.json.encode(value, enc_hook=str)
    return (msgspec.json.format(text, indent=indent) if indent else text).decode()


def _print(*lines: str) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
