"""Notices that the code in a folder has changed, by looking at it now and then: that works everywhere."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

LOOKED_AT_EVERY: Final = 0.5  # seconds
SHARE: Final = 20  # a look may take at most one part in so many of all time
ENDINGS: Final = (
    ".py", ".toml", ".js", ".mjs", ".ts", ".rb", ".php", ".go", ".rs", ".java", ".kt", ".cs", ".ex", ".sql",
)  # fmt: skip
LEFT_OUT: Final = frozenset({"__pycache__", "node_modules", "target", "build", "dist", "venv", "tests"})

Times = dict[str, int]


async def changes(folder: Path) -> AsyncIterator[list[str]]:
    """Give the paths that changed, each time that something did and has then been quiet for one look."""
    before = await asyncio.to_thread(times, folder)
    seen = before
    pause = LOOKED_AT_EVERY
    while True:
        await asyncio.sleep(pause)
        began = time.monotonic()
        now = await asyncio.to_thread(times, folder)
        pause = max(LOOKED_AT_EVERY, SHARE * (time.monotonic() - began))
        if now == seen and now != before:
            yield sorted(path for path in {*now, *before} if now.get(path) != before.get(path))
            before = now
        seen = now


def times(folder: Path) -> Times:
    """Tell when each file of code below a folder was last written, in nanoseconds."""
    found: Times = {}
    for entry in _files(str(folder)):
        with contextlib.suppress(FileNotFoundError):  # removed while we look
            found[entry.path] = entry.stat().st_mtime_ns
    return found


def _files(folder: str) -> Iterator["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name in LEFT_OUT:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    yield from _files(entry.path)
                elif entry.name.endswith(ENDINGS) and entry.is_file():
                    yield entry
    except FileNotFoundError:  # removed while we look
        return
