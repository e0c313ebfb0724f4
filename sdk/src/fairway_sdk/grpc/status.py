"""What each gRPC status means here, and which one tells a caller what: no, out of time, or in trouble."""

from typing import Any, Final

import grpc

from fairway_sdk.calls.failures import CallError, DeadlineError, DeclinedCallError
from fairway_sdk.errors import DeclinedError, RefusedError, UnavailableError

# The callee is well and its answer is no. A callee that lacks a method is of another version, which no pause mends.
DECLINED: Final = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.ALREADY_EXISTS,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.UNIMPLEMENTED,
    }
)
# Nobody is there, or a server cut its calls off as it ended.
AGAIN: Final = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED})
PUSHBACK: Final = "grpc-retry-pushback-ms"  # a server that has tried enough itself sends -1: do not ask again


def failure(
    callee: str, error: grpc.aio.AioRpcError, had: float, *, repeatable: bool = True
) -> CallError | DeclinedCallError:
    """Turn what the library raises into what a service handles; `had` is the seconds the callee was given.

    `RESOURCE_EXHAUSTED` is a failure of this call, yet the callee is alive: it bounds a tenant, or itself.
    """
    code = error.code()
    if code in DECLINED:
        return DeclinedCallError(callee, code.name, error.details() or "")
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return DeadlineError(callee, f"gave no answer within {had:.2g} s", code=code.name)
    again = repeatable and code in AGAIN and not _pushed_back(error)
    counts = code is not grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = f"answered {code.name}: {error.details() or 'without a reason'}"
    return CallError(callee, reason, code=code.name, again=again, counts=counts)


def _pushed_back(error: grpc.aio.AioRpcError) -> bool:
    trailing: Any = error.trailing_metadata() or ()
    return any(key == PUSHBACK and str(value).startswith("-") for key, value in trailing)


def answer_to(error: Exception, left: float | None) -> tuple[grpc.StatusCode, str]:
    """Give what a caller is told of an error that a method raised; `left` is the rest of the caller's time.

    The message of an error that nobody meant for the caller may quote anything, so the caller gets none of it.
    """
    if isinstance(error, DeclinedError):
        return grpc.StatusCode[error.code], error.message
    if isinstance(error, RefusedError):
        code = grpc.StatusCode.UNAUTHENTICATED if error.status == 401 else grpc.StatusCode.PERMISSION_DENIED  # noqa: PLR2004 - HTTP's
        return code, error.reason
    if left == 0 and isinstance(error, TimeoutError | UnavailableError):
        return grpc.StatusCode.DEADLINE_EXCEEDED, "the call took longer than it may"
    if isinstance(error, UnavailableError):
        return grpc.StatusCode.UNAVAILABLE, "something that is needed for this does not answer now"
    return grpc.StatusCode.INTERNAL, "the service failed; its log says where"
