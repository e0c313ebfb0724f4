"""What surrounds every request: its trace, caller and deadline on the way in, its metrics and log line on the way out.

One plain ASGI application does it all. Each layer of middleware costs a request its own wrapping of `receive` and
`send`, and a usual stack of six costs several times what the handler does.
"""

import asyncio
from time import perf_counter
from typing import TYPE_CHECKING, Final

import structlog
from opentelemetry import context, trace
from opentelemetry.trace import Span, Status, StatusCode
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fairway_sdk import contract
from fairway_sdk.calls import marks
from fairway_sdk.calls.deadline import limit
from fairway_sdk.calls.idempotency import received
from fairway_sdk.errors import RefusedError, UnavailableError
from fairway_sdk.identity.caller import ANONYMOUS, caller
from fairway_sdk.identity.headers import AUTHORIZATION, Get, from_asgi
from fairway_sdk.rest import problems
from fairway_sdk.rest.metrics import ACTIVE, METHODS, OTHER, kind
from fairway_sdk.rest.routes import Routes
from fairway_sdk.telemetry import lines
from fairway_sdk.telemetry.tracing import enter

if TYPE_CHECKING:
    from fairway_sdk.service import Service

log = structlog.get_logger("fairway")

PROXY_TIMEOUT: Final = b"x-envoy-expected-rq-timeout-ms"  # how long the proxy in front waits for us
SERVER_ERROR: Final = 500
LONGEST_NUMBER: Final = 18  # digits; of more, Python refuses to make a number at some point

_IDEMPOTENCY: Final = contract.IDEMPOTENCY_HEADER.encode()
_CLOSE: Final = (b"connection", b"close")
_NAMES: Final = {
    name: name.encode() for name in (AUTHORIZATION, contract.TENANT_HEADER, contract.CLIENT_CERTIFICATE_HEADER)
}


class Edge:
    """An ASGI application around another, for one start of a service."""

    def __init__(self, app: ASGIApp, service: "Service") -> None:
        binding = service.binding
        self._app = app
        self._limited = RequestBodyLimitMiddleware(app, binding.largest_body)
        self._largest = binding.largest_body
        self._deadline = binding.deadline
        self._service = service
        self._identity = service.identity
        self._routes = Routes(service.rest.routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; everything else is the application's own."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        exchange = _Exchange(self._service, self._routes, scope, headers, send)
        traced = context.attach(trace.set_span_in_context(exchange.span))
        before = caller.set(ANONYMOUS)
        marks.begin()
        received.set(headers.get(_IDEMPOTENCY, b"").decode("latin-1"))
        ACTIVE.now += 1
        try:
            with limit(self._seconds(headers)) as exchange.limit:
                exchange.caller = await self._identity.of(_get(scope, headers))
                caller.set(exchange.caller)
                await self._within_size(headers)(scope, receive, exchange.send)
        except asyncio.CancelledError:
            if self._service.life.draining:
                await exchange.fail(receive, problems.problem(503, problems.ENDING, {"retry-after": "1"}))
            raise
        except Exception as error:  # noqa: BLE001 - the last that can answer
            await exchange.fail(receive, self._answer(error, exchange))
        finally:
            exchange.end()
            ACTIVE.now -= 1
            caller.reset(before)
            context.detach(traced)

    def _seconds(self, headers: dict[bytes, bytes]) -> float:
        told = headers.get(PROXY_TIMEOUT)
        if told is None or not told.isdigit() or len(told) > LONGEST_NUMBER or not int(told):
            return self._deadline
        return min(self._deadline, int(told) / 1000)

    def _within_size(self, headers: dict[bytes, bytes]) -> ASGIApp:
        # The server holds a body to the length it was told, so only a body of unknown or excessive length is measured.
        length = headers.get(b"content-length", b"0")
        if (
            b"transfer-encoding" in headers
            or not length.isdigit()
            or len(length) > LONGEST_NUMBER
            or int(length) > self._largest
        ):
            return self._limited
        return self._app

    def _answer(self, error: Exception, exchange: "_Exchange") -> Response:
        if isinstance(error, RefusedError):
            return problems.refused(error)
        if isinstance(error, TimeoutError) and exchange.limit is not None and exchange.limit.expired:
            return problems.problem(504, problems.LATE)
        if isinstance(error, UnavailableError):
            return problems.unavailable(error)
        exchange.error = type(error).__qualname__
        log.error("a request failed", exc_info=error, route=exchange.route())
        return problems.problem(500, problems.BROKEN)


class _Exchange:
    """One request and its answer."""

    __slots__ = (
        "_begun", "_ended", "_method", "_root", "_routes", "_scope", "_send", "_service", "_span_id", "_trace_id",
        "caller", "error", "limit", "span", "status",
    )  # fmt: skip

    def __init__(
        self, service: "Service", routes: Routes, scope: Scope, headers: dict[bytes, bytes], send: Send
    ) -> None:
        self._begun = perf_counter()
        self._ended = False
        self._service = service
        self._routes = routes
        self._scope = scope
        self._root = scope.get("root_path", "")
        self._send = send
        method: str = scope["method"]
        self._method = method if method in METHODS else OTHER
        self.caller = ANONYMOUS
        self.error = ""
        self.limit: limit | None = None
        self.status = 0
        self.span: Span
        self.span, self._trace_id, self._span_id = enter(
            self._method,
            headers.get(b"traceparent", b"").decode("latin-1"),
            headers.get(b"tracestate", b"").decode("latin-1"),
            {"http.request.method": self._method, "url.scheme": scope.get("scheme", "http")},
        )

    async def send(self, message: Message) -> None:
        """Pass a part of the answer on, and see what it is."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self.limit is not None:
                self.limit.lift()  # what is answered may take its time to be read
            if self._service.life.draining:
                message = {**message, "headers": [*message.get("headers", ()), _CLOSE]}
            if told := marks.marks():
                message = {**message, "headers": [*message.get("headers", ()), *told]}
            await self._send(message)
        else:
            await self._send(message)
            if not message.get("more_body"):
                self.end()  # work that goes on after the answer is not part of the request

    async def fail(self, receive: Receive, response: Response) -> None:
        """Answer with an error, unless an answer has begun."""
        if not self.status:
            await response(self._scope, receive, self.send)

    def route(self) -> str:
        """Name the route that was taken."""
        return self._routes.of(self._scope, self._root)

    def end(self) -> None:
        """Count, trace and log the request, once."""
        if self._ended:
            return
        self._ended = True
        seconds = perf_counter() - self._begun
        route = self.route()
        status = self.status or SERVER_ERROR
        common = kind(self._method, route, status)
        if self.span.is_recording():
            common.counted.observe(seconds, {"trace_id": self._trace_id})
            self._end_span(route, status)
        else:
            common.counted.observe(seconds)
        writer = lines.current()
        if writer is not None and writer.informs:
            who = self.caller
            further = {"tenant": who.tenant} if who.tenant else {}
            if who.service:
                further["caller"] = who.service
            writer.access(self._trace_id, self._span_id, common.logged, seconds, further)

    def _end_span(self, route: str, status: int) -> None:
        span = self.span
        span.update_name(f"{self._method} {route}")
        span.set_attribute("http.route", route)
        span.set_attribute("http.response.status_code", status)
        if status >= SERVER_ERROR:
            span.set_attribute("error.type", self.error or self._scope.get(problems.ERROR, str(status)))
            span.set_status(Status(StatusCode.ERROR))
        span.end()


def _get(scope: Scope, headers: dict[bytes, bytes]) -> Get:
    if len(headers) != len(scope["headers"]):  # some came twice: which, and what then, is identity's to say
        return from_asgi(scope["headers"])

    def get(name: str) -> str | None:
        found = headers.get(_NAMES[name])
        return None if found is None else found.decode("latin-1")

    return get
