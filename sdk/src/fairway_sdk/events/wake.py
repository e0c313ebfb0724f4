"""Wake what waits for work: at once within a process, by NOTIFY between processes of PostgreSQL, else by looking."""

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

import structlog

from fairway_sdk.lifecycle import Background

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fairway_sdk.service import Service
    from fairway_sdk.stores.sql import SqlStore

log = structlog.get_logger("fairway")

OUTBOX_RUNG: Final = "fairway_outbox"
INBOX_RUNG: Final = "fairway_inbox"
LOST_PAUSE: Final = 1.0  # seconds before listening is tried again
FEWEST: Final = 3  # connections of a store below which none is spent on listening


class Bell:
    """What a loop waits at when it has nothing to do; ringing before it waits is not lost."""

    def __init__(self) -> None:
        self._rung = False
        self._waiting: set[asyncio.Future[None]] = set()
        self.heard = 0  # loops that run and will look when it rings

    def ring(self) -> None:
        """Wake whoever waits, or let the next one not wait at all."""
        self._rung = True
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)

    async def wait(self, seconds: float) -> None:
        """Wait until it rings, so many seconds at most."""
        if not self._rung:
            waiting = asyncio.get_running_loop().create_future()
            self._waiting.add(waiting)
            try:
                # Not wait_for: before Python 3.12 it loses a cancellation that comes together with the ringing.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await waiting
            finally:
                self._waiting.discard(waiting)
        self._rung = False


_bells: "WeakKeyDictionary[Service, dict[str, Bell]]" = WeakKeyDictionary()


def bell(service: "Service", name: str) -> Bell:
    """Give a service's bell by its name: the outbox's, or a channel's of the inbox."""
    return _bells.setdefault(service, {}).setdefault(name, Bell())


def bells(service: "Service") -> "Iterable[Bell]":
    """Give all bells of a service."""
    return tuple(_bells.get(service, {}).values())


class Listening:
    """One connection of a PostgreSQL store that hears NOTIFY; elsewhere, and in a small pool, nothing."""

    def __init__(self, store: "SqlStore", channel: str, ring: Any) -> None:
        self._store = store
        self._channel = channel
        self._ring = ring
        self._background = Background()

    def start(self) -> None:
        """Begin to listen beside everything else."""
        if self._store.kind == "postgresql" and self._store.bound.connections >= FEWEST:
            self._background.start(self._listen(), f"listen {self._channel}")

    async def stop(self) -> None:
        """Give the connection back."""
        await self._background.stop()

    async def _listen(self) -> None:
        while True:
            try:
                await self._listen_once()
            except Exception as error:  # noqa: BLE001 - looking goes on without it; it is tried again
                log.info("listening was interrupted", channel=self._channel, error=type(error).__name__)
            await asyncio.sleep(LOST_PAUSE)

    async def _listen_once(self) -> None:
        lost = asyncio.Event()
        connection = await self._store.engine.connect()
        try:
            raw = (await connection.get_raw_connection()).driver_connection
            assert raw is not None
            raw.add_termination_listener(lambda _raw: lost.set())
            await raw.add_listener(self._channel, lambda *_heard: self._ring())
            self._ring()
            await lost.wait()
        finally:
            # A connection that heard anything is not given to others: they would inherit its listener.
            await asyncio.shield(_away(connection))


async def _away(connection: Any) -> None:
    with contextlib.suppress(Exception):
        await connection.invalidate()
    with contextlib.suppress(Exception):
        await connection.close()
