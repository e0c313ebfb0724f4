"""What a request leaves behind: a line, a number, a span, and nothing of the person who sent it."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import structlog
from aiohttp import ClientSession
from fastapi import APIRouter, FastAPI
from prometheus_client import REGISTRY

from fairway_sdk import Service
from fairway_sdk.contract import CLIENT_CERTIFICATE_HEADER, TENANT_HEADER
from fairway_sdk.contract.binding import Identity, Telemetry
from fairway_sdk.telemetry.traces import span, traceparent
from fairway_sdk.testing.traces import recorded_spans

Serve = Callable[..., AbstractAsyncContextManager[ClientSession]]
Log = Callable[[], list[dict[str, Any]]]

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
XFCC = "Hash=00;URI=spiffe://cluster.local/ns/shop/sa/gateway"


def shop() -> Service:
    """Make a service with a few routes, some of which came with a router or are mounted."""
    service = Service("shop")

    @service.get("/items/{number}")
    async def item(number: int) -> dict[str, str]:
        with span("look up", attributes={"number": number}):
            return {"traceparent": traceparent()}

    inner = APIRouter(prefix="/inner")
    inner.add_api_route("/things/{number}", item)
    outer = APIRouter(prefix="/outer")
    outer.include_router(inner)
    service.rest.include_router(outer, prefix="/v1")
    mounted = FastAPI()
    mounted.add_api_route("/deep/{number}", item)
    service.rest.mount("/mounted", mounted)
    return service


def routes() -> set[str]:
    """Give the routes in the metrics so far."""
    return {
        sample.labels["http_route"]
        for metric in REGISTRY.collect()
        if metric.name == "http_server_request_duration_seconds"
        for sample in metric.samples
    }


def requests(**labels: str) -> float:
    """Count the requests in the metrics."""
    return REGISTRY.get_sample_value("http_server_request_duration_seconds_count", labels) or 0.0


async def test_each_request_is_one_line_of_json_in_its_callers_trace(serve: Serve, log: Log) -> None:
    """The line names the template of the route, not the path, and continues the trace that came."""
    async with serve(shop()) as client:
        log()
        await client.get("/items/5?email=jane@example.org", headers={"traceparent": f"00-{TRACE}-{PARENT}-00"})
        (line,) = log()
    assert line["event"] == "request"
    assert line["service"] == "shop"
    assert line["trace_id"] == TRACE
    assert len(line["span_id"]) == 16
    assert line["span_id"] != PARENT
    assert (line["method"], line["route"], line["status"]) == ("GET", "/items/{number}", 200)
    assert line["ms"] > 0
    assert {"timestamp", "level", "replica"} <= line.keys()
    assert "jane" not in str(line)


async def test_a_line_has_the_shape_of_all_lines(serve: Serve, log: Log) -> None:
    """The line that is put together by hand begins as those that structlog makes."""
    service = shop()

    @service.get("/told")
    async def told() -> None:
        structlog.get_logger("fairway").info("something happened", number=1)

    async with serve(service) as client:
        log()
        await client.get("/told")
        written, request = log()
    common = ["timestamp", "level", "event", "service", "replica", "trace_id", "span_id"]
    assert list(written)[:7] == list(request)[:7] == common
    assert [written[name] for name in common[3:]] == [request[name] for name in common[3:]]


async def test_the_tenant_and_the_calling_service_are_told(serve: Serve, log: Log) -> None:
    """What the gateway vouches for is in the line."""
    identity = Identity(proxied=True, gateway="spiffe://cluster.local/ns/shop/sa/gateway", tenants=("north",))
    headers = {TENANT_HEADER: "north", CLIENT_CERTIFICATE_HEADER: XFCC}
    async with serve(shop(), system="shop", identity=identity) as client:
        log()
        answer = await client.get("/items/5", headers=headers)
        (line,) = log()
    assert answer.status == 200
    assert (line["tenant"], line["caller"]) == ("north", "gateway")


async def test_routes_are_counted_by_their_template_with_all_prefixes(serve: Serve) -> None:
    """Routers and mounts are part of a template."""
    async with serve(shop()) as client:
        for path in ("/items/1", "/v1/outer/inner/things/2", "/mounted/deep/3", "/openapi.json"):
            assert (await client.get(path)).status == 200
    assert {"/items/{number}", "/v1/outer/inner/things/{number}", "/mounted/deep/{number}", "/openapi.json"} <= routes()


async def test_unknown_paths_and_methods_make_no_new_labels(serve: Serve) -> None:
    """Whoever tries a thousand paths fills no metric with them."""
    async with serve(shop()) as client:
        await client.get("/nothing")
        before = routes()
        counted = requests(http_request_method="_OTHER", http_route="unmatched", http_response_status_code="404")
        for number in range(40):
            assert (await client.request("PROPFIND", f"/unknown/{number}")).status == 404
    assert routes() == before
    assert requests(http_request_method="_OTHER", http_route="unmatched", http_response_status_code="404") > counted


async def test_a_sampled_trace_goes_on_through_the_service(serve: Serve) -> None:
    """The server's span hangs below the caller's, the work's below the server's, and a call would carry it on."""
    with recorded_spans() as spans:
        async with serve(shop(), telemetry=Telemetry(share=0.0)) as client:
            answer = await client.get("/items/5", headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
            carried = (await answer.json())["traceparent"]
    inner, server = spans
    assert server.name == "GET /items/{number}"
    assert server.context is not None
    assert server.parent is not None
    assert inner.parent is not None
    assert f"{server.context.trace_id:032x}" == TRACE
    assert f"{server.parent.span_id:016x}" == PARENT
    assert inner.parent.span_id == server.context.span_id
    assert inner.context is not None
    assert carried == f"00-{TRACE}-{inner.context.span_id:016x}-01"
    assert server.attributes is not None
    assert server.attributes["http.route"] == "/items/{number}"
    assert server.attributes["http.response.status_code"] == 200
    assert server.resource.attributes["service.name"] == "shop"


async def test_an_unsampled_trace_is_carried_on_and_not_recorded(serve: Serve) -> None:
    """The caller has decided, and callees must hear of it."""
    with recorded_spans() as spans:
        async with serve(shop(), telemetry=Telemetry(share=1.0)) as client:
            answer = await client.get("/items/5", headers={"traceparent": f"00-{TRACE}-{PARENT}-00"})
            carried = (await answer.json())["traceparent"]
    assert not spans
    assert carried.startswith(f"00-{TRACE}-")
    assert carried.endswith("-00")


async def test_a_sampled_trace_passes_a_service_that_records_nothing(serve: Serve) -> None:
    """Its callees still hang below a span that exists: the caller's."""
    async with serve(shop()) as client:
        answer = await client.get("/items/5", headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
        assert (await answer.json())["traceparent"] == f"00-{TRACE}-{PARENT}-01"


async def test_about_the_bound_share_of_new_traces_is_recorded(serve: Serve) -> None:
    """A quarter of 400 is 100, give or take what chance allows."""
    with recorded_spans() as spans:
        async with serve(shop(), telemetry=Telemetry(share=0.25)) as client:
            for _ in range(400):
                await client.get("/items/5")
    servers = [span for span in spans if span.parent is None]
    assert 60 < len(servers) < 145
    assert len({span.context.trace_id for span in servers if span.context}) == len(servers)


async def test_an_unreadable_traceparent_begins_a_new_trace(serve: Serve, log: Log) -> None:
    """What is not W3C's is as good as nothing."""
    broken = [
        "",
        "nonsense",
        f"00-{'0' * 32}-{PARENT}-01",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{TRACE.upper()}-{PARENT}-01",
    ]
    broken += [f"00-{TRACE}-{PARENT}-01-more", f"00-{TRACE}-{PARENT}", f"00-{'g' * 32}-{PARENT}-01"]
    broken += ["a" * 55, f"00-\t{TRACE[2:]}\t-{PARENT}-01", f"00-+1_2{TRACE[4:]}-{PARENT}-01"]  # numbers to Python
    async with serve(shop()) as client:
        log()
        for header in broken:
            await client.get("/items/5", headers={"traceparent": header})
        traces = [line["trace_id"] for line in log()]
    assert len(set(traces)) == len(broken)
    assert TRACE not in traces


async def test_a_request_that_broke_is_an_error_in_its_trace(serve: Serve) -> None:
    """The span names the class of what went wrong, not its message."""
    service = shop()

    @service.get("/broken")
    async def broken() -> None:
        raise LookupError("jane@example.org")

    with recorded_spans() as spans:
        async with serve(service, telemetry=Telemetry(share=1.0)) as client:
            assert (await client.get("/broken")).status == 500
    (server,) = spans
    assert not server.status.is_ok
    assert server.attributes is not None
    assert server.attributes["error.type"] == "LookupError"
    assert "jane" not in server.to_json()
