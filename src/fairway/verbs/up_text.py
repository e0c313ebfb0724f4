"""What `fairway up` tells: each process as it comes and goes, and at last where everything is and what to try."""

import sys
import time
from collections.abc import Container, Iterator
from contextlib import suppress
from itertools import islice
from typing import Final

from fairway.core.traffic import Public
from fairway.local.control import Status
from fairway.local.supervisor import View
from fairway.local.system import Wanted
from fairway.verbs.invocation import fairway, system
from fairway.verbs.status_text import MARKS, reached

TOLD: Final = frozenset({"ready", "done", "crashed", "failed", "not-ready"})


class Progress:
    """Lines for a person who waits."""

    def __init__(self, began: float) -> None:
        """Count from a moment of the monotonic clock."""
        self._began = began
        self._told: dict[str, str] = {}

    @property
    def seconds(self) -> float:
        """Tell how long it has taken until now."""
        return time.monotonic() - self._began

    def tell(self, view: View) -> None:
        """Tell of a process that has come somewhere."""
        if view.state in TOLD and self._told.get(view.name) != view.state:
            self._told[view.name] = view.state
            reason = f": {view.reason}" if view.reason else ""
            self.say(f"{self.seconds:6.1f} s  {MARKS[view.state]} {view.name} is {view.state}{reason}")

    def say(self, text: str) -> None:
        """Tell anything; where the reader has gone, nobody is told, and the system goes on."""
        with suppress(OSError):
            sys.stdout.write(text + "\n")
            sys.stdout.flush()


def up_text(status: Status, seconds: float) -> str:
    """Say what is up, where it is, what is otherwise than in a cluster, and three lines to try."""
    lines = ["", f"{status.system} is up after {seconds:.1f} s."]
    troubled = [view for view in status.processes if view.state not in {"ready", "done"}]
    if troubled:
        lines = ["", f"{status.system} is up after {seconds:.1f} s, but not all of it:"]
        lines += [f"  {MARKS[view.state]} {view.name} is {view.state}: {view.reason}" for view in troubled]
    lines += [f"  {name:9} {value}" for name, value in reached(status)]
    lines += [f"  note      {note}" for note in status.notes]
    lines += ["", "Try:", *(f"  {line}" for line in status.tries), ""]
    return "\n".join(lines)


def tries(wanted: Wanted, gateway: str, there: Container[str]) -> Iterator[str]:
    """Give the declared lines, or what follows from the decisions; each works as it stands. *there* are services."""
    known = {"gateway": gateway, "fairway": fairway(), "folder": system(wanted.folder)}
    for line in wanted.facts.tries or islice(_found(wanted, gateway, there), 3):
        filled = line
        for name, value in known.items():
            filled = filled.replace(f"{{{name}}}", value)
        yield filled.removesuffix(" .")  # where it is the current folder, nobody needs to say so


def _found(wanted: Wanted, gateway: str, there: Container[str]) -> Iterator[str]:
    public = [one.public for name, one in wanted.traffic.items() if one.public is not None and name in there]
    if gateway:
        open_ = (f"{one.prefix}{path}" for one in public if (path := _open_path(one)))
        if path := next(open_, None):
            yield f"curl {{gateway}}{path}"
        if any(one.issuers for one in public) and not (wanted.folder / "users.yaml").exists():
            yield "{fairway} token --user ann {folder}"
    yield "{fairway} logs {folder}"
    yield "{fairway} status {folder}"
    yield "{fairway} down {folder}"


def _open_path(public: Public) -> str | None:
    """Find a route that anybody may ask for, as it stands."""
    for route in public.anonymous:
        method, _, path = route.rpartition(" ")
        if method in {"", "GET"} and "*" not in path and "{" not in path:
            return path
    return "/" if public.open_to_all else None
