"""What is asked of replicas and proxies: the right figure for each way, over restarts, at little cost."""

import asyncio
import contextlib
import json
import math
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from fairway.local.telemetry import Telemetry
from fairway.local.telemetry.counting import STEP, STEPS, Counts, Increase, Way, quantile, share_beyond
from fairway.local.telemetry.exposition import Wanted
from fairway.local.telemetry.fetching import LARGEST, fetch
from fairway.local.telemetry.proxy_counts import Relation, counted
from fairway.local.telemetry.records import Flow, Span
from fairway.local.telemetry.replica_figures import WANTED
from fairway.local.telemetry.settings import Link, Node, Scraped, Settings
from fairway.local.telemetry.span_counts import Pairs
from fairway_sdk.contract import metrics

from .conftest import post, until

INFINITE = math.inf


def test_the_reader_of_metrics_agrees_with_the_library() -> None:
    """On names, labels with all that may be in them, and values."""
    registry = CollectorRegistry()
    odd = Gauge("odd", "", ["text"], registry=registry)
    for text in ('a"b', "a\\b", "a\nb", "a}b{", "a,b=c", "", "ü"):
        odd.labels(text).set(1.5)
    Gauge("plain", "", registry=registry).set(INFINITE)
    Counter("odd_other", "", registry=registry).inc()
    document = generate_latest(registry).decode()
    families = text_string_to_metric_families(document)
    theirs = {(one.name, tuple(one.labels.items()), one.value) for family in families for one in family.samples}
    ours = {(one.name, tuple(one.labels.items()), one.value) for one in Wanted(("odd", "plain")).read(document)}
    assert ours == {one for one in theirs if one[0] in {"odd", "plain"}}


def test_metrics_that_make_no_sense_are_passed_over() -> None:
    """A document is not ours to trust."""
    document = 'odd{a="b" 1\nodd{a="' + "x" * 100_000 + '\nodd{} one\nodd 1 2\nodd{a="b"} 2\n'
    assert [(one.labels, one.value) for one in Wanted(("odd",)).read(document)] == [({}, 1.0), ({"a": "b"}, 2.0)]


def test_only_what_has_changed_in_a_scrape_is_read_again() -> None:
    """And a sentence about a metric is no figure of it, also where it begins with a number."""
    wanted = Wanted(("odd", "plain"))
    document = 'plain 7\n# HELP odd 1 where it is odd\n# TYPE odd gauge\nodd{a="b"} 1\n# HELP other x\nother 3\n'
    first = wanted.read_again(document, {})
    again = wanted.read_again(document.replace("plain 7", "plain 8"), first)
    assert [(one.name, one.value) for part in again.values() for one in part] == [("plain", 8), ("odd", 1)]
    assert [id(again[part]) == id(first[part]) for part in again if part in first] == [True, True]


def test_reading_a_scrape_takes_milliseconds() -> None:
    """Ten replicas are read every two seconds."""
    registry = CollectorRegistry()
    requests = Histogram("http_server_request_duration_seconds", "", ["route"], registry=registry)
    for number in range(200):
        requests.labels(f"/route/{number}").observe(0.1)
    document = generate_latest(registry).decode()
    began = time.process_time()
    assert not list(WANTED.read(document))
    assert time.process_time() - began < 0.05


def test_counters_that_begin_anew_count_from_nought() -> None:
    """A process was restarted; what is seen first was counted before we asked, unless it is new."""
    increase = Increase()
    grown = [increase.of("a", Counts(done=done)).done for done in (100.0, 130.0, 5.0, 9.0)]
    assert grown == [0.0, 30.0, 5.0, 4.0]
    assert increase.of("b", Counts(done=3.0), new=True).done == 3.0


def test_a_way_tells_rate_failures_times_and_its_past() -> None:
    """All of the last seconds, and the sum of the past is what was counted."""
    way = Way()
    for second in range(20):
        within = {0.01: 9.0, 0.1: 10.0, INFINITE: 10.0}
        way.add(Counts(done=10.0, failed=1.0, within=within), 1_000.0 + second)
    now = 1_019.5
    assert way.rate(now) == pytest.approx(10.0)
    assert way.failures(now) == pytest.approx(0.1)
    p50, p95 = way.quantiles(now, 0.5, 0.95)
    assert p50 == pytest.approx(0.0055, abs=0.001)
    assert p95 == pytest.approx(0.055, abs=0.001)
    assert sum(way.history(now)) * STEP == pytest.approx(200.0)
    assert len(way.history(now)) == STEPS
    assert (way.rate(now + 60), way.failures(now + 60), way.quantiles(now + 60, 0.5)) == (0.0, 0.0, (None,))
    assert sum(way.history(now + 60)) * STEP == pytest.approx(200.0)
    assert not sum(way.history(now + 10_000))


def test_quantiles_and_shares_of_a_histogram_are_estimated_between_its_bounds() -> None:
    """Evenly within a bucket; beyond the last bound nothing is known."""
    within = {1.0: 0.0, 2.0: 10.0, INFINITE: 20.0}
    assert quantile(within, 0.25) == pytest.approx(1.5)
    assert quantile(within, 0.9) == 2.0
    assert quantile({}, 0.5) is None
    assert share_beyond(within, 1.5) == pytest.approx(15.0)
    assert share_beyond(within, 2.0) == 10.0
    assert share_beyond(within, 0.5) == 20.0
    assert share_beyond(within, 3.0) == 10.0
    assert share_beyond({}, 1.0) == 0.0


def _stats(**values: float) -> bytes:
    return json.dumps({"stats": [{"name": name, "value": value} for name, value in values.items()]}).encode()


def test_a_proxys_statistics_are_read_by_who_called_whom() -> None:
    """Versions belong together; what is counted twice by another name is left out; text is no number."""
    name = "cluster.orders-0.to.stock"
    found = counted(
        _stats(
            **{
                f"{name}.1.2.0.upstream_rq_completed": 10,
                f"{name}.1.2.0.external.upstream_rq_completed": 10,
                f"{name}.1.2.0.grpc.14": 2,
                f"{name}.1.2.0.grpc.5": 3,
                f"{name}.1.2.0.upstream_rq_5xx": 1,
                "cluster.orders-0.store.db.upstream_cx_total": 4,
                "cluster.traces.upstream_rq_completed": 99,
                "cluster.stock-0.grpc.upstream_rq_completed": 99,
            }
        )
    )
    stock = Relation(f"{name}.1.2.0", "orders", "stock")
    assert (found[stock].done, found[stock].failed) == (10.0, 2.0)
    assert found[Relation("cluster.orders-0.store.db", "orders", "db")].done == 4.0
    assert len(found) == 2
    assert not counted(b'{"stats": [{"name": "cluster.a-0.to.b.version_text", "value": "x"}]}')


class Stand:
    """A replica of a service, as far as its metrics go."""

    def __init__(self, socket: Path) -> None:
        self.address = f"unix:{socket}"
        self.begin()

    def begin(self) -> None:
        """Start anew, with all counters at nought."""
        self.registry = CollectorRegistry()
        self.calls = Histogram(metrics.CALL_DURATION, "", ["callee", "outcome"], registry=self.registry)
        self.published = Counter(metrics.EVENTS_PUBLISHED, "", ["channel"], registry=self.registry)
        self.handled = Counter(metrics.EVENTS_HANDLED, "", ["channel", "outcome"], registry=self.registry)
        self.letters = Gauge(metrics.DEAD_LETTERS, "", ["channel", "box"], registry=self.registry)
        self.sagas = Gauge(metrics.SAGAS, "", ["saga", "state"], registry=self.registry)
        self.ended = Counter(metrics.SAGAS_ENDED, "", ["saga", "outcome"], registry=self.registry)
        self.breaker = Gauge(metrics.BREAKER_OPEN, "", ["callee"], registry=self.registry)
        for outcome in ("ok", "error", "open"):
            self.calls.labels("stock", outcome)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Answer scrapes."""

        async def answer(_: web.Request) -> web.Response:
            return web.Response(body=generate_latest(self.registry))

        application = web.Application()
        application.router.add_get("/metrics", answer)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.UnixSite(runner, self.address.removeprefix("unix:")).start()
        try:
            yield
        finally:
            await runner.cleanup()


def _flow(telemetry: Telemetry, source: str, target: str, channel: str = "") -> Flow:
    [found] = [one for one in telemetry.flows() if (one.source, one.target, one.channel) == (source, target, channel)]
    return found


def _seen(flow: Flow) -> float:
    return round(sum(flow.history) * flow.step, 6)


async def test_calls_events_sagas_and_breakers_of_replicas_add_up(
    make_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    """What each replica did is added; what all of them tell of the store is not. A restart loses nothing."""
    stands = [Stand(tmp_path / f"{number}.sock") for number in range(2)]
    links = (
        Link(source="orders", target="stock", kind="call"),
        Link(source="orders", target="broker", kind="publish", channel="placed"),
        Link(source="broker", target="orders", kind="consume", channel="paid"),
    )
    scraped = [Scraped(replica=f"orders-{n}", service="orders", address=one.address) for n, one in enumerate(stands)]
    nodes = (Node(name="orders", kind="service"), Node(name="stock", kind="service"))
    settings = make_settings(*scraped, links=links, nodes=nodes)
    async with contextlib.AsyncExitStack() as stack:
        for one in stands:
            await stack.enter_async_context(one.serving())
        telemetry = await stack.enter_async_context(Telemetry(settings))
        await until(lambda: len(telemetry.replicas()) == 2)
        for one in stands:
            for _ in range(8):
                one.calls.labels("stock", "ok").observe(0.02)
            one.calls.labels("stock", "error").observe(0.02)
            one.calls.labels("stock", "error").observe(0.02)
            one.calls.labels("stock", "open").observe(0.0)
            one.published.labels("placed").inc(3)
            one.handled.labels("paid", "handled").inc(3)
            one.handled.labels("paid", "parked").inc()
            one.handled.labels("paid", "repeated").inc(5)
            one.letters.labels("paid", "in").set(2)
            one.sagas.labels("checkout", "stuck").set(1)
            one.ended.labels("checkout", "completed").inc(4)
            one.breaker.labels("stock").set(0.5)
        await until(lambda: _seen(_flow(telemetry, "orders", "stock")) == 20)
        call = _flow(telemetry, "orders", "stock")
        assert call.failures == pytest.approx(0.2)
        assert call.p50 == pytest.approx(0.0175, abs=0.01)
        assert _seen(_flow(telemetry, "orders", "broker", "placed")) == 6
        assert _seen(_flow(telemetry, "broker", "orders", "paid")) == 8
        assert _flow(telemetry, "broker", "orders", "paid").failures == pytest.approx(0.25)
        [saga] = telemetry.sagas()
        assert (saga.saga, saga.stuck, saga.completed) == ("checkout", 1, 8)
        paid, placed = telemetry.channels()
        assert (paid.handled, paid.dead_in, placed.published) == (6, 2, 6)
        assert telemetry.replicas()[0].breakers == {"stock": 0.5}
        stands[0].begin()
        stands[0].calls.labels("stock", "ok").observe(0.02)
        await until(lambda: _seen(_flow(telemetry, "orders", "stock")) == 21)
        stats = {one.about: one.measured for one in telemetry.objectives()}
        assert stats["errors"] == pytest.approx(4 / 21)


async def test_a_replica_that_is_gone_has_no_figures_any_more(
    make_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    """A figure of long ago is none."""
    stand = Stand(tmp_path / "a.sock")
    settings = make_settings(Scraped(replica="orders-0", service="orders", address=stand.address))
    async with Telemetry(settings) as telemetry:
        async with stand.serving():
            await until(telemetry.replicas)
        await until(lambda: not telemetry.replicas())


@pytest.mark.parametrize(
    "answer",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffff\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\n\r\n" + bytes(LARGEST + 1),
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000,
        b"",
    ],
    ids=range(9),
)
async def test_who_answers_with_too_much_or_nonsense_is_an_error_and_no_more(tmp_path: Path, answer: bytes) -> None:
    """A replica may be anything."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        with contextlib.suppress(ConnectionError):
            writer.write(answer)
            await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(serve, str(tmp_path / "s"))
    async with server:
        with pytest.raises(OSError, match="s"):
            await fetch(f"unix:{tmp_path / 's'}", "/metrics")


async def test_who_does_not_answer_is_waited_for_no_longer_than_said(tmp_path: Path) -> None:
    """And keeps nobody else waiting."""

    async def hang(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.5)
        writer.close()

    server = await asyncio.start_unix_server(hang, str(tmp_path / "s"))
    async with server:
        began = time.monotonic()
        with pytest.raises(OSError, match="no answer within"):
            await fetch(f"unix:{tmp_path / 's'}", "/metrics", within=0.1)
        assert time.monotonic() - began < 0.4
        await asyncio.sleep(0.6)


def _span(number: int, service: str, kind: str, parent: int = 0, *, failed: bool = False) -> Span:
    return Span(
        trace=f"{1:032x}",
        span=f"{number:016x}",
        parent=f"{parent:016x}" if parent else "",
        service=service,
        name="call",
        kind=kind,  # type: ignore[arg-type] # of these words
        start=1.0,
        duration=0.015,
        failed=failed,
    )


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_without_proxies_a_call_is_a_span_that_serves_below_another_services(order: tuple[int, int]) -> None:
    """Whichever of the two comes first; each once."""
    ends = [_span(1, "orders", "client"), _span(2, "stock", "server", 1, failed=True)]
    pairs = Pairs()
    [(way, counts)] = [found for one in order for found in pairs.take([ends[one]])]
    assert way == ("orders", "stock", "")
    assert (counts.done, counts.failed, counts.within[0.01], counts.within[0.02]) == (1.0, 1.0, 0.0, 1.0)
    assert not list(pairs.take([_span(3, "stock", "server", 99), _span(4, "stock", "internal", 1)]))


async def test_a_system_without_proxies_shows_its_traffic_by_spans(make_settings: Callable[..., Settings]) -> None:
    """Where nobody scrapes the caller either."""
    request = ExportTraceServiceRequest()
    for service, kind, number, parent in (("orders", 3, 1, b""), ("stock", 2, 2, (1).to_bytes(8, "big"))):
        resource = request.resource_spans.add()
        resource.resource.attributes.add(key="service.name").value.string_value = service
        resource.scope_spans.add().spans.add(
            trace_id=bytes(15) + b"\1", span_id=number.to_bytes(8, "big"), parent_span_id=parent, kind=kind, name="call"
        )
    settings = make_settings()
    async with Telemetry(settings) as telemetry:
        await post(settings, "/v1/traces", request.SerializeToString())
        assert _seen(_flow(telemetry, "orders", "stock")) == 1
