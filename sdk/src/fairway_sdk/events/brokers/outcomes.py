"""What became of each envelope that was handed over, and what an operator may see of it at the broker."""

import asyncio
from collections.abc import Awaitable, Iterable
from hashlib import blake2s

from fairway_sdk.errors import FairwayError, UnavailableError
from fairway_sdk.events.event import Envelope

CONFIRMED_WITHIN = 5.0  # seconds: what is not confirmed by then counts as not published


class UnfitError(FairwayError):
    """The broker will not take this event as it is, however often it is tried: it is too large."""


async def outcomes(confirmations: Iterable[Awaitable[object]]) -> list[Exception | None]:
    """Wait for the broker's answers; for each, none where it says yes, else what went wrong.

    An `UnavailableError` is not the event's fault, whatever the client calls it: it may pass later.
    """
    waiting = [asyncio.ensure_future(confirmation) for confirmation in confirmations]
    if waiting:
        try:
            await asyncio.wait(waiting, timeout=CONFIRMED_WITHIN)
        finally:
            late = [task for task in waiting if not task.done()]
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
    return [_outcome(task) for task in waiting]


def _outcome(task: asyncio.Future[object]) -> Exception | None:
    if task.cancelled():
        return UnavailableError(f"the broker did not confirm it within {CONFIRMED_WITHIN:g} s")
    error = task.exception()
    return error if error is None or isinstance(error, FairwayError) else unavailable(error)


def unavailable(error: BaseException) -> UnavailableError:
    """Say what a client raised: the broker, or the way to it, is at fault, and no event."""
    return UnavailableError(f"the broker did not take it: {type(error).__name__}: {error}")


def headers(envelope: Envelope) -> dict[str, str]:
    """Give what helps an operator who looks at a broker, and names no person."""
    found = {"id": envelope.id, "kind": envelope.kind, "key": routing_key(envelope)}
    return {name: value for name, value in found.items() if value}


def routing_key(envelope: Envelope) -> str:
    """Give the key that keeps events in order: a digest of it where the key is the person."""
    if envelope.key and envelope.key == envelope.person:
        return blake2s(envelope.key.encode(), digest_size=12).hexdigest()
    return envelope.key
