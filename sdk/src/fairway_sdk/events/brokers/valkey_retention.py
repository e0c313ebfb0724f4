"""How long a stream keeps events: as long as it was told, and longer what a group has not taken in yet."""

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from redis.asyncio import Redis


def position(identity: bytes) -> tuple[int, int]:
    """Read an entry's id: milliseconds since the epoch, and a number within them."""
    milliseconds, _, number = identity.partition(b"-")
    return int(milliseconds), int(number or 0)


async def trim(client: "Redis", stream: str, kept: float) -> set[str]:
    """Remove entries older than so many seconds, but none that some group has not taken in; name those groups.

    A group that is gone for good holds all that came after it left, until an operator says `XGROUP DESTROY`.
    """
    oldest = (int((time.time() - kept) * 1000), 0)
    behind: set[str] = set()
    if not await client.exists(stream):
        return behind
    for group in await client.xinfo_groups(stream):
        needed = await _needed(client, stream, group["name"], position(group["last-delivered-id"]))
        if needed is not None and needed < oldest:
            behind.add(group["name"].decode())
            oldest = needed
    await client.xtrim(stream, minid=f"{oldest[0]}-{oldest[1]}", approximate=False)
    return behind


async def _needed(client: "Redis", stream: str, group: bytes, delivered: tuple[int, int]) -> tuple[int, int] | None:
    """Find the oldest entry that a group still needs; none where it has taken in everything."""
    pending = await client.xpending(stream, group)
    if pending["pending"]:
        return position(pending["min"])
    after: Any = await client.xrange(stream, min=f"({delivered[0]}-{delivered[1]}", count=1)
    return position(after[0][0]) if after else None
