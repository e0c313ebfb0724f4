"""How a member pulls documents from a durable consumer of JetStream."""

import asyncio
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nats.aio.client import Client
from nats.aio.msg import Msg

from fairway_sdk.errors import UnavailableError
from fairway_sdk.events.brokers.intake import LARGEST_BATCH
from fairway_sdk.events.brokers.nats_turn import TURN_TRIED_EVERY

if TYPE_CHECKING:
    from fairway_sdk.events.brokers.nats_turn import Turn

NANOSECONDS = 1_000_000_000
EMPTY = frozenset({"404", "408"})  # nothing is there; the wait is over
ANSWERED_WITHIN = 5.0  # seconds beyond the wait


class NatsIntake:
    """Pulls all that is there, or waits for one document; a pull ends before the next one begins."""

    def __init__(self, client: Client, pull: str, turn: "Turn | None") -> None:
        self._client, self._pull, self._turn = client, pull, turn
        self._inbox = client.new_inbox()
        self._arrived: asyncio.Queue[Msg | None] = asyncio.Queue()
        self._held: list[Msg] = []
        self._clean = True  # whether no pull is under way

    async def listen(self) -> None:
        """Begin to hear what is pulled."""
        self._subscription = await self._client.subscribe(self._inbox, cb=self._arrived.put)

    def end(self) -> None:
        """Stop waiting: the connection has ended."""
        self._arrived.put_nowait(None)

    async def leave(self) -> None:
        """Stop hearing, and let another have the turn: at once, unless documents may be under way to us."""
        if self._client.is_connected:
            await self._subscription.unsubscribe()
        if self._turn and self._clean and not self._held:
            await self._turn.release()

    async def holds(self) -> bool:
        """Ask for more time for the batch in hand, and for our turn, where there is one."""
        if self._turn and await self._turn.keep() != "kept":
            self._held = []
            return False
        for message in self._held:
            await message.in_progress()
        return True

    async def more(self, wait: float) -> Sequence[bytes]:
        """Give all that is there, at most a batch; where nothing is, wait for one."""
        if self._turn and await self._turn.keep() == "others":
            await asyncio.sleep(min(wait, TURN_TRIED_EVERY))
            return []
        self._held = await self._pulled(LARGEST_BATCH, {"no_wait": True})
        if not self._held:
            self._held = await self._pulled(1, {"expires": int(wait * NANOSECONDS)}, wait)
        return [message.data for message in self._held]

    async def forget(self) -> None:
        """Acknowledge each; one whose acknowledgement is lost comes again."""
        for message in self._held:
            await message.ack()
        self._held = []

    async def _pulled(self, batch: int, how: dict[str, object], wait: float = 0.0) -> list[Msg]:
        self._clean = False
        await self._client.publish(self._pull, json.dumps({"batch": batch, **how}).encode(), self._inbox)
        pulled: list[Msg] = []
        async with asyncio.timeout(wait + ANSWERED_WITHIN):
            while len(pulled) < batch:
                if (message := await self._arrived.get()) is None:
                    raise UnavailableError("the connection to the broker was lost")
                status = message.headers.get("Status") if message.headers and not message.reply else None
                if status is None:
                    pulled.append(message)
                elif status in EMPTY:
                    break
                else:
                    raise UnavailableError(f"the broker gives no events: {message.headers}")
        self._clean = True
        return pulled
