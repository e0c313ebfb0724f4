"""A declared call that neither client speaks, as mail is: any coroutine, run through the callee's guard."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from fairway_sdk.calls.deadline import limit
from fairway_sdk.calls.failures import CallError, DeadlineError
from fairway_sdk.contract.binding import Call

if TYPE_CHECKING:
    from fairway_sdk.service import Service

T = TypeVar("T")


class GuardedCall:
    """The guard of one callee, for any coroutine function:

        mail = service.guarded("mail")
        await mail(send, message)

    What the function raises of `failures` means that the callee does not answer, and comes out as a `CallError`; all
    else is the callee's answer and comes out as it is. Where the facts call it idempotent, it may be called again.
    """

    failures: tuple[type[Exception], ...] = (OSError, EOFError)

    def __init__(self, service: "Service", callee: str) -> None:
        self.callee = callee
        self._service = service
        service.calls.want(callee)

    @property
    def bound(self) -> Call:
        """What the deployment says of the call: where the callee is, first of all."""
        return self._service.calls.guard(self.callee).bound

    async def __call__(
        self,
        function: Callable[..., Awaitable[T]],
        *arguments: Any,
        timeout: float | None = None,  # noqa: ASYNC109 - shortens the guard's own
        **named: Any,
    ) -> T:
        """Call the function; `timeout` may only shorten what the facts declare."""

        async def attempt(seconds: float) -> T:
            timer = limit(seconds)
            try:
                with timer:
                    return await function(*arguments, **named)
            except TimeoutError as error:
                if timer.expired:
                    raise DeadlineError(self.callee, f"gave no answer within {seconds:.2g} s") from error
                raise CallError(self.callee, "does not answer: TimeoutError", again=True) from error
            except self.failures as error:
                raise CallError(self.callee, f"does not answer: {type(error).__name__}", again=True) from error

        return await self._service.calls.guard(self.callee).run(self.callee, attempt, timeout)
