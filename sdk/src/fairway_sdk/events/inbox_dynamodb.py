"""The inbox in DynamoDB, for services without a SQL store: an effect in DynamoDB and its mark are one transaction.

One table holds the events and, for each ordered key, an item that says up to which number it is handled and who works
on it: both change in the transaction that takes an event or marks it, so the order is as strict as in a SQL store. Two
indexes find what is due or parked, and what is about a person. Times are the process's own.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from fairway_sdk.contract.binding import Consumed
from fairway_sdk.events.failures import Failure
from fairway_sdk.events.inbox import CRASHED, GRACE, KNOWN_AGAIN, Arrived, DeadLetter, LostLeaseError, Taken
from fairway_sdk.events.tables import DUE, HANDLED, PARKED, UNKNOWN
from fairway_sdk.stores.dynamodb import ConditionFailedError
from fairway_sdk.stores.dynamodb_declared import DynamoIndex, DynamoTable
from fairway_sdk.stores.dynamodb_table import Write

if TYPE_CHECKING:
    from fairway_sdk.service import Service

PREFIX: Final = "in-"
AT_ONCE: Final = 16  # events accepted side by side
CANDIDATES: Final = 200  # keys and keyless events looked at in one taking
COUNTED: Final = 1000  # events that are counted at most: counting is paid for


def inbox_table(store: str) -> DynamoTable:
    """Declare the table of an inbox in a store."""
    return DynamoTable(
        name="fairway-inbox",
        partition="id",
        numbers=frozenset({"due_at"}),
        indexes=(
            DynamoIndex(name="queue", partition="queue", sort="due_at"),
            DynamoIndex(name="alias", partition="alias"),
        ),
        expires="forget_at",
        store=store,
    )


class DynamoTransaction:
    """What a handler writes into DynamoDB: all of it together with the mark that its event is handled, or nothing.

    `tx.add(views.to_put({...}), readers.to_update({...}, adding={"views": 1}))`: at most 98 writes, each of another
    item; they are made when the handler has returned.
    """

    def __init__(self) -> None:
        self.writes: list[Write] = []

    def add(self, *writes: Write) -> None:
        """Add writes, as a table's `to_put`, `to_update`, `to_delete` and `to_check` give them."""
        self.writes += writes


class DynamoInbox:
    """The inbox of a service in one of its DynamoDB stores."""

    transactional = True

    def __init__(self, service: "Service", store: str) -> None:
        self.store = store
        self._service = service
        self._clock = service.clock
        self._consumer = service.name
        self._dynamo = service.stores.dynamodb(store)
        self._items = self._dynamo.table("fairway-inbox")

    async def accept(self, arrived: Sequence[Arrived]) -> int:
        """Keep what came in, and tell how much of it is new; what is there already stays as it is."""
        turn = asyncio.Semaphore(AT_ONCE)
        unique = {each.id: each for each in arrived}.values()

        async def put(each: Arrived) -> int:
            async with turn:
                try:
                    await self._items.put(self._item(each), _attr("id").not_exists())
                except ConditionFailedError:
                    return 0
                return 1

        return sum(await asyncio.gather(*(put(each) for each in unique)))

    def _item(self, each: Arrived) -> dict[str, Any]:
        now = self._clock.now()
        state = PARKED if each.failure else DUE if each.known else UNKNOWN
        item = {
            "id": each.id,
            "queue": self._queue(state, each.channel),
            "due_at": now,
            "state": state,
            "channel": each.channel,
            "kind": each.kind,
            "event": each.event,
            "number": each.number,
            "after": each.after,
            "document": each.document,
            "received_at": now,
            "owner": "",
            "attempts": 0,
            **_told(each.failure or Failure(reason="")),
        }
        if state == UNKNOWN:
            item["forget_at"] = int(now + self._remembered(each.channel))
        return item | ({"lane": each.lane} if each.lane else {}) | ({"alias": each.alias} if each.alias else {})

    async def take(self, channel: str, kinds: Collection[str], limit: int, bound: Consumed) -> Sequence[Taken]:
        """Take what is due under a lease. Of a lane only the first, and that once the one before it has come."""
        now, owner = self._clock.now(), uuid4().hex
        taken: list[Taken] = []
        first: dict[str, dict[str, Any]] = {}
        due = _key("queue").eq(self._queue(DUE, channel)) & _key("due_at").lte(now)
        async for item in self._items.query(due, index="queue"):
            if item["kind"] not in kinds:
                continue
            if len(first) == CANDIDATES:
                break
            lane: str = item.get("lane") or item["id"]
            if lane not in first or item["number"] < first[lane]["number"]:
                first[lane] = item
        for item in sorted(first.values(), key=lambda each: each["due_at"]):
            if len(taken) == limit:
                break
            if await self._lease(item, owner, now, bound):
                taken.append(_taken(item, owner, now))
        return taken

    async def _lease(self, item: Mapping[str, Any], owner: str, now: float, bound: Consumed) -> bool:
        # An index is a moment behind its table: what it says is a proposal, and the table decides.
        unchanged = _attr("state").eq(DUE) & _attr("due_at").eq(item["due_at"]) & _attr("owner").eq(item["owner"])
        until = now + bound.timeout + GRACE
        lease = {"owner": owner, "due_at": until, "attempts": item["attempts"] + 1}
        writes = [self._items.to_update({"id": item["id"]}, setting=lease, condition=unchanged)]
        if lane := item.get("lane"):
            waited = item["received_at"] < now - bound.late or item["after"] < (now - bound.remembered) * 1e6
            after = 0 if waited else item["after"]
            # Reading is cheap, and a transaction that fails is paid for as one that does not.
            there = await self._items.get(_lane(lane), consistent=True) or {}
            if not _is_free(there, item["id"], now) or there.get("handled", 0) < after:
                return False
            free = _attr("held_until").not_exists() | _attr("held_until").lte(now) | _attr("held_by").eq(item["id"])
            if after:
                free &= _attr("handled").gte(after)
            held = {"held_until": until, "held_by": item["id"], "forget_at": int(until + bound.remembered)}
            writes.append(self._items.to_update(_lane(lane), setting=held, condition=free))
        try:
            await self._dynamo.transact(*writes)
        except ConditionFailedError:
            return False
        if item["attempts"] >= bound.retries.tries:
            await self.park(_taken(item, owner, now), Failure(reason=CRASHED))
            return False
        return True

    @asynccontextmanager
    async def handling(self, taken: Taken, bound: Consumed, *, asked: bool) -> AsyncIterator[DynamoTransaction | None]:
        """Run a body, and write what it adds together with the mark that the event is handled."""
        transaction = DynamoTransaction()
        yield transaction if asked else None
        done = {"state": HANDLED, "owner": "", "forget_at": int(self._clock.now() + bound.remembered)}
        writes = await self._leaving(taken, done, ("queue", "due_at", "document", "alias"))
        try:
            await self._dynamo.transact(*writes, *transaction.writes)
        except ConditionFailedError:
            now = await self._items.get({"id": taken.id}, consistent=True)
            if now is None or now["owner"] != taken.owner:
                raise LostLeaseError("the lease ended before the handler did, so another worker has it now.") from None
            raise  # a condition of the handler's own

    async def retry(self, taken: Taken, failure: Failure, pause: float, *, counted: bool = True) -> None:
        """Make it due again after so many seconds; a try that is not counted leaves it all the others."""
        attempts = taken.attempts if counted else taken.attempts - 1
        again = {**_told(failure), "owner": "", "due_at": self._clock.now() + pause, "attempts": attempts}
        await self._leave(taken, again)

    async def release(self, taken: Taken) -> None:
        """Give it back at once, as if it had not been tried."""
        await self._leave(taken, {"owner": "", "due_at": self._clock.now(), "attempts": taken.attempts - 1})

    async def park(self, taken: Taken, failure: Failure) -> None:
        """Make it a dead letter; its lane goes on."""
        dead = {**_told(failure), "owner": "", "state": PARKED, "due_at": self._clock.now()}
        await self._leave(taken, dead | {"queue": self._queue(PARKED, taken.channel)})

    async def _leave(self, taken: Taken, values: Mapping[str, Any]) -> None:
        try:
            await self._dynamo.transact(*await self._leaving(taken, values))
        except ConditionFailedError:
            return  # the lease ended: another worker has it now

    async def _leaving(self, taken: Taken, values: Mapping[str, Any], without: Sequence[str] = ()) -> list[Write]:
        held = _attr("owner").eq(taken.owner) & _attr("state").eq(DUE)
        writes = [self._items.to_update({"id": taken.id}, setting=values, removing=without, condition=held)]
        if taken.lane:
            free: dict[str, Any] = {"held_until": 0, "held_by": ""}
            if "state" in values:
                # We hold the lane, so nobody changes this in between; what is redriven is behind it.
                item = await self._items.get(_lane(taken.lane), consistent=True) or {}
                free["handled"] = max(taken.number, item.get("handled", 0))
            writes.append(self._items.to_update(_lane(taken.lane), setting=free))
        return writes

    async def settle(self, channels: Mapping[str, Collection[str]], bounds: Mapping[str, Consumed]) -> None:
        """Take up kinds that are known by now; what is remembered long enough expires by itself."""
        assert channels.keys() <= bounds.keys()
        for channel, kinds in channels.items():
            async for item in self._items.query(_key("queue").eq(self._queue(UNKNOWN, channel)), index="queue"):
                if item["kind"] in kinds:
                    due = {"state": DUE, "queue": self._queue(DUE, channel), "due_at": self._clock.now()}
                    await self._update(item["id"], due, UNKNOWN, removing=("forget_at",))

    async def waiting(self) -> Mapping[str, int]:
        """Count by channel what is not handled."""
        found = {channel: await self._count(self._queue(DUE, channel)) for channel in self._service.binding.consumes}
        return {channel: count for channel, count in found.items() if count}

    async def parked(self) -> Mapping[str, int]:
        """Count by channel what is parked."""
        found = {channel: await self._count(self._queue(PARKED, channel)) for channel in self._service.binding.consumes}
        return {channel: count for channel, count in found.items() if count}

    async def dead_letters(self, channel: str = "", ids: Collection[str] = (), limit: int = 1000) -> list[DeadLetter]:
        """List dead letters, the oldest first; with ids also their documents."""
        found: list[dict[str, Any]] = []
        if ids:
            for id_ in ids:
                item = await self._items.get({"id": id_.removeprefix(PREFIX)}, consistent=True)
                if item is not None and item["state"] == PARKED and channel in {"", item["channel"]}:
                    found.append(item)
        else:
            for each in [channel] if channel else self._service.binding.consumes:
                parked = _key("queue").eq(self._queue(PARKED, each))
                found += [item async for item in self._items.query(parked, index="queue", limit=limit)]
        found.sort(key=lambda item: item["due_at"])
        return [_letter(item, whole=bool(ids)) for item in found[:limit]]

    async def redrive(self, ids: Collection[str]) -> int:
        """Make dead letters due again, with all their tries."""
        count = 0
        for letter in await self.dead_letters(ids=ids) if ids else ():
            fresh = {
                "state": DUE,
                "queue": self._queue(DUE, letter.channel),
                "due_at": self._clock.now(),
                "attempts": 0,
            }
            count += await self._update(letter.id, fresh | _told(Failure(reason="")), PARKED)
        return count

    async def drop(self, ids: Collection[str]) -> int:
        """Remove dead letters; their ids are kept, so that a repetition is known."""
        return sum([await self._empty(id_, PARKED) for id_ in ids])

    async def purge(self, older_than: float) -> int:
        """Remove dead letters that were parked longer ago than so many seconds."""
        until = self._clock.now() - older_than
        return await self.drop([letter.id for letter in await self.dead_letters() if letter.parked < until])

    async def of_person(self, alias: str) -> list[bytes]:
        """Give the documents about a person."""
        return [item["document"] async for item in self._items.query(_key("alias").eq(alias), index="alias")]

    async def erase_person(self, alias: str) -> int:
        """Remove what is about a person, whatever its state."""
        items = [item async for item in self._items.query(_key("alias").eq(alias), index="alias")]
        return sum([await self._empty(item["id"], item["state"]) for item in items])

    async def _empty(self, id_: str, state: str) -> int:
        done = {"state": HANDLED, "owner": "", "forget_at": int(self._clock.now() + KNOWN_AGAIN)}
        return await self._update(id_, done, state, removing=("queue", "due_at", "document", "alias", "message"))

    async def _update(self, id_: str, values: Mapping[str, Any], state: str, removing: Sequence[str] = ()) -> int:
        key, there = {"id": id_.removeprefix(PREFIX)}, _attr("state").eq(state)
        try:
            await self._items.update(key, setting=values, removing=removing, condition=there)
        except ConditionFailedError:
            return 0
        return 1

    async def _count(self, queue: str) -> int:
        return sum([1 async for _ in self._items.query(_key("queue").eq(queue), index="queue", limit=COUNTED)])

    def _queue(self, state: str, channel: str) -> str:
        return f"{self._consumer}#{state}#{channel}"

    def _remembered(self, channel: str) -> float:
        return (self._service.binding.consumes.get(channel) or self._service.binding.tasks).remembered


def _taken(item: Mapping[str, Any], owner: str, now: float) -> Taken:
    return Taken(
        id=item["id"],
        channel=item["channel"],
        lane=item.get("lane", ""),
        number=item["number"],
        document=item["document"],
        attempts=item["attempts"] + 1,
        waited=now - item["received_at"],
        owner=owner,
    )


def _letter(item: Mapping[str, Any], *, whole: bool) -> DeadLetter:
    return DeadLetter(
        id=f"{PREFIX}{item['id']}",
        channel=item["channel"],
        kind=item["kind"],
        event=item["event"],
        attempts=item["attempts"],
        received=item["received_at"],
        parked=item["due_at"],
        reason=item["reason"],
        error=item["error"],
        message=item["message"],
        ordered="lane" in item,
        size=len(item["document"]),
        document=item["document"] if whole else None,
    )


def _told(failure: Failure) -> dict[str, str]:
    return {"reason": failure.reason, "error": failure.error, "message": failure.message}


def _is_free(lane: Mapping[str, Any], id_: str, now: float) -> bool:
    return bool(lane.get("held_until", 0) <= now or lane.get("held_by") == id_)


def _lane(lane: str) -> dict[str, str]:
    return {"id": f"lane#{lane}"}


def _attr(name: str) -> Any:
    from boto3.dynamodb.conditions import Attr

    return Attr(name)


def _key(name: str) -> Any:
    from boto3.dynamodb.conditions import Key

    return Key(name)
