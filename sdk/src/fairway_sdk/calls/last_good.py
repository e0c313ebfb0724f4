"""The last good answers: in the process, within bounds, and in a store that all replicas share where one is bound."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec
import structlog

from fairway_sdk.calls.breaker import CLOSED, Breaker
from fairway_sdk.calls.deadline import remaining
from fairway_sdk.clock import Clock
from fairway_sdk.contract import binding
from fairway_sdk.errors import UnavailableError

if TYPE_CHECKING:
    from redis.asyncio import Redis

log = structlog.get_logger("fairway")

ENTRIES: Final = 2000
BYTES: Final = 16 * 1024 * 1024
ASKED_WITHIN: Final = 0.1  # seconds for the shared store: it helps out, and must not hold up
TOO_SHORT: Final = 0.005  # seconds in which nothing can be asked
LEFT_ALONE: Final = binding.Breaker(failures=1, pause=1.0)
SHARED_AGAIN: Final = 0.02  # of the time an answer may be kept: a hot answer is not written for each call


class Answer(msgspec.Struct, array_like=True):
    """A good answer as a document, and when it was given, in seconds since the epoch."""

    at: float
    document: msgspec.Raw


class Memory:
    """The answers of this process; the least recently kept give way."""

    def __init__(self) -> None:
        self._answers: OrderedDict[str, tuple[Answer, float]] = OrderedDict()
        self._bytes = 0

    def keep(self, key: str, answer: Answer, shared: float) -> None:
        """Keep an answer, with the time at which it was shared."""
        self._drop(key)
        self._answers[key] = answer, shared
        self._bytes += memoryview(answer.document).nbytes
        while self._answers and (len(self._answers) > ENTRIES or self._bytes > BYTES):
            self._drop(next(iter(self._answers)))

    def find(self, key: str) -> tuple[Answer | None, float]:
        """Give an answer, and when it was shared."""
        return self._answers.get(key, (None, 0.0))

    def _drop(self, key: str) -> None:
        found = self._answers.pop(key, None)
        if found is not None:
            self._bytes -= memoryview(found[0].document).nbytes


class LastGood:
    """The answers of one service, or of functions that belong to none."""

    def __init__(self, service: str, clock: Clock) -> None:
        self._prefix = f"fairway:fallback:{service}:"
        self._clock = clock
        self._memory = Memory()
        self._breaker = Breaker("the store of older answers", LEFT_ALONE, clock, _changed)

    async def keep(self, key: str, document: bytes, kept: float, store: "Callable[[], Redis] | None") -> None:
        """Keep an answer for so many seconds; in the shared store as well, where there is one."""
        now = self._clock.now()
        answer = Answer(now, msgspec.Raw(document))
        shared = self._memory.find(key)[1]
        if store is not None and not 0 <= now - shared < kept * SHARED_AGAIN:
            written = msgspec.json.encode(answer)
            name = self._prefix + key
            if await self._asked(lambda: store().set(name, written, px=int(kept * 1000))):
                shared = now
        self._memory.keep(key, answer, shared)

    async def find(self, key: str, kept: float, store: "Callable[[], Redis] | None") -> Answer | None:
        """Give the newest answer that is at most so many seconds old."""
        found = self._memory.find(key)[0]
        if store is not None:
            name = self._prefix + key
            other = _answer(await self._asked(lambda: store().get(name)))
            if other is not None and (found is None or other.at > found.at):
                found = other
        return found if found is not None and self._clock.now() - found.at <= kept else None

    def age(self, answer: Answer) -> float:
        """Give an answer's age in seconds."""
        return max(0.0, self._clock.now() - answer.at)

    async def _asked(self, command: Callable[[], Any]) -> Any:
        """Ask the store, which must hold nobody up: within a moment, and not at all for a while after a failure."""
        from redis.exceptions import RedisError

        left = remaining()
        seconds = ASKED_WITHIN if left is None else min(ASKED_WITHIN, left / 2)
        if seconds < TOO_SHORT:
            return None
        try:
            given = self._breaker.enter()
        except UnavailableError:
            return None
        try:
            async with asyncio.timeout(seconds):
                found = await command()
        except (RedisError, OSError):  # a TimeoutError is an OSError
            self._breaker.failed(given)
            return None
        except BaseException:
            self._breaker.left(given)
            raise
        self._breaker.succeeded(given)
        return found


def _answer(document: bytes | str | None) -> Answer | None:
    try:
        return msgspec.json.decode(document, type=Answer) if document else None
    except msgspec.DecodeError:
        return None  # written by another version


def _changed(before: float, state: float) -> None:
    if before == CLOSED:
        log.warning("older answers cannot be shared: their store does not answer")
    elif state == CLOSED:
        log.info("older answers are shared again")
