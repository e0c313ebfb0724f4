"""Whose turn it is to take in an ordered channel on Valkey: a key that its holder renews, and that ends by itself."""

import asyncio
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from redis.asyncio import Redis

# Renews the turn of ARGV[1] for ARGV[2] milliseconds, or takes it where nobody has it; in one step, since others try.
KEEP = """
local holder = redis.call('get', KEYS[1])
if holder == ARGV[1] then redis.call('pexpire', KEYS[1], ARGV[2]) return 1 end
if holder then return 0 end
redis.call('set', KEYS[1], ARGV[1], 'px', ARGV[2])
return 2
"""
RELEASE = "if redis.call('get', KEYS[1]) == ARGV[1] then redis.call('del', KEYS[1]) end"

TURN_TRIED_EVERY = 0.5  # seconds, by those whose turn it is not

State = Literal["kept", "gained", "others"]


class Turn:
    """One member's view of the turn."""

    def __init__(self, client: "Redis", key: str, member: str, lasts: float) -> None:
        self._client, self._key, self._member, self._lasts = client, key, member, lasts
        self._renewed: float | None = None

    async def keep(self) -> State:
        """Renew the turn, or try to get it; asks the server only when a third of it has passed."""
        now = asyncio.get_running_loop().time()
        if self._renewed is not None and now - self._renewed < self._lasts / 3:
            return "kept"
        answer = await self._client.eval(KEEP, 1, self._key, self._member, str(int(self._lasts * 1000)))
        self._renewed = now if answer else None
        state: State = "kept" if answer == 1 else "gained" if answer else "others"
        return state

    async def release(self) -> None:
        """Let another have it at once."""
        if self._renewed is not None:
            self._renewed = None
            await self._client.eval(RELEASE, 1, self._key, self._member)
