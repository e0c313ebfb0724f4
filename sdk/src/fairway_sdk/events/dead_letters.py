"""The dead letters of a service, of its inbox and its outboxes alike: listed, put back, removed, purged.

For operators, for the retention of personal data, and for the export and erasure of a person.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from fairway_sdk.events.inbox import DeadLetter, Letters, open_inbox
from fairway_sdk.events.personal import alias
from fairway_sdk.events.relay import outbox_stores
from fairway_sdk.events.tables import OUTBOX

if TYPE_CHECKING:
    from fairway_sdk.service import Service


async def find(service: "Service", channel: str = "", ids: Collection[str] = (), limit: int = 1000) -> list[DeadLetter]:
    """List dead letters, the oldest first; with ids also their documents."""
    found = [letter for each in keepers(service) for letter in await each.dead_letters(channel, ids, limit)]
    return sorted(found, key=lambda letter: letter.parked)[:limit]


async def redrive(service: "Service", ids: Collection[str]) -> int:
    """Put dead letters back, with all their tries; tell how many were there."""
    count = sum([await each.redrive(ids) for each in keepers(service)]) if ids else 0
    if count:
        from fairway_sdk.events.wake import bells

        for bell in bells(service):
            bell.ring()
    return count


async def drop(service: "Service", ids: Collection[str]) -> int:
    """Remove dead letters for good; tell how many were there."""
    return sum([await each.drop(ids) for each in keepers(service)]) if ids else 0


async def purge(service: "Service", older_than: float) -> int:
    """Remove dead letters that were parked longer ago than so many seconds; tell how many."""
    return sum([await each.purge(older_than) for each in keepers(service)])


async def of_person(service: "Service", person: str) -> list[dict[str, Any]]:
    """Give what inbox and outbox still hold about a person, as it is kept: personal fields are sealed in it."""
    name = alias(service, person)
    documents = [document for each in keepers(service) for document in await each.of_person(name)]
    return [msgspec.json.decode(document) for document in documents]


async def erase_person(service: "Service", person: str) -> int:
    """Remove what inbox and outbox hold about a person; tell how many rows."""
    name = alias(service, person)
    return sum([await each.erase_person(name) for each in keepers(service)])


def keepers(service: "Service") -> Sequence[Letters]:
    """Give the inbox and the outboxes of a service whose stores are open."""
    found: list[Letters] = []
    consumers = service.__dict__.get("consumers")
    if consumers is not None or service.binding.consumes:
        found.append(consumers.inbox if consumers is not None else open_inbox(service))
    if service.binding.publishes:
        from fairway_sdk.events.parked_rows import ParkedRows

        found += [ParkedRows(service.stores.sql(store), OUTBOX, service.clock) for store in outbox_stores(service)]
    return found


@asynccontextmanager
async def opened(service: "Service") -> AsyncIterator[None]:
    """Open the stores of a service that does not run, for an operator's command."""
    if service.life.started:
        yield
        return
    stores = service.stores.open()
    if "consumers" in service.__dict__:
        service.consumers.renew()
    if service.binding.personal:
        await service.keyring.open()
    try:
        yield
    finally:
        if service.binding.personal:
            await service.keyring.stop()
        for store in stores:
            await store.stop()
