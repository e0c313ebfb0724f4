"""What changes on the page, topic by topic, each as one JSON text that can be compared with the one before."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from fairway.core.errors import FairwayError
from fairway.local.console.figures import Meter
from fairway.local.control import Status, status
from fairway.local.run_folder import RunFolder
from fairway.local.telemetry.records import Flow, Seen
from fairway.local.telemetry.settings import GATEWAY

FIGURES_EVERY: Final = 3.0  # seconds
NEWEST: Final = 14  # traces
HIDDEN: Final = ("folder", "console")  # of the status: the console's address has the key in it


class Topics:
    """Looks at the running system for all who watch."""

    def __init__(self, run: RunFolder, seen: Seen) -> None:
        """Take the system's folder and what was seen."""
        self._run = run
        self._seen = seen
        self._meter = Meter()
        self._figures = b"{}"
        self._measured = 0.0
        self._status: Status | None = None
        self._known: Mapping[str, Callable[[], Awaitable[bytes]]] = {
            "status": self._now,
            "figures": self._taken,
            "flows": self._flows,
            "traces": self._traces,
            "replicas": self._of(seen.replicas),
            "sagas": self._of(seen.sagas),
            "channels": self._of(seen.channels),
            "alerts": self._of(seen.alerts),
            "objectives": self._of(seen.objectives),
        }

    @property
    def names(self) -> frozenset[str]:
        """Name all topics."""
        return frozenset(self._known)

    async def look(self, wanted: Iterable[str]) -> dict[str, bytes]:
        """Give the topics that are wanted as they are now."""
        return {name: await self._known[name]() for name in self._known if name in wanted}

    async def _now(self) -> bytes:
        try:
            self._status = await asyncio.to_thread(status, self._run)
        except (FairwayError, OSError, msgspec.DecodeError) as error:
            self._status = None
            return msgspec.json.encode({"state": "gone", "says": str(error), "processes": [], "notes": []})
        shown: dict[str, Any] = msgspec.to_builtins(self._status)
        return msgspec.json.encode({name: value for name, value in shown.items() if name not in HIDDEN})

    async def _taken(self) -> bytes:
        now = time.monotonic()
        if self._status is not None and now - self._measured >= FIGURES_EVERY:
            self._measured = now
            names = {view.pid: view.name for view in self._status.processes if view.pid}
            found = await asyncio.to_thread(self._meter.read, names)
            self._figures = msgspec.json.encode({names[pid]: one for pid, one in found.items()})
        return self._figures

    async def _flows(self) -> bytes:
        return msgspec.json.encode([_without_past(flow) for flow in self._seen.flows()])

    async def _traces(self) -> bytes:
        return msgspec.json.encode(self._seen.traces(limit=NEWEST))

    @staticmethod
    def _of(ask: Callable[[], object]) -> Callable[[], Awaitable[bytes]]:
        async def look() -> bytes:
            return msgspec.json.encode(ask())

        return look


def _without_past(flow: Flow) -> Flow:
    """Leave out the rates of the last minutes, but of what comes in: of others they are asked for one by one."""
    return flow if flow.source == GATEWAY or not flow.history else msgspec.structs.replace(flow, history=())
