"""What was seen of a system: spans, lines, traffic, counts, alerts. Times are seconds since 1970, lengths seconds."""

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

Value = str | bool | int | float


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What all records share."""


class Event(Record, frozen=True, kw_only=True):
    """Something that happened in the course of a span, such as an exception."""

    name: str
    when: float
    attributes: dict[str, Value] = {}


class Span(Record, frozen=True, kw_only=True):
    """One piece of work in a trace."""

    trace: str  # 32 hexadecimal digits
    span: str  # 16
    parent: str = ""  # empty: the trace begins here, as far as anybody told
    service: str
    replica: str = ""
    name: str
    kind: Literal["internal", "server", "client", "producer", "consumer"] = "internal"
    start: float
    duration: float
    failed: bool = False
    says: str = ""  # why it failed
    attributes: dict[str, Value] = {}
    events: tuple[Event, ...] = ()
    links: tuple[tuple[str, str], ...] = ()  # trace and span it follows from


class TraceSummary(Record, frozen=True, kw_only=True):
    """A trace as a list shows it."""

    trace: str
    name: str  # of its first span
    service: str  # where it began
    start: float
    duration: float  # until its last span ended
    spans: int
    failed: int  # spans
    services: tuple[str, ...]  # in the order they were reached


class Line(Record, frozen=True, kw_only=True):
    """One line of a log."""

    number: int  # grows with each line that was read: ask for what came after one
    when: float
    process: str  # as `fairway status` names it
    service: str = ""
    level: Literal["debug", "info", "warning", "error"] = "info"
    message: str
    trace: str = ""
    span: str = ""
    fields: dict[str, object] = {}


class Flow(Record, frozen=True, kw_only=True):
    """The traffic on one way between two of the map, over the last seconds."""

    source: str
    target: str
    channel: str = ""
    rate: float  # requests, events or connections in a second
    failures: float  # share of them, 0 to 1
    p50: float | None = None  # of what was answered
    p95: float | None = None
    history: tuple[float, ...] = ()  # rates of the last minutes, the newest last
    step: float = 0.0  # seconds between two of them


class Sagas(Record, frozen=True, kw_only=True):
    """The sagas of one kind in one service."""

    service: str
    saga: str
    running: int
    compensating: int
    stuck: int
    oldest: float  # seconds that the oldest has run
    completed: int  # since the processes started
    compensated: int
    abandoned: int


class Channel(Record, frozen=True, kw_only=True):
    """The events of one channel in one service."""

    service: str
    channel: str
    outbox: int = 0  # wait to be sent
    oldest: float = 0.0
    published: int = 0
    inbox: int = 0  # wait to be handled
    handled: int = 0
    dead_in: int = 0  # dead letters of its inbox
    dead_out: int = 0  # and of its outbox


class Alert(Record, frozen=True, kw_only=True):
    """Something that somebody is told of."""

    name: str
    service: str
    severity: Literal["page", "ticket"]
    state: Literal["pending", "firing"]
    since: float
    says: str
    figure: float | None = None  # what was measured
    threshold: float | None = None
    by: Literal["prometheus", "console"] = "console"


class Objective(Record, frozen=True, kw_only=True):
    """How a service does against what was promised, over as long as it was seen."""

    service: str
    about: Literal["errors", "latency", "throughput"]
    promised: str  # in words: 99.9 % end well
    measured: float | None  # the share that was bad, or a rate; none: nothing was asked of it
    budget: float  # the share that may be bad, or the least rate
    seen: float  # seconds


class Replica(Record, frozen=True, kw_only=True):
    """Figures of one replica's process."""

    replica: str
    service: str
    ready: bool
    memory: float  # bytes
    cpu: float  # cores
    breakers: dict[str, float]  # by callee: 0 closed, 1 open, 0.5 tries
    scraped: float  # when


class Seen(Protocol):
    """Everything that was seen; the page asks for nothing else. Answers are immediate: all is in memory."""

    def traces(
        self, *, service: str = "", failed: bool = False, least: float = 0.0, text: str = "", limit: int = 50
    ) -> Sequence[TraceSummary]:
        """List traces, the newest first; *least* is a duration, *text* is looked for in names and attributes."""

    def trace(self, trace: str) -> Sequence[Span]:
        """Give the spans of a trace by their start; none where it is not known, or no longer."""

    def lines(  # noqa: PLR0913 - all that a list of lines is narrowed by
        self, *, after: int = 0, process: str = "", level: str = "", trace: str = "", text: str = "", limit: int = 200
    ) -> Sequence[Line]:
        """Give the newest lines, the oldest of them first; *process* is one, or a service; *level* is the least."""

    def flows(self) -> Sequence[Flow]:
        """Give the traffic on each way of the map, and on such as nobody declared but that was seen."""

    def sagas(self) -> Sequence[Sagas]:
        """Give all kinds of sagas."""

    def channels(self) -> Sequence[Channel]:
        """Give all channels of all services."""

    def alerts(self) -> Sequence[Alert]:
        """Give what is wrong now, the worst first."""

    def objectives(self) -> Sequence[Objective]:
        """Give how each service does against its promises."""

    def replicas(self) -> Sequence[Replica]:
        """Give the figures of each replica."""

    def version(self) -> int:
        """Give a number that grows whenever something was seen."""
