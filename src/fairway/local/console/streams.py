"""Tells open pages what has changed: nothing is looked at while nobody watches, or sent while nothing changes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

import msgspec

from fairway.local.console.topics import Topics
from fairway.local.telemetry.records import Line, Seen

EVERY: Final = 0.5  # seconds between two looks whether anything was seen
AT_LEAST_EVERY: Final = 2  # looks: what only time changes, as rates that fall, is looked at as often
SIGN_OF_LIFE: Final = 15.0  # seconds; a browser that has gone is noticed when it is written to
MOST: Final = 16  # pages at once; the one that watches longest gives way
LINES_AT_ONCE: Final = 300


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What one page watches; lines as far as they pass these."""

    topics: frozenset[str] = frozenset()
    lines: bool = False
    process: str = ""
    level: str = ""
    text: str = ""
    trace: str = ""


class Watcher:
    """One open page."""

    def __init__(self, wanted: Wanted) -> None:
        """Begin with nothing to tell."""
        self.wanted = wanted
        self.told: dict[str, bytes] = {}
        self.pending: dict[str, bytes] = {}
        self.after = 0  # the last line it was told
        self.changed = asyncio.Event()
        self.over = ""  # why it ends

    def tell(self, topic: str, text: bytes) -> None:
        """Note what is to be sent, in place of what was not sent yet."""
        if self.told.get(topic) != text:
            self.told[topic] = self.pending[topic] = text
            self.changed.set()


class Streams:
    """All open pages, and the one task that looks for them."""

    def __init__(self, topics: Topics, seen: Seen) -> None:
        """Take what is looked at."""
        self._topics = topics
        self._seen = seen
        self._watchers: list[Watcher] = []
        self._looking: asyncio.Task[None] | None = None
        self._came = asyncio.Event()

    async def follow(self, wanted: Wanted) -> AsyncIterator[bytes]:
        """Give events until the page goes."""
        watcher = Watcher(wanted)
        while len(self._watchers) >= MOST:
            self._end(self._watchers[0], "crowded")
        self._watchers.append(watcher)
        self._came.set()
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            yield b"retry: 2000\n\n"
            while not watcher.over or watcher.pending:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(SIGN_OF_LIFE):
                        await watcher.changed.wait()
                watcher.changed.clear()
                pending, watcher.pending = watcher.pending, {}
                yield b"".join(_event(topic, text) for topic, text in pending.items()) or b": here\n\n"
            yield _event("over", msgspec.json.encode(watcher.over))
        finally:
            self._leave(watcher)

    def close(self) -> None:
        """End all, as the process ends."""
        for watcher in list(self._watchers):
            self._end(watcher, "ending")
        if self._looking is not None:
            self._looking.cancel()

    def _end(self, watcher: Watcher, why: str) -> None:
        watcher.over = why
        watcher.changed.set()
        self._leave(watcher)

    def _leave(self, watcher: Watcher) -> None:
        with contextlib.suppress(ValueError):
            self._watchers.remove(watcher)

    async def _look(self) -> None:
        version, idle = -1, 0
        while self._watchers:
            self._came.clear()
            newest = self._seen.version()
            fresh = any(not watcher.told and watcher.wanted.topics for watcher in self._watchers)
            idle += 1
            if newest != version or fresh or idle >= AT_LEAST_EVERY:
                version, idle = newest, 0
                await self._tell_all()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVERY):
                    await self._came.wait()

    async def _tell_all(self) -> None:
        wanted = frozenset[str]().union(*(watcher.wanted.topics for watcher in self._watchers))
        found = await self._topics.look(wanted)
        for watcher in list(self._watchers):
            for topic, text in found.items():
                if topic in watcher.wanted.topics:
                    watcher.tell(topic, text)
            if watcher.wanted.lines and "lines" not in watcher.pending:
                self._tell_lines(watcher)

    def _tell_lines(self, watcher: Watcher) -> None:
        want = watcher.wanted
        lines: list[Line] = list(
            self._seen.lines(
                after=watcher.after,
                process=want.process,
                level=want.level,
                trace=want.trace,
                text=want.text,
                limit=LINES_AT_ONCE,
            )
        )
        if lines or not watcher.after:
            watcher.after = max((line.number for line in lines), default=watcher.after)
            watcher.tell("lines", msgspec.json.encode(lines))


def _event(topic: str, text: bytes) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (topic.encode(), text)
