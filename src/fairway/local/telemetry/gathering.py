"""Everything that is told and asked of a running system, gathered in one process for its page."""

import asyncio
import contextlib
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Final, Self

import msgspec

from fairway.local.serving import serving
from fairway.local.telemetry import prometheus_alerts, proxy_counts
from fairway.local.telemetry.alerting import Judged, worst_first
from fairway.local.telemetry.collector import Collector, Taken
from fairway.local.telemetry.fetching import fetch
from fairway.local.telemetry.flows import Flows
from fairway.local.telemetry.lines import Lines
from fairway.local.telemetry.logs import Logs
from fairway.local.telemetry.records import (
    Alert,
    Channel,
    Flow,
    Line,
    Objective,
    Replica,
    Sagas,
    Span,
    TraceSummary,
)
from fairway.local.telemetry.replica_figures import Figures
from fairway.local.telemetry.settings import BROKER, Scraped, Settings
from fairway.local.telemetry.span_counts import Pairs
from fairway.local.telemetry.traces import Traces

WATCHED_FOR: Final = 10.0  # seconds after somebody looked: else all is done less often
ASKED_EVERY: Final = 2.0, 5.0  # seconds while somebody watches, and while nobody does: replicas and proxies
LOGS_EVERY: Final = 0.5, 2.0
ALERTS_EVERY: Final = 5.0, 5.0
PROXY_METRICS: Final = "/stats/prometheus?usedonly"
BOUNDED: Final = {
    "http": "h11",  # it bounds the head of a request, which the faster one does not
    "limit_concurrency": 256,  # connections; Envoy and each replica keep one or two
    "timeout_keep_alive": 60,
}


class Telemetry:
    """What was seen of a system: it is `Seen`, and gathers while its context is open."""

    def __init__(self, settings: Settings) -> None:
        """Take who is asked, and where others tell."""
        now = time.time()
        self._settings = settings
        self._version = 0
        self._news = asyncio.Event()
        self._looked = -WATCHED_FOR
        self._watcher_came = asyncio.Event()
        self._began = now
        self._traces = Traces()
        self._lines = Lines()
        self._figures = Figures()
        self._judged = {name: Judged(name, decided, now) for name, decided in settings.shown.objectives.items()}
        self._flows = Flows(settings, self._judged)
        self._pairs = Pairs()
        self._alerts: list[Alert] = []
        self._logs = Logs(settings)
        self._running = contextlib.AsyncExitStack()
        self._asked: set[str] = set()  # who has answered once
        self._scraped = {one.replica: one for one in settings.scraped}
        self._told_by_replicas: set[tuple[str, str]] = set()  # ways that they count themselves

    async def __aenter__(self) -> Self:
        """Begin to gather; a `FairwayError` where the collector cannot listen."""
        taken = Taken(
            spans=self._spanned, lines=self._heard, alerted=self._notified, metrics=self._metrics, now=time.time
        )
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(serving(Collector(taken), self._settings.collector, **BOUNDED))
            for every, do in ((ASKED_EVERY, self._ask), (LOGS_EVERY, self._read_logs), (ALERTS_EVERY, self._judge)):
                stack.push_async_callback(_end, asyncio.create_task(self._every(*every, do)))
            self._running = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        """Gather no more."""
        await self._running.aclose()

    async def changed(self, after: int, within: float) -> int:
        """Wait until something was seen after this version, at most so many seconds; give the version then."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                while self._version <= after:
                    await self._news.wait()
        return self._version

    def version(self) -> int:
        """Give a number that grows whenever something was seen."""
        self._look()
        return self._version

    @property
    def used(self) -> int:
        """Tell how many bytes spans and lines take."""
        return self._traces.used + self._lines.used

    def traces(
        self, *, service: str = "", failed: bool = False, least: float = 0.0, text: str = "", limit: int = 50
    ) -> Sequence[TraceSummary]:
        """List traces, the newest first."""
        self._look()
        return self._traces.summaries(service=service, failed=failed, least=least, text=text, limit=limit)

    def trace(self, trace: str) -> Sequence[Span]:
        """Give the spans of a trace by their start."""
        return self._traces.spans(trace)

    def lines(  # noqa: PLR0913 - all that a list of lines is narrowed by
        self, *, after: int = 0, process: str = "", level: str = "", trace: str = "", text: str = "", limit: int = 200
    ) -> Sequence[Line]:
        """Give the newest lines, the oldest of them first."""
        self._look()
        return self._lines.newest(after=after, process=process, level=level, trace=trace, text=text, limit=limit)

    def flows(self) -> Sequence[Flow]:
        """Give the traffic on each way."""
        self._look()
        return self._flows.flows(time.time())

    def sagas(self) -> Sequence[Sagas]:
        """Give all kinds of sagas."""
        return self._figures.sagas()

    def channels(self) -> Sequence[Channel]:
        """Give all channels of all services."""
        return self._figures.channels()

    def alerts(self) -> Sequence[Alert]:
        """Give what is wrong now, the worst first."""
        return self._alerts

    def objectives(self) -> Sequence[Objective]:
        """Give how each service does against its promises."""
        return [objective for judged in self._judged.values() for objective in judged.objectives()]

    def replicas(self) -> Sequence[Replica]:
        """Give the figures of each replica."""
        return self._figures.replicas()

    def _look(self) -> None:
        """Note that somebody watches; who comes after a pause has all looked at anew at once."""
        if not self._watched:
            self._watcher_came.set()
            self._watcher_came = asyncio.Event()
        self._looked = time.monotonic()

    @property
    def _watched(self) -> bool:
        return time.monotonic() - self._looked < WATCHED_FOR

    # What comes in

    def _spanned(self, spans: list[Span]) -> None:
        self._traces.add(spans)
        if not self._settings.proxies:
            now = time.time()
            for key, counts in self._pairs.take(spans):
                if key[:2] not in self._told_by_replicas:
                    self._flows.add(key, counts, now)
        self._changed(spans)

    async def _read_logs(self) -> None:
        self._heard(await asyncio.to_thread(self._logs.look))

    def _heard(self, lines: list[Line]) -> None:
        self._lines.add(lines)
        self._changed(lines)

    def _notified(self, document: bytes) -> None:
        self._heard(prometheus_alerts.notified(document, time.time()))

    def _changed(self, what: Sequence[object]) -> None:
        if what:
            self._version += 1
            self._news.set()
            self._news = asyncio.Event()

    # What is asked

    async def _ask(self) -> None:
        proxies = [self._ask_proxy(name, socket) for name, socket in self._settings.proxies.items()]
        replicas = [self._ask_replica(one) for one in self._settings.scraped]
        await asyncio.gather(*proxies, *replicas)
        self._changed([1] if proxies or replicas else [])

    async def _ask_proxy(self, name: str, socket: str) -> None:
        try:
            counted = proxy_counts.counted(await fetch(f"unix:{socket}", proxy_counts.PATH))
        except (OSError, msgspec.DecodeError):
            return
        now, new = time.time(), name in self._asked
        self._asked.add(name)
        for one, counts in counted.items():
            if one.target != BROKER and (one.source, one.target) not in self._told_by_replicas:
                by = f"{name} {one.cluster}"
                self._flows.count(by, (one.source, one.target, ""), counts, now, new=new)

    async def _ask_replica(self, scraped: Scraped) -> None:
        name = scraped.replica
        try:
            text = (await fetch(scraped.address, scraped.path)).decode(errors="replace")
        except OSError:
            self._figures.lose(name)
            return
        now = time.time()
        ways = self._figures.take(scraped, text, now)
        new = name in self._asked or self._figures.started(name) > self._began
        self._asked.add(name)
        carried = {"call", "route"} if self._settings.proxies else set()  # the proxies count these
        for key, counts in ways.items():
            kind = self._flows.kind(key)
            if kind and kind not in carried:
                self._told_by_replicas.add(key[:2])
                self._flows.count(name, key, counts, now, new=new)

    async def _metrics(self, name: str) -> bytes:
        """Give the metrics of a replica or a proxy as they are now; `KeyError` where there is none, or `OSError`."""
        if name in self._settings.proxies:
            return await fetch(f"unix:{self._settings.proxies[name]}", PROXY_METRICS)
        one = self._scraped[name]
        return await fetch(one.address, one.path)

    async def _judge(self) -> None:
        now = time.time()
        found = [alert for judged in self._judged.values() for alert in judged.alerts(now)]
        if self._settings.prometheus:
            try:
                document = await fetch(self._settings.prometheus, prometheus_alerts.PATH)
                found = prometheus_alerts.alerts(document, now)
            except (OSError, msgspec.DecodeError):
                pass  # it starts, or is gone: ours stand in
        found = worst_first(found)
        if found != self._alerts:
            self._alerts = found
            self._changed(found or [1])

    async def _every(self, watched: float, alone: float, do: Callable[[], Awaitable[None]]) -> None:
        """Do something again and again; one failure is told in the log of the process, and does not end it."""
        told = ""
        while True:
            began, came = time.monotonic(), self._watcher_came
            try:
                await do()
            except Exception as error:  # noqa: BLE001 - a stranger's answer must not end the gathering
                if (says := repr(error)) != told:
                    told = says
                    sys.stderr.write(f"{do.__qualname__}: {traceback.format_exc()}")
            pause = (watched if self._watched else alone) - (time.monotonic() - began)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.05, pause)):
                    await came.wait()


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
