"""The logs of all processes, and the proxies' log of requests, as lines."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Final

import msgspec

from fairway.local.telemetry.log_lines import Process, access
from fairway.local.telemetry.proxy_spans import service_of
from fairway.local.telemetry.records import Line
from fairway.local.telemetry.settings import GATEWAY, Settings
from fairway.local.telemetry.tailing import Added, Tail

PROXY: Final = "envoy"  # where the settings name no other
OUTPUT: Final = ".output"  # a second file of the same process


class Logs:
    """Reads what was written since it was last asked; blocks."""

    def __init__(self, settings: Settings) -> None:
        """Take where the logs are, and who writes them."""
        self._tail = Tail(Path(settings.logs))
        self._access = Path(settings.access_log).stem if settings.access_log else ""
        self._proxies = tuple(settings.proxies)
        self._services = {node.name for node in settings.nodes if node.kind == "service"}
        self._untold = frozenset(self._services - {one.service for one in settings.scraped})
        self._processes: dict[str, Process] = {}

    def look(self) -> list[Line]:
        """Give the new lines of all files."""
        return [line for added in self._tail.look() for line in self._lines(added)]

    def _lines(self, added: Added) -> Iterator[Line]:
        if added.skipped:
            says = f"{added.skipped} bytes were written too fast to be shown"
            yield Line(number=0, when=added.when, process=self._of(added.file).name, level="warning", message=says)
        if added.file == self._access:
            found = (access(raw, PROXY, added.when, whole=self._untold) for raw in added.lines)
            yield from (msgspec.structs.replace(line, process=self._proxy(line.service)) for line in found if line)
            return
        yield from self._of(added.file).lines(added.lines, added.when)

    def _proxy(self, service: str) -> str:
        """Name the process that has a service's proxy: one of its own, else the gateway's or the one of all others."""
        own = (name for name in self._proxies if service in name)
        others = (name for name in self._proxies if GATEWAY not in name)
        return next(chain(own, others, self._proxies), PROXY)

    def _of(self, file: str) -> Process:
        if file not in self._processes:
            name = file.removesuffix(OUTPUT)
            service = service_of(name.partition(".")[0])
            self._processes[file] = Process(name, service if service in self._services else "")
        return self._processes[file]
