"""One transaction of a service: its own rows, and the events and deferred work that must happen if it commits."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

if TYPE_CHECKING:
    from msgspec import Struct

    from fairway_sdk.events.event import Event
    from fairway_sdk.service import Service


class TransactionSession(Session):
    """The session under a transaction, so that what the outbox hears of commits is heard of these sessions only."""


class Transaction(AsyncSession):
    """A session of the object mapper whose commit also sends events."""

    sync_session_class = TransactionSession

    @property
    def service(self) -> "Service":
        """The service whose transaction it is."""
        service: Service = self.info["service"]
        return service

    async def emit(self, *events: "Event") -> None:
        """Send events if, and only if, this transaction commits: at least once, in this order for equal keys."""
        from fairway_sdk.events.outbox import put

        await put(self, events)

    async def defer(self, task: Callable[..., Awaitable[object]], payload: "Struct", *, delay: float = 0.0) -> None:
        """Run a task of this service, `delay` seconds or more later, if this transaction commits.

        The task is a function that `@service.task` declares; it is retried and parked like the handler of an event.
        """
        await self.service.consumers.defer(self, task, payload, delay)
