"""A running system as a person reads it: where it is, and every process with its health."""

import time
from collections.abc import Iterator
from typing import Final

from fairway.local.control import Status
from fairway.local.supervisor import State, View

MARKS: Final[dict[State, str]] = {
    "ready": "+",
    "done": "+",
    "starting": ".",
    "waiting": ".",
    "stopping": ".",
    "stopped": "-",
    "not-ready": "!",
    "crashed": "!",
    "failed": "!",
}
PARTS: Final = ("store", "broker", "outside", "identity", "telemetry", "proxy", "job", "service")


def status_text(status: Status) -> str:
    """Write all of it: what is in trouble says why."""
    lines = [f"{status.system} is {status.state}, since {age(status.since)}."]
    lines += [f"  {name:9} {value}" for name, value in reached(status)]
    lines += [f"  note      {note}" for note in status.notes]
    width = max((len(view.name) for view in status.processes), default=0)
    lines += ["", f"    {'PROCESS':{width}}  {'STATE':9}  {'SINCE':>6}  {'RESTARTS':>8}  {'PID':>7}  WHERE"]
    for view in sorted(status.processes, key=_place):
        where = view.reason or view.address
        lines.append(
            f"  {MARKS[view.state]} {view.name:{width}}  {view.state:9}  {age(view.since):>6}"
            f"  {view.restarts:>8}  {view.pid or '':>7}  {where}".rstrip()
        )
    return "\n".join(lines) + "\n"


def reached(status: Status) -> Iterator[tuple[str, str]]:
    """Say where everything is."""
    for region, url in status.gateways.items():
        yield "gateway", f"{url}  {region}" if len(status.gateways) > 1 else url
    if status.console:
        yield "console", status.console
    yield "data", f"{status.folder}/.fairway"


def age(since: float) -> str:
    """Say how long ago a moment was: 12s, 5m, 3h, 2d."""
    seconds = max(0, int(time.time() - since))
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def _place(view: View) -> tuple[int, str]:
    return PARTS.index(view.part), view.name
