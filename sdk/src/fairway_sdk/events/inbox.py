"""What every inbox does, whatever store keeps it: know repetitions, give out what is due, keep what failed."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from fairway_sdk.contract.binding import Consumed
from fairway_sdk.errors import FairwayError, SetupError
from fairway_sdk.events.failures import Failure

if TYPE_CHECKING:
    from fairway_sdk.service import Service


GRACE: Final = 10.0  # seconds a lease outlasts the handler's time-out: to commit, and to tell of a failure
KNOWN_AGAIN: Final = 8 * 86400.0  # seconds that a dropped event is remembered: longer than brokers keep theirs
CRASHED: Final = "no try came to an end: the process that handled it died, or hung, each time"


class Arrived(msgspec.Struct, frozen=True, kw_only=True):
    """What came in: its envelope's particulars and the document; with a failure it is parked from the start."""

    id: str
    channel: str
    kind: str
    event: str
    lane: str = ""
    number: int = 0
    after: int = 0
    alias: str = ""
    document: bytes
    known: bool = True  # a handler here knows its kind
    failure: Failure | None = None


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What one worker holds for the length of a lease."""

    id: str
    channel: str
    lane: str
    number: int = 0
    document: bytes
    attempts: int  # this one included
    waited: float  # seconds since it came in
    owner: str  # the lease: whoever has another one does not hold it any more


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", omit_defaults=True):
    """What was given up, in the inbox or in the outbox."""

    id: str  # begins with in- or out-
    channel: str
    kind: str
    event: str
    attempts: int
    received: float  # seconds since the epoch; of an outbox, when it was caused
    parked: float
    reason: str
    error: str = ""
    message: str = ""
    ordered: bool = False  # it has a key
    size: int = 0  # bytes of its document
    document: bytes | None = None  # only where one is shown


class LostLeaseError(FairwayError):
    """The lease ended before the handler did: another worker has the event now, and this one's effect is undone."""


class Letters(Protocol):
    """What an inbox and an outbox have in common for an operator."""

    async def dead_letters(self, channel: str = "", ids: Collection[str] = (), limit: int = 1000) -> list[DeadLetter]:
        """List dead letters, the oldest first; with ids also their documents."""

    async def redrive(self, ids: Collection[str]) -> int:
        """Put dead letters back, as if they had never been tried; tell how many."""

    async def drop(self, ids: Collection[str]) -> int:
        """Remove dead letters for good, but know them again; tell how many."""

    async def purge(self, older_than: float) -> int:
        """Remove dead letters that were parked longer ago than so many seconds; tell how many."""

    async def of_person(self, alias: str) -> list[bytes]:
        """Give the documents about a person."""

    async def erase_person(self, alias: str) -> int:
        """Remove what is about a person; handled events are known again all the same. Tell how many rows."""


class Inbox(Letters, Protocol):
    """The inbox of one service in one of its stores. Times are the store's own."""

    store: str
    transactional: bool  # an effect through `tx` happens once; else at least once

    async def accept(self, arrived: Sequence[Arrived]) -> int:
        """Keep what came in, and tell how much of it is new; what is there already stays as it is."""

    async def take(self, channel: str, kinds: Collection[str], limit: int, bound: Consumed) -> Sequence[Taken]:
        """Take what is due under a lease. Of a lane only the first, and that once the one before it has come."""

    def handling(self, taken: Taken, bound: Consumed, *, asked: bool) -> AbstractAsyncContextManager[Any]:
        """Run a body whose writes through the given object, if one is asked for, are done with the mark "handled"."""

    async def retry(self, taken: Taken, failure: Failure, pause: float, *, counted: bool = True) -> None:
        """Make it due again after so many seconds; a try that is not counted leaves it all the others."""

    async def release(self, taken: Taken) -> None:
        """Give it back at once, as if it had not been tried."""

    async def park(self, taken: Taken, failure: Failure) -> None:
        """Make it a dead letter; its lane goes on."""

    async def settle(self, channels: Mapping[str, Collection[str]], bounds: Mapping[str, Consumed]) -> None:
        """Keep the house: forget what was remembered long enough, take up kinds that are known by now."""

    async def waiting(self) -> Mapping[str, int]:
        """Count by channel what is not handled."""

    async def parked(self) -> Mapping[str, int]:
        """Count by channel what is parked."""


def inbox_store(service: "Service", store: str = "") -> str:
    """Name the store of a service's inbox: the given one, else the first own SQL store, else DynamoDB, else Redis."""
    own = service.binding.own_stores
    return store or next((name for kinds in _ORDER for name, bound in own.items() if bound.kind in kinds), "")


def open_inbox(service: "Service", store: str = "") -> Inbox:
    """Open a service's inbox in its store: see `inbox_store`."""
    stores = service.binding.stores
    name = inbox_store(service, store)
    if name not in stores:
        asked = f"keeps its inbox in '{store}', which is none of its stores" if store else "has no store for its inbox"
        raise SetupError(
            f"service '{service.name}': {asked}. Declare a PostgreSQL, MySQL, DynamoDB or Redis store in its facts."
        )
    match stores[name].kind:
        case "postgresql" | "mysql" | "sqlite":
            from fairway_sdk.events.inbox_sql import SqlInbox

            return SqlInbox(service, name)
        case "dynamodb":
            from fairway_sdk.events.inbox_dynamodb import DynamoInbox

            return DynamoInbox(service, name)
        case "redis":
            from fairway_sdk.events.inbox_redis import RedisInbox

            return RedisInbox(service, name)
        case kind:
            raise SetupError(
                f"service '{service.name}': store '{name}' ({kind}) cannot keep an inbox. Name a SQL, DynamoDB or"
                " Redis store."
            )


_ORDER = (("postgresql", "mysql", "sqlite"), ("dynamodb",), ("redis",))
