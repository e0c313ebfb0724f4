"""The methods of a stub, one class for each of gRPC's four ways to call, each going through the guard.

A call is awaited, or iterated over with `async for` where it answers with a stream; the library's call objects with
their `read` and `write` are not given out, since a guarded call may be made of several.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Coroutine, Iterable, Sequence
from typing import Any, TypeAlias

import grpc

from fairway_sdk.calls import marks
from fairway_sdk.calls.guard import Guard
from fairway_sdk.contract import SKIPPED_HEADER, STALE_HEADER
from fairway_sdk.grpc.status import failure

Pairs: TypeAlias = Sequence[tuple[str, str | bytes]]
Requests: TypeAlias = AsyncIterable[Any] | Iterable[Any]


class Way:
    """A method of a stub: made when the stub is, bound to a channel while the service runs."""

    way = ""

    def __init__(
        self,
        metadata: Callable[[Pairs | None], Pairs],
        path: str,
        serializers: tuple[Any, ...],
        options: dict[str, Any],
    ) -> None:
        self._metadata = metadata
        self._path = path
        self._name = path.lstrip("/")
        self._serializers = serializers
        self._options = options
        self._bound: tuple[Guard, Any] | None = None

    def bind(self, channel: grpc.aio.Channel, guard: Guard) -> None:
        """Make the library's own method on a new channel."""
        made = getattr(channel, self.way)(self._path, *self._serializers, **self._options)
        self._bound = guard, made

    def release(self) -> None:
        """Forget the channel."""
        self._bound = None

    def _at_hand(self) -> tuple[Guard, Any]:
        if self._bound is None:
            raise RuntimeError(f"{self._name}: is called before the service has started, or after it has ended.")
        return self._bound


class UnaryUnary(Way):
    """One message each way."""

    way = "unary_unary"

    def __call__(
        self, request: Any, timeout: float | None = None, metadata: Pairs | None = None, **options: Any
    ) -> Coroutine[Any, Any, Any]:
        """Call; `timeout` may only shorten what the facts declare."""
        guard, method = self._at_hand()

        async def attempt(seconds: float) -> Any:
            call = method(request, timeout=seconds, metadata=self._metadata(metadata), **options)
            try:
                answer = await call
            except grpc.aio.AioRpcError as error:
                raise failure(guard.callee, error, seconds) from error
            _take_over(await call.trailing_metadata())
            return answer

        return guard.run(self._name, attempt, timeout)


class StreamUnary(Way):
    """Many messages, and one for an answer; never tried again, for the messages are gone."""

    way = "stream_unary"

    def __call__(
        self, requests: Requests, timeout: float | None = None, metadata: Pairs | None = None, **options: Any
    ) -> Coroutine[Any, Any, Any]:
        """Call; `timeout` may only shorten what the facts declare."""
        guard, method = self._at_hand()

        async def attempt(seconds: float) -> Any:
            source = _Source(requests)
            call = method(source, timeout=seconds, metadata=self._metadata(metadata), **options)
            try:
                answer = await call
            except grpc.aio.AioRpcError as error:
                raise failure(guard.callee, error, seconds, repeatable=False) from error
            except asyncio.CancelledError:
                source.fail()
                raise
            _take_over(await call.trailing_metadata())
            return answer

        return guard.run(self._name, attempt, timeout)


class UnaryStream(Way):
    """One message, and many for an answer."""

    way = "unary_stream"

    def __call__(
        self, request: Any, timeout: float | None = None, metadata: Pairs | None = None, **options: Any
    ) -> AsyncGenerator[Any, None]:
        """Call when first iterated over; `timeout` may only shorten what the facts declare, for the whole stream."""
        guard, method = self._at_hand()

        def opened(seconds: float) -> AsyncGenerator[Any, None]:
            call = method(request, timeout=seconds, metadata=self._metadata(metadata), **options)
            return _messages(guard.callee, call, seconds, None)

        return guard.stream(self._name, opened, timeout)


class StreamStream(Way):
    """Many messages each way."""

    way = "stream_stream"

    def __call__(
        self, requests: Requests, timeout: float | None = None, metadata: Pairs | None = None, **options: Any
    ) -> AsyncGenerator[Any, None]:
        """Call when first iterated over; `timeout` may only shorten what the facts declare, for the whole stream."""
        guard, method = self._at_hand()

        def opened(seconds: float) -> AsyncGenerator[Any, None]:
            source = _Source(requests)
            call = method(source, timeout=seconds, metadata=self._metadata(metadata), **options)
            return _messages(guard.callee, call, seconds, source)

        return guard.stream(self._name, opened, timeout)


class _Source:
    """The author's messages; an error of theirs is kept, for the library would turn it into a bare cancellation."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._error: Exception | None = None

    async def __aiter__(self) -> AsyncIterator[Any]:
        try:
            if isinstance(self._requests, AsyncIterable):
                async for request in self._requests:
                    yield request
            else:
                for request in self._requests:
                    yield request
        except Exception as error:
            self._error = error
            raise

    def fail(self) -> None:
        """Raise the author's error where there was one."""
        if self._error is not None:
            raise self._error


async def _messages(callee: str, call: Any, seconds: float, source: _Source | None) -> AsyncGenerator[Any, None]:
    try:
        async for message in call:
            yield message
        _take_over(await call.trailing_metadata())
    except grpc.aio.AioRpcError as error:
        raise failure(callee, error, seconds) from error
    except asyncio.CancelledError:
        if source is not None:
            source.fail()
        raise
    finally:
        call.cancel()  # does nothing to a call that has ended; a reader who leaves early ends it


def _take_over(trailing: Any) -> None:
    if trailing:
        found = dict(trailing)
        marks.take_over(found.get(STALE_HEADER), found.get(SKIPPED_HEADER))
