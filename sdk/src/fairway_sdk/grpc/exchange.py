"""One gRPC call that is answered: its trace, count and line of log, and what its caller is told of an error."""

import asyncio
from time import perf_counter
from typing import Any, Final, NoReturn

import grpc
import structlog
from opentelemetry import context as trace_context
from opentelemetry.trace import set_span_in_context

from fairway_sdk.calls import marks
from fairway_sdk.errors import DeclinedError, RefusedError, UnavailableError
from fairway_sdk.grpc import metrics
from fairway_sdk.grpc.status import PUSHBACK, answer_to
from fairway_sdk.identity.caller import ANONYMOUS, caller
from fairway_sdk.identity.headers import Get, from_metadata
from fairway_sdk.telemetry import lines
from fairway_sdk.telemetry.traces import failed
from fairway_sdk.telemetry.tracing import enter

log = structlog.get_logger("fairway")

OK: Final = "OK"


class Common:
    """What all calls of a method that end with one code have in common."""

    __slots__ = ("counted", "logged")

    def __init__(self, name: str, code: str) -> None:
        self.counted = metrics.DURATION.labels(name, code)
        self.logged = lines.inside({"method": name, "code": code})


class Exchange:
    """One call. Its task, and with it its context, is its own, so nothing that is set here is taken back."""

    __slots__ = ("_began", "_code", "_context", "_name", "_span", "_span_id", "_trace_id", "get", "metadata")

    def __init__(self, name: str, context: Any, attributes: dict[str, str]) -> None:
        self._began = perf_counter()
        self._name = name
        self._code = OK
        self._context = context
        pairs = context.invocation_metadata()
        self.metadata: dict[str, Any] = dict(pairs)
        # Where some came twice: which of them counts is identity's to say.
        self.get: Get = self.metadata.get if len(self.metadata) == len(pairs) else from_metadata(pairs)
        parent, state = self.metadata.get("traceparent", ""), self.metadata.get("tracestate", "")
        self._span, self._trace_id, self._span_id = enter(name, parent, state, attributes)
        trace_context.attach(set_span_in_context(self._span))
        caller.set(ANONYMOUS)  # the server's own task may have been started for somebody
        marks.begin()
        metrics.ACTIVE.now += 1

    def succeed(self) -> None:
        """Note the code that the author chose, and own up to what the answer rests on."""
        chosen = self._context.code()
        if chosen is not None:
            self._code = chosen.name
        if found := marks.marks():
            told = [(key.decode(), value.decode()) for key, value in found]
            self._context.set_trailing_metadata((*self._context.trailing_metadata(), *told))

    def broken_off(self, error: BaseException) -> None:
        """Note what ended the call where nothing more can be told: the author's word, or that the caller has gone."""
        if isinstance(error, asyncio.CancelledError):
            self._code = "DEADLINE_EXCEEDED" if self._context.time_remaining() == 0 else "CANCELLED"
        else:
            self._code = self._context.code().name

    async def fail(self, error: Exception, *, late: bool) -> NoReturn:
        """Tell the caller what it may know of an error; `late`: the time that we give a call was over."""
        left = 0.0 if late else self._context.time_remaining()
        status, message = answer_to(error, left)
        self._code = status.name
        trailing: tuple[tuple[str, str], ...] = ()
        if isinstance(error, UnavailableError):
            log.warning(
                "a call failed: something does not answer",
                method=self._name,
                error=type(error).__qualname__,
                reason=str(error),
            )
            # We have tried as often as it helps: our caller need not try it all again.
            trailing = ((PUSHBACK, "-1"),)
        elif not isinstance(error, DeclinedError | RefusedError):
            log.error("a call failed", method=self._name, exc_info=error)
        if status in FAULTS:
            failed(self._span, error)
        await self._context.abort(status, message, trailing)
        raise AssertionError("abort always raises")

    def end(self, commons: dict[str, Common]) -> None:
        """Count, trace and log the call; `commons` remembers what the method's calls with one code have in common."""
        seconds = perf_counter() - self._began
        metrics.ACTIVE.now -= 1
        common = commons.get(self._code)
        if common is None:
            common = commons[self._code] = Common(self._name, self._code)
        if self._span.is_recording():
            common.counted.observe(seconds, {"trace_id": self._trace_id})
            self._span.set_attribute("rpc.response.status_code", self._code)
            self._span.end()
        else:
            common.counted.observe(seconds)
        writer = lines.current()
        if writer is not None and writer.informs:
            who = caller.get()
            further = {"tenant": who.tenant, "caller": who.service} if who.tenant or who.service else {}
            writer.access(self._trace_id, self._span_id, common.logged, seconds, further)


FAULTS: Final = frozenset(
    {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}
)  # the server's; a no is not
