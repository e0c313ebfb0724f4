"""What every gRPC method of a service is wrapped in: deadline, caller, trace, metrics, one line of log, honest errors.

The methods are wrapped where they are added, not by interceptors, whose chain costs a call a tenth of its time.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc

from fairway_sdk.calls.deadline import limit, within
from fairway_sdk.calls.idempotency import received
from fairway_sdk.contract import IDEMPOTENCY_HEADER
from fairway_sdk.grpc.exchange import Common, Exchange
from fairway_sdk.identity.caller import caller

if TYPE_CHECKING:
    from fairway_sdk.service import Service

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Behaviour: TypeAlias = Callable[[Any, Any], Awaitable[Any]]


def wrapped(service: "Service", path: str, handler: Handler) -> Handler:
    """Give the handler that the library gets in place of an author's; all four kinds of methods."""
    made: Any = handler
    kinds = (
        (made.unary_unary, grpc.unary_unary_rpc_method_handler),
        (made.unary_stream, grpc.unary_stream_rpc_method_handler),
        (made.stream_unary, grpc.stream_unary_rpc_method_handler),
        (made.stream_stream, grpc.stream_stream_rpc_method_handler),
    )
    method, make = next((method, make) for method, make in kinds if method is not None)
    handle = _handle(service, path.lstrip("/"), _behaviour(method), streams=bool(made.response_streaming))
    return make(handle, made.request_deserializer, made.response_serializer)


def check(path: str, handler: Handler) -> str:
    """Say what is wrong with an author's method: nothing, as a rule."""
    made: Any = handler
    method = made.unary_unary or made.unary_stream or made.stream_unary or made.stream_stream
    if inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method) or _is_missing(method):
        return ""
    return f"gRPC method {path}: is not asynchronous. Write it with `async def`."


def _is_missing(method: Any) -> bool:
    """Tell a method that the author left to the generated class, which says that there is none."""
    return str(getattr(method, "__module__", "")).endswith("_pb2_grpc")


def _behaviour(method: Any) -> Behaviour:
    """Give any kind of method as a coroutine function."""
    if inspect.iscoroutinefunction(method):
        return method  # type: ignore[no-any-return] # an author's
    if inspect.isasyncgenfunction(method):

        async def write(request: Any, context: Any) -> None:
            # In one task from beginning to end, cancellation included: so the request's context reaches all of it.
            async with aclosing(method(request, context)) as messages:
                async for message in messages:
                    await context.write(message)

        return write

    async def missing(_request: Any, context: Any) -> None:
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "this service does not have the method")

    return missing


def _handle(service: "Service", name: str, behaviour: Behaviour, *, streams: bool) -> Behaviour:
    verifier = service.identity
    longest = service.binding.deadline
    attributes = {"rpc.system.name": "grpc", "rpc.method": name}
    commons: dict[str, Common] = {}

    async def handle(request: Any, context: Any) -> Any:
        exchange = Exchange(name, context, attributes)
        ours: limit | None = None
        try:
            caller.set(await verifier.of(exchange.get))
            received.set(exchange.metadata.get(IDEMPOTENCY_HEADER, ""))
            # The caller's time, in which the library cancels us, or ours where that is over sooner. A stream has its
            # caller's only: it may be meant to stay.
            left = context.time_remaining()
            if left is not None and (streams or left <= longest):
                with within(left):
                    answer = await behaviour(request, context)
            elif streams:
                answer = await behaviour(request, context)
            else:
                with limit(longest) as ours:
                    answer = await behaviour(request, context)
            exchange.succeed()
        except (grpc.aio.AbortError, asyncio.CancelledError) as error:
            exchange.broken_off(error)
            raise
        except Exception as error:  # noqa: BLE001 - the last that can answer
            await exchange.fail(error, late=ours is not None and ours.expired)
        else:
            return answer
        finally:
            exchange.end(commons)

    return handle
