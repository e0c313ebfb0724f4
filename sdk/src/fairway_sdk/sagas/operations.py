"""What an operator decides about sagas that do not move by themselves."""

from msgspec.structs import replace

from fairway_sdk.errors import FairwayError
from fairway_sdk.sagas import metrics
from fairway_sdk.sagas.course import ABANDONED, STUCK, Kept, resumed
from fairway_sdk.sagas.log import Log, Seen


class OperationError(FairwayError):
    """An operator asked for what cannot be done; the message says why, and what can be."""


async def find(log: Log, identity: str) -> Seen:
    """Give one saga; an `OperationError` for an unknown id."""
    found = await log.seen(identity=identity)
    if not found:
        raise OperationError(f"saga {identity}: is not in the log. `saga list` shows those that have not ended.")
    return found[0]


async def resume(log: Log, identity: str) -> Seen:
    """Let a saga go on now, in the direction it had and with all its tries: one that is stuck, or waits for a try."""
    seen = await _idle(log, identity)
    kept = seen.kept
    going = resumed(kept) if kept.state == STUCK else replace(kept, tries=0)
    await _put_back(log, going, 0.0)
    return await find(log, identity)


async def abandon(log: Log, identity: str, kept_for: float) -> Seen:
    """Give a saga up: what was done stays done, and nothing is tried any more; its row stays so many seconds."""
    seen = await _idle(log, identity)
    await _put_back(log, replace(seen.kept, state=ABANDONED, owner=""), kept_for)
    metrics.ENDED.labels(seen.kept.saga, ABANDONED).inc()
    return await find(log, identity)


async def _idle(log: Log, identity: str) -> Seen:
    seen = await find(log, identity)
    if seen.kept.ended:
        raise OperationError(f"saga {identity}: has ended, it is {seen.kept.state}. Nothing is left to decide.")
    if not seen.readable:
        raise OperationError(f"saga {identity}: its log cannot be read by this code. Use the code that wrote it.")
    if seen.owned:
        raise OperationError(
            f"saga {identity}: {seen.kept.owner} is working on it now. Look again when it is stuck or in a pause."
        )
    return seen


async def _put_back(log: Log, kept: Kept, wait: float) -> None:
    if not await log.put_back(kept, wait):
        raise OperationError(f"saga {kept.id}: has moved in this moment. Look at it again.")
