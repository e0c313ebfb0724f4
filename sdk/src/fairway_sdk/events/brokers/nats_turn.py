"""Whose turn it is to take in an ordered channel on NATS: a key that its holder renews, and that ends by itself."""

import asyncio
from typing import Literal

from nats.js import JetStreamContext
from nats.js.api import KeyValueConfig
from nats.js.errors import BadRequestError, KeyNotFoundError, KeyWrongLastSequenceError
from nats.js.kv import KeyValue

TURN_TRIED_EVERY = 0.5  # seconds, by those whose turn it is not

State = Literal["kept", "gained", "others"]


async def open_turns(jetstream: JetStreamContext, group: str, lasts: float, replicas: int) -> KeyValue:
    """Make the bucket of a group's turns; its keys end after so many seconds."""
    bucket = f"fairway-turns-{group}"
    try:
        return await jetstream.create_key_value(KeyValueConfig(bucket=bucket, ttl=lasts, replicas=replicas))
    except BadRequestError:  # it is there with other settings
        return await jetstream.key_value(bucket)


class Turn:
    """One member's view of the turn."""

    def __init__(self, keys: KeyValue, name: str, member: str, lasts: float) -> None:
        self._keys, self._name, self._member, self._lasts = keys, name, member.encode(), lasts
        self._renewed: float | None = None
        self._revision = 0

    async def keep(self) -> State:
        """Renew the turn, or try to get it; asks the server only when a third of it has passed."""
        now = asyncio.get_running_loop().time()
        if self._renewed is not None and now - self._renewed < self._lasts / 3:
            return "kept"
        had = self._renewed is not None
        self._renewed = None
        try:
            if had:
                self._revision = await self._keys.update(self._name, self._member, last=self._revision)
            else:
                self._revision = await self._first()
        except (KeyWrongLastSequenceError, KeyNotFoundError):  # the latter: it ended between two looks
            return "others"
        self._renewed = now
        return "kept" if had else "gained"

    async def _first(self) -> int:
        """Take the turn where nobody has it, or take it up again where it is ours from before a connection was lost."""
        try:
            return await self._keys.create(self._name, self._member)
        except KeyWrongLastSequenceError:
            found = await self._keys.get(self._name)
            if found.value != self._member:
                raise
            return await self._keys.update(self._name, self._member, last=found.revision)

    async def release(self) -> None:
        """Let another have it at once."""
        if self._renewed is not None:
            self._renewed = None
            await self._keys.delete(self._name, last=self._revision)
