"""What the replicas of services count: of themselves, their calls, sagas and events, as the SDK's contract names it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Final

from fairway.local.telemetry.counting import Counts
from fairway.local.telemetry.exposition import MOST, Sample, Wanted
from fairway.local.telemetry.records import Channel, Replica, Sagas
from fairway.local.telemetry.settings import BROKER, Scraped
from fairway_sdk.contract import metrics

CPU: Final = "process_cpu_seconds_total"
MEMORY: Final = "process_resident_memory_bytes"
STARTED: Final = "process_start_time_seconds"
TIMED: Final = (metrics.CALL_DURATION, metrics.EVENT_DURATION)
WANTED: Final = Wanted(
    (
        *(CPU, MEMORY, STARTED, metrics.PROCESS_READY, metrics.BREAKER_OPEN, f"{metrics.STORE_WAIT}_count"),
        *(f"{name}_{part}" for name in TIMED for part in ("bucket", "count")),
        *(metrics.SAGAS, metrics.SAGA_OLDEST, metrics.SAGAS_ENDED),
        *(metrics.OUTBOX_WAITING, metrics.OUTBOX_OLDEST, metrics.INBOX_WAITING, metrics.DEAD_LETTERS),
        *(metrics.EVENTS_PUBLISHED, metrics.EVENTS_HANDLED),
    )
)
WELL: Final = frozenset({"ok", "cancelled"})  # how a call ends that is not the callee's failure
NOT_SENT: Final = frozenset({"refused", "open"})  # it never came to a call
MISHANDLED: Final = frozenset({"failed", "parked"})
REPEATED: Final = frozenset({"repeated", "lost", "early"})  # it is counted where, or when, it is handled

Way = tuple[str, str, str]  # source, target, channel


class Figures:
    """The newest figures of all replicas."""

    def __init__(self) -> None:
        """Know no replica yet."""
        self._read: dict[str, dict[str, list[Sample]]] = {}  # by parts of the text: most are as they were
        self._samples: dict[str, list[Sample]] = {}
        self._services: dict[str, str] = {}
        self._replicas: dict[str, Replica] = {}
        self._cpu: dict[str, tuple[float, float]] = {}

    def take(self, scraped: Scraped, text: str, now: float) -> Mapping[Way, Counts]:
        """Take what a replica answered, and give what it has counted on each way."""
        read = self._read[scraped.replica] = WANTED.read_again(text, self._read.get(scraped.replica, {}))
        samples = list(islice(chain.from_iterable(read.values()), MOST))
        own = {sample.name: sample.value for sample in samples if not sample.labels}
        before, cpu = self._cpu.get(scraped.replica), own.get(CPU, 0.0)
        used = (cpu - before[1]) / (now - before[0]) if before and now > before[0] and cpu >= before[1] else 0.0
        self._cpu[scraped.replica] = now, cpu
        self._services[scraped.replica] = scraped.service
        self._samples[scraped.replica] = [one for one in samples if not one.name.endswith("_bucket")]
        self._replicas[scraped.replica] = Replica(
            replica=scraped.replica,
            service=scraped.service,
            ready=own.get(metrics.PROCESS_READY, 0.0) == 1,
            memory=own.get(MEMORY, 0.0),
            cpu=used,
            breakers={one.labels["callee"]: one.value for one in samples if one.name == metrics.BREAKER_OPEN},
            scraped=now,
        )
        return dict(_ways(scraped.service, samples))

    def lose(self, replica: str) -> None:
        """Know nothing of a replica any more: it does not answer."""
        for kept in (self._read, self._samples, self._services, self._replicas, self._cpu):
            kept.pop(replica, None)

    def replicas(self) -> list[Replica]:
        """Give the figures of each replica."""
        return [self._replicas[name] for name in sorted(self._replicas)]

    def started(self, replica: str) -> float:
        """Tell when a replica's process started; 0 where it does not say."""
        return next((one.value for one in self._samples.get(replica, ()) if one.name == STARTED), 0.0)

    def sagas(self) -> list[Sagas]:
        """Give all kinds of sagas. What a store holds each replica tells alike; what it did itself adds up."""
        held: dict[tuple[str, str, str], float] = defaultdict(float)
        oldest: dict[tuple[str, str], float] = defaultdict(float)
        ended: dict[tuple[str, str, str], float] = defaultdict(float)
        for service, one in self._all(metrics.SAGAS, metrics.SAGA_OLDEST, metrics.SAGAS_ENDED):
            saga = one.labels.get("saga", "")
            if one.name == metrics.SAGAS:
                key = service, saga, one.labels.get("state", "")
                held[key] = max(held[key], one.value)
            elif one.name == metrics.SAGA_OLDEST:
                oldest[service, saga] = max(oldest[service, saga], one.value)
            else:
                ended[service, saga, one.labels.get("outcome", "")] += one.value
        kinds = sorted({key[:2] for key in held} | {key[:2] for key in ended})
        return [
            Sagas(
                service=service,
                saga=saga,
                oldest=oldest[service, saga],
                **{state: int(held[service, saga, state]) for state in ("running", "compensating", "stuck")},
                **{how: int(ended[service, saga, how]) for how in ("completed", "compensated", "abandoned")},
            )
            for service, saga in kinds
        ]

    def channels(self) -> list[Channel]:
        """Give all channels of all services, counted likewise."""
        found: dict[tuple[str, str], dict[str, float]] = defaultdict(lambda: defaultdict(float))
        for service, one in self._all(*_OF_CHANNELS, metrics.EVENTS_PUBLISHED, metrics.EVENTS_HANDLED):
            figures = found[service, one.labels.get("channel", "")]
            if one.name == metrics.EVENTS_PUBLISHED:
                figures["published"] += one.value
            elif one.name == metrics.EVENTS_HANDLED:
                figures["handled"] += one.value if one.labels.get("outcome") == "handled" else 0
            else:
                name = _OF_CHANNELS[one.name] or f"dead_{one.labels.get('box', 'in')}"
                figures[name] = max(figures[name], one.value)
        return [
            Channel(
                service=service,
                channel=channel,
                oldest=figures.pop("oldest", 0.0),
                **{name: int(value) for name, value in figures.items() if name in Channel.__struct_fields__},
            )
            for (service, channel), figures in sorted(found.items())
        ]

    def _all(self, *names: str) -> Iterator[tuple[str, Sample]]:
        for replica, samples in self._samples.items():
            for one in samples:
                if one.name in names:
                    yield self._services[replica], one


_OF_CHANNELS: Final = {
    metrics.OUTBOX_WAITING: "outbox",
    metrics.OUTBOX_OLDEST: "oldest",
    metrics.INBOX_WAITING: "inbox",
    metrics.DEAD_LETTERS: "",  # by box
}


def _ways(service: str, samples: Iterable[Sample]) -> Iterator[tuple[Way, Counts]]:
    """Give what was done on each way out of a service, and into it from the broker."""
    done: dict[Way, float] = defaultdict(float)
    failed: dict[Way, float] = defaultdict(float)
    within: dict[Way, dict[float, float]] = defaultdict(lambda: defaultdict(float))
    for name, labels, value in samples:
        if "callee" in labels and labels.get("outcome") not in {None, *NOT_SENT}:
            way: Way = service, labels["callee"], ""
            bad = labels["outcome"] not in WELL
        elif name == f"{metrics.STORE_WAIT}_count":
            way, bad = (service, labels.get("store", ""), ""), False
        elif name == metrics.EVENTS_PUBLISHED:
            way, bad = (service, BROKER, labels.get("channel", "")), False
        elif name == metrics.EVENTS_HANDLED and labels.get("outcome") not in REPEATED:
            way, bad = (BROKER, service, labels.get("channel", "")), labels.get("outcome") in MISHANDLED
        elif name == f"{metrics.EVENT_DURATION}_bucket":
            way, bad = (BROKER, service, labels.get("channel", "")), False
        else:
            continue
        if name.endswith("_bucket"):
            within[way][float(labels.get("le", "inf"))] += value
        else:
            done[way] += value
            failed[way] += value if bad else 0
    for way in {**done, **within}:
        yield way, Counts(done=done[way], failed=failed[way], within=dict(within.get(way, {})))
