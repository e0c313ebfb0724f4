"""What a failed try means: a no for good, nothing done, or an outcome that nobody knows."""

import traceback
from typing import Any, Final

from fairway_sdk.errors import DeclinedError, RefusedError
from fairway_sdk.sagas.definition import Step

# Of a library's own errors, where a step calls by itself and not through a declared call: a callee's no.
GRPC_NO: Final = frozenset(
    {
        "INVALID_ARGUMENT",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "FAILED_PRECONDITION",
        "PERMISSION_DENIED",
        "UNAUTHENTICATED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
    }
)
HTTP_LATER: Final = frozenset({408, 425, 429})  # these few of the 4xx ask for another try
NOT_SENT: Final = frozenset({"refused", "open"})  # outcomes of a declared call that never left


def is_no(error: BaseException, step: Step) -> bool:
    """Tell whether a later try would be declined, too, so that the saga turns back at once."""
    from fairway_sdk.calls.failures import DeclinedCallError

    if isinstance(error, (DeclinedError, DeclinedCallError, RefusedError, *step.declines)):
        return True
    code = _grpc_code(error)
    if code:
        return code in GRPC_NO
    status = getattr(error, "status", None)
    return isinstance(status, int) and 400 <= status < 500 and status not in HTTP_LATER  # noqa: PLR2004 - of HTTP


def was_sent(error: BaseException) -> bool:
    """Tell whether the try may have had an effect."""
    from fairway_sdk.calls.failures import CallError

    return not (isinstance(error, CallError) and error.outcome in NOT_SENT)


def said(error: BaseException, step: Step) -> str:
    """Say what went wrong without a value: the author's words for a no, else the kind of error and its code."""
    from fairway_sdk.calls.failures import CallError, DeclinedCallError

    kind = type(error).__name__
    if isinstance(error, DeclinedError):
        return _plain(error.message)
    if isinstance(error, RefusedError):
        return _plain(error.reason)
    if isinstance(error, DeclinedCallError):
        return _plain(f"{error.callee} declined: {error.code}: {error.message}")
    if isinstance(error, CallError):
        return _plain(f"{error.callee}: {kind} {error.code}")
    if step.declines and isinstance(error, step.declines):
        return _plain(str(error) or kind)
    code = _grpc_code(error) or getattr(error, "status", "")
    return _plain(f"{kind} {code}" if isinstance(code, str | int) else kind)


def place(error: BaseException) -> str:
    """Name the line of code that raised, for the log of the service."""
    frames = traceback.extract_tb(error.__traceback__, limit=-1)
    return f"{frames[0].filename}:{frames[0].lineno} in {frames[0].name}" if frames else ""


def _grpc_code(error: BaseException) -> str:
    """Give the status's name of grpcio's error, known by its shape: a service without gRPC does not import it."""
    code: Any = getattr(error, "code", None)
    if not callable(code) or not type(error).__module__.startswith("grpc"):
        return ""
    return str(getattr(code(), "name", ""))


def _plain(text: str) -> str:
    """Leave out what a store's text cannot hold."""
    return text.replace("\0", "").encode(errors="replace").decode().strip()
