"""How a declared call can fail: without an answer, which a later try may mend, or with a no, which none will."""

from typing import ClassVar

from fairway_sdk.errors import FairwayError, UnavailableError


class CallError(UnavailableError):
    """A callee gave no usable answer.

    `code` is what came instead: the name of a gRPC status, an HTTP status, or empty where nothing came.
    """

    outcome: ClassVar[str] = "error"  # the label in the metrics

    def __init__(self, callee: str, reason: str, *, code: str = "", again: bool = False, counts: bool = True) -> None:
        """Say who and why; `again`: the next try may well succeed; `counts`: the callee itself is to blame."""
        super().__init__(f"{callee}: {reason}")
        self.callee = callee
        self.code = code
        self.again = again
        self.counts = counts


class DeadlineError(CallError):
    """A callee did not answer in time, or there was no time left to ask it."""

    outcome = "timeout"


class TooManyCallsError(CallError):
    """So many calls to this callee are in flight that no more are sent: it is slow, and more would not help it."""

    outcome = "refused"

    def __init__(self, callee: str, at_once: int) -> None:
        super().__init__(callee, f"{at_once} calls are in flight, which is the limit", counts=False)


class BreakerOpenError(CallError):
    """A callee failed so often that it is left alone; `wait` is how many seconds until a call may be let through."""

    outcome = "open"

    def __init__(self, callee: str, wait: float) -> None:
        until = f"for another {wait:.1f} s" if wait else "until the call that is out to see has come back"
        super().__init__(callee, f"is left alone {until}: the last calls failed", counts=False)
        self.wait = wait


class DeclinedCallError(FairwayError):
    """A callee answered, and the answer is no; `code` is the gRPC status's name, or the HTTP status.

    It is not `UnavailableError`: asking again gives the same answer, and no fallback hides it. A service that does not
    expect the no has a fault of its own, so an unhandled one is told to its own caller as an internal error.
    """

    outcome: ClassVar[str] = "ok"

    def __init__(self, callee: str, code: str, message: str) -> None:
        super().__init__(f"{callee}: {code}: {message}")
        self.callee = callee
        self.code = code
        self.message = message
