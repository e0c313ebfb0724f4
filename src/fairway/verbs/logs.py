"""Show what the processes of a system have written, and go on as they write more."""

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from fairway.core.errors import Exit, FairwayError, did_you_mean
from fairway.local.run_folder import RunFolder
from fairway.verbs.running import place

LINES: Final = 40  # of each process, at first
LOOKED_AT_EVERY: Final = 0.2  # seconds
READ_BACK: Final = 1 << 18  # bytes that are searched for these lines
FIRST: Final = ("timestamp", "level", "event", "service", "replica", "span_id")


def logs_command(facts: Path, service: str | None, *, follow: bool, lines: int = LINES) -> Exit:
    """Print the last lines of every process, or of one service's; with *follow* until it is interrupted."""
    run = place(facts)
    wanted = _logs(run, service)
    width = max(len(log.stem) for log in wanted)
    at: dict[Path, int] = {}
    found: list[tuple[str, str]] = []
    for log in wanted:
        text, at[log] = _end_of(log)
        found += [(_moment(line), _shown(line, log, width)) for line in text.splitlines()[-lines:]]
    if len(wanted) > 1:
        found.sort(key=lambda pair: pair[0])
    _write(line for _, line in found)
    while follow:
        time.sleep(LOOKED_AT_EVERY)
        for log in _logs(run, service):
            at.setdefault(log, 0)
            _write(_shown(line, log, width) for line in _new(log, at))
    return Exit.CLEAN


def _logs(run: RunFolder, service: str | None) -> list[Path]:
    every = sorted((run.state / "logs").glob("*.log"))
    if service is None:
        if not every:
            raise FairwayError(f"{run.system_folder}: has written no logs yet. Start it with 'fairway up'.")
        return every
    own = [
        log for log in every if service in {log.stem, log.stem.rpartition("-")[0], log.stem.removesuffix(".migrate")}
    ]
    if not own:
        known = {log.stem for log in every}
        raise FairwayError(f"{service}: has written no log. {did_you_mean(service, known)}".rstrip())
    return own


def _end_of(log: Path) -> tuple[str, int]:
    size = log.stat().st_size
    with log.open("rb") as file:
        file.seek(max(0, size - READ_BACK))
        content = file.read(READ_BACK)
    whole = content.rpartition(b"\n")[0]
    return whole.decode(errors="replace"), size - (len(content) - len(whole))


def _new(log: Path, at: dict[Path, int]) -> Iterator[str]:
    """Give the whole lines since the last look; a log that begins anew is read from its beginning."""
    with contextlib.suppress(FileNotFoundError), log.open("rb") as file:
        if log.stat().st_size < at[log]:
            at[log] = 0
        file.seek(at[log])
        whole, end, _ = file.read().rpartition(b"\n")
        at[log] += len(whole) + len(end)
        if whole:
            yield from whole.decode(errors="replace").lstrip("\n").split("\n")


def _line(text: str) -> dict[str, Any] | None:
    if text.startswith("{"):
        with contextlib.suppress(msgspec.DecodeError):
            found = msgspec.json.decode(text)
            return found if isinstance(found, dict) else None
    return None


def _moment(text: str) -> str:
    """Tell when a line was written, to put lines in order; what does not say so stays in front."""
    line = _line(text)
    return str(line.get("timestamp", "")) if line else ""


def _shown(text: str, log: Path, width: int) -> str:
    """Write a line for people: whose it is, when, and what."""
    line = _line(text)
    if line is None:
        return f"{log.stem:{width}} | {text}"
    rest = " ".join(f"{key}={value}" for key, value in line.items() if key not in FIRST)
    when, level = str(line.get("timestamp", ""))[11:23], line.get("level", "")
    return f"{log.stem:{width}} | {when} {level} {line.get('event', '')} {rest}".rstrip()


def _write(lines: Iterator[str]) -> None:
    for line in lines:
        sys.stdout.write(line + "\n")
    sys.stdout.flush()
