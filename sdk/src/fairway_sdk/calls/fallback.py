"""An answer for when a callee is down: the last good one, marked with its age, or one without its part.

The author writes the function as if nothing failed:

    @service.fallback("recommendations", default=[])
    async def recommended(reader: str) -> list[Book]: ...

The facts say what happens then: `when-down: cached` serves the last good answer up to the age given there, else the
default; `skip` serves the default, or None; with `fail` and `queue` the error comes through. It is served within the
time of our own caller, of which a part is kept aside. The answer's headers own up to it: see `marks`.
"""

import asyncio
import copy
import functools
import inspect
import re
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

import msgspec
from msgspec import UNSET

from fairway_sdk.calls import marks, metrics
from fairway_sdk.calls.deadline import remaining, within
from fairway_sdk.calls.documents import Documents
from fairway_sdk.calls.last_good import LastGood
from fairway_sdk.clock import Clock
from fairway_sdk.errors import UnavailableError

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from fairway_sdk.service import Service

P = ParamSpec("P")
T = TypeVar("T")

KEPT_ASIDE: Final = 0.2  # of the time left: to answer in, when the function has used up the rest
AT_MOST_ASIDE: Final = 0.25  # seconds
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What happens when the callee is down."""

    callee: str
    kept: float = 0.0  # seconds up to which an older answer will do; none are kept for 0
    skips: bool = False  # its part may be left out, though no default says what is there instead
    answers: LastGood
    store: "Callable[[], Redis] | None" = None


def fallback(
    *, cached: str | float = 0, default: Any = UNSET, skip: bool = False, shared: bool = False
) -> Callable[[Callable[P, Awaitable[T]]], Callable[P, Coroutine[Any, Any, T]]]:
    """Answer when something is down without asking the facts; older answers are kept in the process.

    `cached` is an age, as "10m" or in seconds; `default` is served where no such answer is there, and `skip` serves
    None. An answer is kept for the person it was given to; `shared` says that it is the same for everybody of their
    tenant.
    """
    kept = seconds(cached)
    answers = LastGood("", Clock())

    def decorate(function: Callable[P, Awaitable[T]]) -> Callable[P, Coroutine[Any, Any, T]]:
        rules = Rules(callee=_as_name(function), kept=kept, skips=skip, answers=answers)
        return _wrapped(function, lambda: rules, default, shared=shared, keeps=kept > 0)

    return decorate


def declared_fallback(
    service: "Service", callee: str, *, default: Any = UNSET, shared: bool = False
) -> Callable[[Callable[P, Awaitable[T]]], Callable[P, Coroutine[Any, Any, T]]]:
    """Answer when a declared callee is down as the facts say: what `Service.fallback` gives."""
    calls = service.calls
    calls.want(callee)

    def decorate(function: Callable[P, Awaitable[T]]) -> Callable[P, Coroutine[Any, Any, T]]:
        personal = functools.cache(Documents(function).personal)

        def rules() -> Rules | None:
            bound = calls.guard(callee).bound
            if bound.when_down == "cached":
                # What is marked as personal stays in this process, where nobody has to go and erase it.
                store = None if bound.cache is None or personal() else partial(service.stores.redis, bound.cache)
                return Rules(callee=callee, kept=bound.stale, answers=calls.answers, store=store)
            if bound.when_down == "skip":
                return Rules(callee=callee, skips=True, answers=calls.answers)
            return None

        return _wrapped(function, rules, default, shared=shared, keeps=True)

    return decorate


def _wrapped(
    function: Callable[P, Awaitable[T]], rules: Callable[[], Rules | None], default: Any, *, shared: bool, keeps: bool
) -> Callable[P, Coroutine[Any, Any, T]]:
    if not inspect.iscoroutinefunction(function):
        raise TypeError(f"{function.__qualname__}: a fallback stands before an `async def` that returns a value.")
    documents = Documents(function) if keeps else None

    @functools.wraps(function)
    async def answer(*arguments: P.args, **named: P.kwargs) -> T:
        found = rules()
        if found is None:
            return await function(*arguments, **named)
        key = documents.key(arguments, named, shared=shared) if documents and found.kept else ""
        try:
            with marks.apart() as own:
                try:
                    value = await _in_time(function(*arguments, **named))
                except BaseException:
                    own.clear()  # it gave no part of the answer
                    raise
        except (UnavailableError, TimeoutError) as error:
            instead: T = await _instead(found, key, documents, default, error)
            return instead
        if key and documents and not own:  # an answer that rests on an older one is no good one
            await found.answers.keep(key, documents.write(value), found.kept, found.store)
        return value

    return answer


async def _in_time(work: Awaitable[T]) -> T:
    """Wait for the work, but not to the last moment that our caller waits.

    What the work calls sees the shorter time, gives up by itself and says so to its breaker; the timeout here, a little
    later, is for what does not look.
    """
    left = remaining()
    if left is None:
        return await work
    aside = min(left * KEPT_ASIDE, AT_MOST_ASIDE)
    with within(left - aside):
        async with asyncio.timeout(left - aside / 2):
            return await work


async def _instead(found: Rules, key: str, documents: Documents | None, default: Any, error: Exception) -> Any:
    if key and documents:
        older = await found.answers.find(key, found.kept, found.store)
        if older is not None:
            try:
                value = documents.read(bytes(older.document))
            except (msgspec.MsgspecError, TypeError, ValueError):
                pass  # written by another version of the function
            else:
                marks.marked().add_stale(found.answers.age(older))
                metrics.FALLBACKS.labels(found.callee, "stale").inc()
                return value
    if default is UNSET and not found.skips:
        raise error
    marks.marked().add_skipped(found.callee)
    metrics.FALLBACKS.labels(found.callee, "skipped" if default is UNSET else "default").inc()
    return None if default is UNSET else copy.deepcopy(default)  # nobody changes the next one's default


def seconds(age: str | float) -> float:
    """Read an age: seconds, or a number with s, m, h or d."""
    if isinstance(age, int | float):
        return float(age)
    read = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd])", age.strip())
    if read is None:
        raise ValueError(f"{age!r}: an age is wanted, as '30s', '10m', '2h' or '1d'.")
    return float(read[1]) * _UNITS[read[2]]


def _as_name(function: Callable[..., Any]) -> str:
    return function.__name__.strip("_").replace("_", "-")
