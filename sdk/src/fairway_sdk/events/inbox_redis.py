"""The inbox in Redis or Valkey, for services without a transactional store.

It knows repetitions, keeps the order of keys, tries again and parks, as durably as that Redis keeps its data. An effect
elsewhere and the mark here are no one transaction: a process that dies between them repeats the effect, so a handler is
to be idempotent, and gets no `tx`.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from fairway_sdk.contract.binding import Consumed
from fairway_sdk.events import inbox_redis_scripts as scripts
from fairway_sdk.events.failures import Failure
from fairway_sdk.events.inbox import GRACE, KNOWN_AGAIN, Arrived, DeadLetter, LostLeaseError, Taken
from fairway_sdk.events.tables import DUE, PARKED, UNKNOWN

if TYPE_CHECKING:
    from fairway_sdk.service import Service

PREFIX: Final = "in-"


class RedisInbox:
    """The inbox of a service in one of its Redis stores."""

    transactional = False

    def __init__(self, service: "Service", store: str) -> None:
        self.store = store
        self._service = service
        self._clock = service.clock
        self._redis: Any = service.stores.redis(store)  # typed for decoded and raw answers alike; ours are raw
        self._prefix = f"{{fairway:{service.name}}}:inbox:"
        register = self._redis.register_script
        self._accept = register(scripts.ACCEPT)
        self._take = register(scripts.TAKE)
        self._finish = register(scripts.FINISH)
        self._settle = register(scripts.SETTLE)
        self._operate = register(scripts.OPERATE)
        self._now = register(scripts.NOW)

    async def accept(self, arrived: Sequence[Arrived]) -> int:
        """Keep what came in, and tell how much of it is new; what is there already stays as it is."""
        if not arrived:
            return 0
        rows: list[Any] = []
        for each in arrived:
            failure = each.failure or Failure(reason="")
            state = PARKED if each.failure else DUE if each.known else UNKNOWN
            rows += [each.id, each.channel, each.kind, each.event, each.lane, each.number, each.after, each.alias]
            rows += [each.document, state, failure.reason, failure.error, failure.message]
        bound = self._service.binding.consumes.get(arrived[0].channel) or self._service.binding.tasks
        return int(await self._run(self._accept, bound.remembered, *rows))

    async def take(self, channel: str, kinds: Collection[str], limit: int, bound: Consumed) -> Sequence[Taken]:
        """Take what is due under a lease. Of a lane only the first, and that once the one before it has come."""
        owner, lease = uuid4().hex, bound.timeout + GRACE
        limits = (limit, bound.retries.tries, lease, bound.late, bound.remembered)
        found = await self._run(self._take, channel, *limits, owner, *kinds)
        return [
            Taken(
                id=found[at].decode(),
                channel=channel,
                lane=found[at + 1].decode(),
                document=found[at + 2],
                attempts=int(found[at + 3]),
                waited=float(found[at + 4]),
                owner=owner,
            )
            for at in range(0, len(found), 5)
        ]

    @asynccontextmanager
    async def handling(self, taken: Taken, bound: Consumed, *, asked: bool) -> AsyncIterator[None]:
        """Run a body, and mark the event as handled after it."""
        assert not asked, "the consumers refuse a handler that asks for a transaction"
        yield None
        if not await self._run(self._finish, taken.id, taken.owner, "done", bound.remembered):
            raise LostLeaseError("the lease ended before the handler did, so another worker has the event now.")

    async def retry(self, taken: Taken, failure: Failure, pause: float, *, counted: bool = True) -> None:
        """Make it due again after so many seconds; a try that is not counted leaves it all the others."""
        told = (failure.reason, failure.error, failure.message)
        await self._run(self._finish, taken.id, taken.owner, "retry" if counted else "wait", pause, *told)

    async def release(self, taken: Taken) -> None:
        """Give it back at once, as if it had not been tried."""
        await self._run(self._finish, taken.id, taken.owner, "release", 0)

    async def park(self, taken: Taken, failure: Failure) -> None:
        """Make it a dead letter; its lane goes on."""
        told = (failure.reason, failure.error, failure.message)
        await self._run(self._finish, taken.id, taken.owner, "park", *told)

    async def settle(self, channels: Mapping[str, Collection[str]], bounds: Mapping[str, Consumed]) -> None:
        """Take up kinds that are known by now, forget those nobody came to know; handled events expire."""
        assert channels.keys() <= bounds.keys()
        for channel, kinds in channels.items():
            await self._run(self._settle, channel, *kinds)

    async def waiting(self) -> Mapping[str, int]:
        """Count by channel what is not handled."""
        found = {}
        for channel in self._service.binding.consumes:
            if count := int(await self._redis.zcard(f"{self._prefix}due:{channel}")):
                found[channel] = count
        return found

    async def parked(self) -> Mapping[str, int]:
        """Count by channel what is parked."""
        found: dict[str, int] = {}
        for letter in await self.dead_letters(limit=10_000):
            found[letter.channel] = found.get(letter.channel, 0) + 1
        return found

    async def dead_letters(self, channel: str = "", ids: Collection[str] = (), limit: int = 1000) -> list[DeadLetter]:
        """List dead letters, the oldest first; with ids also their documents."""
        wanted = [id_.removeprefix(PREFIX) for id_ in ids if id_.startswith(PREFIX)]
        if not ids:
            wanted = [id_.decode() for id_ in await self._redis.zrange(f"{self._prefix}parked", 0, -1)]
        found: list[DeadLetter] = []
        for id_ in wanted:
            raw = await self._redis.hgetall(f"{self._prefix}row:{id_}")
            row = {name.decode(): value for name, value in raw.items()}
            if row.get("state") == PARKED.encode() and channel in {"", row["channel"].decode()}:
                found.append(_letter(id_, row, whole=bool(ids)))
            if len(found) == limit:
                break
        return found

    async def redrive(self, ids: Collection[str]) -> int:
        """Make dead letters due again, with all their tries."""
        return await self._change("redrive", [id_.removeprefix(PREFIX) for id_ in ids if id_.startswith(PREFIX)])

    async def drop(self, ids: Collection[str]) -> int:
        """Remove dead letters; their ids are kept, so that a repetition is known."""
        return await self._change("drop", [id_.removeprefix(PREFIX) for id_ in ids if id_.startswith(PREFIX)])

    async def purge(self, older_than: float) -> int:
        """Remove dead letters that were parked longer ago than so many seconds."""
        until = float(await self._run(self._now)) - older_than
        old = await self._redis.zrangebyscore(f"{self._prefix}parked", "-inf", until)
        return await self._change("drop", [id_.decode() for id_ in old])

    async def of_person(self, alias: str) -> list[bytes]:
        """Give the documents about a person."""
        ids = await self._redis.smembers(f"{self._prefix}about:{alias}")
        found = [await self._redis.hget(f"{self._prefix}row:{id_.decode()}", "document") for id_ in ids]
        return [document for document in found if document]

    async def erase_person(self, alias: str) -> int:
        """Remove what is about a person, whatever its state."""
        ids = await self._redis.smembers(f"{self._prefix}about:{alias}")
        return await self._change("erase", [id_.decode() for id_ in ids])

    async def _change(self, verb: str, ids: Sequence[str]) -> int:
        return int(await self._run(self._operate, verb, KNOWN_AGAIN, *ids)) if ids else 0

    async def _run(self, script: Any, *arguments: Any) -> Any:
        return await script(keys=[self._prefix], args=[self._clock.ahead, *arguments])


def _letter(id_: str, row: Mapping[str, bytes], *, whole: bool) -> DeadLetter:
    return DeadLetter(
        id=f"{PREFIX}{id_}",
        channel=row["channel"].decode(),
        kind=row["kind"].decode(),
        event=row["event"].decode(),
        attempts=int(row["attempts"]),
        received=float(row["received_at"]),
        parked=float(row["due_at"]),
        reason=row["reason"].decode(),
        error=row["error"].decode(),
        message=row["message"].decode(),
        ordered=bool(row["lane"]),
        size=len(row["document"]),
        document=row["document"] if whole else None,
    )
