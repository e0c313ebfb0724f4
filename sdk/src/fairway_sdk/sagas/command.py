"""The operator's command for sagas: list, show, resume and abandon."""

import argparse
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from fairway_sdk.sagas.log import Log, Seen
    from fairway_sdk.service import Service

FINE, FOUND = 0, 1

STATES: Final = ("running", "compensating", "stuck", "completed", "compensated", "abandoned")
UNDER_WAY: Final = STATES[:3]
SEALED: Final = "(sealed)"

EXAMPLES: Final = """examples:
  python -m fairway_sdk saga shop.orders:service list --state stuck
  python -m fairway_sdk saga shop.orders:service show 7d2f
  python -m fairway_sdk saga shop.orders:service resume 7d2f
"""


def add(commands: Any) -> None:
    """Add the command to those of `python -m fairway_sdk`."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = commands.add_parser("saga", help="sagas, and those that are stuck", epilog=EXAMPLES, formatter_class=raw)
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for verb, what, act in (
        ("list", "list those that have not ended, the oldest first; exit with 1 where any is stuck", list_sagas),
        ("show", "show what was done and undone; personal fields stay sealed", show),
        ("resume", "let one that is stuck or in a pause go on now, with all its tries", resume),
        ("abandon", "give one up: what was done stays done", abandon),
    ):
        one = verbs.add_parser(verb, help=what, description=what)
        if verb == "list":
            one.add_argument("--state", action="append", choices=STATES, help="those in this state, also ended ones")
            one.add_argument("--saga", default="", metavar="NAME", help="those of this name")
            one.add_argument("--limit", type=int, default=1000)
        else:
            one.add_argument("ids", nargs="+", metavar="ID", help="as `list` shows them")
        one.add_argument("--format", choices=("text", "json"), default="text")
        one.set_defaults(act=act)


async def list_sagas(service: "Service", options: argparse.Namespace) -> int:
    """List sagas; 1 where any of them is stuck."""
    async with _log(service) as log:
        found = await log.seen(states=options.state or UNDER_WAY, saga=options.saga, most=options.limit)
    if options.format == "json":
        _print(msgspec.json.encode([_brief(seen) for seen in found]).decode())
    elif not found:
        _print(f"{service.name}: no such sagas.")
    else:
        for seen in found:
            kept = seen.kept
            at = f"at {kept.step}, tried {kept.tries} times" if kept.step else ""
            why = kept.trouble or kept.reason
            _print("  ".join(word for word in (kept.id, kept.saga, kept.state, _age(seen), at, why) if word))
    return FOUND if any(seen.kept.state == "stuck" for seen in found) else FINE


async def show(service: "Service", options: argparse.Namespace) -> int:
    """Show sagas whole; 1 where one is not there."""
    return await _each(service, options, "find")


async def resume(service: "Service", options: argparse.Namespace) -> int:
    """Let sagas go on; 1 where one cannot."""
    return await _each(service, options, "resume")


async def abandon(service: "Service", options: argparse.Namespace) -> int:
    """Give sagas up; 1 where one cannot be."""
    return await _each(service, options, "abandon")


async def _each(service: "Service", options: argparse.Namespace, what: str) -> int:
    from fairway_sdk.sagas import operations

    found: list[Seen] = []
    failed = False
    async with _log(service) as log:
        for identity in options.ids:
            try:
                if what == "abandon":
                    found.append(await operations.abandon(log, identity, service.binding.sagas.kept))
                else:
                    found.append(await getattr(operations, what)(log, identity))
            except operations.OperationError as error:
                failed = True
                sys.stderr.write(f"{error}\n")
    if options.format == "json":
        _print(msgspec.json.format(msgspec.json.encode([_whole(seen) for seen in found])).decode())
    else:
        for seen in found:
            _print("\n".join(_lines(seen)))
    return FOUND if failed else FINE


@asynccontextmanager
async def _log(service: "Service") -> "AsyncIterator[Log]":
    """Open the log of a service that does not run."""
    if service.life.started:
        yield service.sagas.part.log
        return
    stores = service.stores.open()
    try:
        yield service.sagas.part.log
    finally:
        for store in stores:
            await store.stop()


def _brief(seen: "Seen") -> dict[str, Any]:
    kept = seen.kept
    return {
        "id": kept.id,
        "saga": kept.saga,
        "state": kept.state,
        "step": kept.step,
        "tries": kept.tries,
        "failed": kept.failed,
        "reason": kept.reason,
        "trouble": kept.trouble,
        "owner": kept.owner if seen.owned else "",
        "tenant": kept.tenant,
        "trace": kept.trace,
        "created": seen.created,
        "progressed": seen.progressed,
        "due": seen.due,
    }


def _whole(seen: "Seen") -> dict[str, Any]:
    steps = [
        {
            "step": entry.step,
            "outcome": "undone" if entry.undone else "done" if entry.done else "in doubt",
            "at": entry.at,
            "undone": entry.undone or None,
            "result": _sealed(msgspec.json.decode(entry.result)),
        }
        for entry in seen.kept.log
    ]
    return _brief(seen) | {"input": _sealed(msgspec.json.decode(seen.kept.document)), "steps": steps}


def _lines(seen: "Seen") -> Sequence[str]:
    kept, whole = seen.kept, _whole(seen)
    lines = [f"{kept.id}", f"  saga      {kept.saga}", f"  state     {kept.state}"]
    if kept.step:
        lines.append(f"  at        {kept.step}, tried {kept.tries} times")
    if seen.owned:
        lines.append(f"  owner     {kept.owner}")
    elif seen.due is not None and not kept.ended:
        lines.append(f"  goes on   {_time(seen.due)}")
    if kept.failed:
        lines.append(f"  undone    because of {kept.failed}: {kept.reason}")
    if kept.trouble:
        lines.append(f"  trouble   {kept.trouble}")
    lines.append(f"  started   {_time(seen.created)}, {_age(seen)}")
    lines.append(f"  trace     {kept.trace or 'none'}")
    lines.append(f"  input     {_text(whole['input'])}")
    for entry in whole["steps"]:
        when = f", undone {_time(entry['undone'])}" if entry["undone"] else ""
        lines.append(f"  step      {entry['step']}: {entry['outcome']}, {_time(entry['at'])}{when}")
        lines.append(f"            {_text(entry['result'])}")
    return lines


def _sealed(value: Any) -> Any:
    """Say of sealed fields that they are, instead of printing what nobody can read."""
    from fairway_sdk.personal.sealing import is_sealed

    if is_sealed(value):
        return SEALED
    if isinstance(value, dict):
        return {name: _sealed(part) for name, part in value.items()}
    return [_sealed(part) for part in value] if isinstance(value, list) else value


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _age(seen: "Seen") -> str:
    minutes, seconds = divmod(int(max(0.0, seen.now - seen.created)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min old" if hours else f"{minutes} min {seconds} s old"


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
