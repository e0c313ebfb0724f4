"""A saga that this process holds, and the one way to change it: whoever has lost the lease records nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, TypeVar

import structlog
from msgspec import Struct
from msgspec.structs import replace

from fairway_sdk.calls.backoff import pause as backoff
from fairway_sdk.contract.binding import Retries
from fairway_sdk.contract.binding import Sagas as Settings
from fairway_sdk.sagas.course import STUCK, Kept
from fairway_sdk.sagas.log import Log
from fairway_sdk.sagas.nap import raise_if_cancelled
from fairway_sdk.sagas.table import log_text
from fairway_sdk.sagas.values import Values

if TYPE_CHECKING:
    from fairway_sdk.stores.transaction import Transaction

log = structlog.get_logger("fairway")

T = TypeVar("T")

OUTAGE: Final = Retries(first_pause=0.1, longest_pause=5.0)  # between questions to a store that does not answer
NEARLY_OVER: Final = 0.8  # of a lease: what begins now needs a new one
PAUSED_HERE: Final = 1 / 3  # of a lease: for a longer pause the saga is let go


class LostError(BaseException):
    """The saga is another's by now; no `Exception`, so that nothing on the way takes it for a failed step."""


Witness = Callable[[str, str], None]
"""Told `before` and `after` each method by its name, for tests; what it raises ends the run, as a crash does."""


class Holder(Struct, frozen=True, kw_only=True):
    """Who holds sagas: one process between its start and its stop, and what its runs share."""

    owner: str
    log: Log
    values: Values
    witness: Witness
    settings: Settings
    draining: asyncio.Event

    def time(self) -> float:
        """Give the time that leases are measured by in this process: no clock that somebody sets."""
        return asyncio.get_running_loop().time() + self.log.clock.ahead


class Lease:
    """One saga in one process. A lease is counted from before it is asked for, so it is never thought too long."""

    def __init__(self, holder: Holder, kept: Kept, asked: float) -> None:
        self.kept = kept
        self.until = asked + holder.settings.lease
        self.changed: Callable[[], None] | None = None  # told when `until` moves
        self._holder = holder

    @property
    def here(self) -> bool:
        """Tell whether this process has the saga, as far as it knows."""
        return self.kept.owner == self._holder.owner

    @property
    def left(self) -> float:
        """Give the seconds for which nobody else takes the saga."""
        return self.until - self._holder.time()

    async def hold(self) -> None:
        """Make sure that the lease lasts before something begins; `LostError` where it is another's."""
        if self.left < (1 - NEARLY_OVER) * self._holder.settings.lease and not await self._until_told(self.renew):
            raise LostError

    async def renew(self) -> bool:
        """Ask for a whole lease from now on; false where the saga is another's."""
        asked, settings = self._holder.time(), self._holder.settings
        if not await self._holder.log.renew(self.kept.id, self._holder.owner, settings.lease):
            return False
        self._extend(asked + settings.lease)
        return True

    async def record(self, kept: Kept, *, moved: bool, pause: float = 0.0) -> None:
        """Record where the saga stands; however long the store is away, it is recorded once. `LostError` if lost."""
        kept, wait = self._placed(kept, pause)
        asked, doubt = self._holder.time(), False

        async def write() -> bool:
            nonlocal asked, doubt
            if doubt and await self._is_written(kept):
                return True
            asked, doubt = self._holder.time(), True
            return await self._holder.log.change(kept, wait, moved=moved)

        if not await self._until_told(write):
            raise LostError
        self._adopt(kept, asked + (wait or 0.0))

    async def record_in(self, transaction: "Transaction", kept: Kept) -> tuple[Kept, float]:
        """Record progress by a step's own transaction; give what `settle` wants once it is committed."""
        kept, wait = self._placed(kept, 0.0)
        until = self._holder.time() + (wait or 0.0)
        if not await self._holder.log.change_in(await transaction.connection(), kept, wait):
            raise LostError
        return kept, until

    def settle(self, kept: Kept, until: float) -> None:
        """Take note that a step's own transaction has committed."""
        self._adopt(kept, until)

    async def is_written(self, kept: Kept) -> bool:
        """Find out whether a commit took place of which no answer came; waits until the store answers."""
        return await self._until_told(lambda: self._is_written(kept))

    def _placed(self, kept: Kept, pause: float) -> tuple[Kept, float | None]:
        """Say who has the saga after this record, and in how many seconds anybody may take it."""
        settings = self._holder.settings
        if kept.ended:
            return replace(kept, owner=""), settings.kept
        if kept.state == STUCK:
            return replace(kept, owner=""), None
        if self._holder.draining.is_set() or pause > settings.lease * PAUSED_HERE:
            return replace(kept, owner=""), pause
        return kept, settings.lease + pause

    def _adopt(self, kept: Kept, until: float) -> None:
        self.kept = replace(kept, version=kept.version + 1)
        self._extend(until)

    def _extend(self, until: float) -> None:
        self.until = until
        if self.changed is not None:
            self.changed()

    async def _is_written(self, kept: Kept) -> bool:
        found = await self._holder.log.read(kept.id)
        if found is None or found.version != kept.version + 1:
            return False
        same = (found.owner, found.state, found.tries, log_text(found))
        return same == (kept.owner, kept.state, kept.tries, log_text(kept))

    async def _until_told(self, ask: Callable[[], Awaitable[T]]) -> T:
        failed = 0
        while True:
            try:
                return await ask()
            except Exception as error:  # noqa: BLE001 - whatever a store raises, the saga waits for it
                raise_if_cancelled()
                failed += 1
                if failed == 1:
                    log.warning("saga waits for its store", id=self.kept.id, error=type(error).__name__)
            await self._holder.log.clock.sleep(backoff(OUTAGE, failed))
