"""What a console has seen of a small system: spans, lines, traffic; a test says what."""

import time
from collections.abc import Sequence
from typing import Any, Final

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

TRACE: Final = "0123456789abcdef0123456789abcdef"


class Seen:
    """What was seen: a test says what."""

    def __init__(self) -> None:
        self.number = 1
        self.asked = 0  # how often anybody looked
        self.all_lines: list[Line] = []
        self.all_spans: list[Span] = []
        self.all_flows: list[Flow] = [flow("gateway", "shop", 4.0), flow("shop", "money", 2.0, failures=0.25)]
        self.all_alerts: list[Alert] = []
        self.all_channels: list[Channel] = [Channel(service="shop", channel="sold", outbox=1, published=3, dead_in=2)]

    def saw(self, *spans: Span) -> None:
        """Add spans."""
        self.all_spans += spans
        self.number += 1

    def wrote(self, message: str, level: Any = "info", **more: Any) -> None:  # noqa: ANN401 - a record's fields
        """Add a line."""
        line = Line(
            number=len(self.all_lines) + 1,
            when=time.time(),
            process="shop-0",
            service="shop",
            level=level,
            message=message,
            **more,
        )
        self.all_lines.append(line)
        self.number += 1

    def traces(
        self, *, service: str = "", failed: bool = False, least: float = 0.0, text: str = "", limit: int = 50
    ) -> Sequence[TraceSummary]:
        """List them as the real one does."""
        found: dict[str, list[Span]] = {}
        for span in self.all_spans:
            found.setdefault(span.trace, []).append(span)
        all_ = [
            TraceSummary(
                trace=trace,
                name=spans[0].name,
                service=spans[0].service,
                start=spans[0].start,
                duration=spans[0].duration,
                spans=len(spans),
                failed=sum(span.failed for span in spans),
                services=tuple(dict.fromkeys(span.service for span in spans)),
            )
            for trace, spans in found.items()
        ]
        return [
            one
            for one in reversed(all_)
            if (not service or service in one.services)
            and (not failed or one.failed)
            and one.duration >= least
            and text in one.name
        ][:limit]

    def trace(self, trace: str) -> Sequence[Span]:
        """Give its spans."""
        return [span for span in self.all_spans if span.trace == trace]

    def lines(
        self, *, after: int = 0, process: str = "", level: str = "", trace: str = "", text: str = "", limit: int = 200
    ) -> Sequence[Line]:
        """Give the newest that pass."""
        return [
            line
            for line in self.all_lines
            if line.number > after
            and process in {"", line.process, line.service}
            and level in {"", line.level}
            and trace in {"", line.trace}
            and text in line.message
        ][-limit:]

    def flows(self) -> Sequence[Flow]:
        """Give the traffic."""
        self.asked += 1
        return self.all_flows

    def sagas(self) -> Sequence[Sagas]:
        """Give one kind."""
        return [
            Sagas(
                service="shop",
                saga="checkout",
                running=1,
                compensating=0,
                stuck=0,
                oldest=2,
                completed=7,
                compensated=1,
                abandoned=0,
            )
        ]

    def channels(self) -> Sequence[Channel]:
        """Give them."""
        return self.all_channels

    def alerts(self) -> Sequence[Alert]:
        """Give them."""
        return self.all_alerts

    def objectives(self) -> Sequence[Objective]:
        """Give one."""
        return [
            Objective(
                service="shop", about="errors", promised="99.9 % end well", measured=0.0002, budget=0.001, seen=60
            )
        ]

    def replicas(self) -> Sequence[Replica]:
        """Give one."""
        return [
            Replica(replica="shop-0", service="shop", ready=True, memory=5e7, cpu=0.1, breakers={"money": 1}, scraped=0)
        ]

    def version(self) -> int:
        """Give a number that grows."""
        return self.number


def flow(source: str, target: str, rate: float, failures: float = 0.0) -> Flow:
    """Give traffic."""
    return Flow(
        source=source, target=target, rate=rate, failures=failures, p50=0.01, p95=0.2, history=(1.0, 2.0, rate), step=5
    )


def order(trace: str = TRACE, name: str = "POST /checkout", *, failed: bool = False) -> list[Span]:
    """Give the spans of an order."""
    now = time.time() - 0.1
    ids = [f"{number:016x}" for number in range(1, 5)]
    made = [
        ("gateway", "", 0.0, 0.3),
        ("shop", ids[0], 0.02, 0.25),
        ("money", ids[1], 0.1, 0.1),
        ("stock", ids[1], 0.05, 0.04),
    ]
    return [
        Span(
            trace=trace,
            span=ids[place],
            parent=parent,
            service=service,
            name=name if not place else f"work of {service}",
            kind="server",
            start=now + start,
            duration=duration,
            failed=failed and place == 2,
            says="the card was refused" if failed else "",
            attributes={"http.response.status_code": 201},
        )
        for place, (service, parent, start, duration) in enumerate(made)
    ]
