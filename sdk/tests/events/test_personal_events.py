"""Personal content of events is sealed wherever it waits, and an event about somebody who was erased has no effect."""

import base64
from collections.abc import Awaitable, Callable
from typing import Annotated

import prometheus_client
import sqlalchemy as sa

from fairway_sdk import Event, Service
from fairway_sdk.contract.binding import Consumed, Personal, Published, Retries, Store
from fairway_sdk.events import dead_letters as letters
from fairway_sdk.events.brokers.memory import Hub
from fairway_sdk.events.tables import INBOX, OUTBOX
from fairway_sdk.personal.sealing import PERSONAL
from fairway_sdk.testing.events import dead_letters, settled

Place = Callable[..., Awaitable[Service]]

KEY = base64.b64encode(bytes(range(32))).decode()
BINDING = {
    "personal": Personal(master_key_secret="master-key", keys="main"),  # noqa: S106 - the name of a file
    "secrets": {"master-key": KEY},
    "publishes": {"greeted": Published()},
    "consumes": {"greeted": Consumed(retries=Retries(tries=1))},
}


class Greeted(Event, frozen=True):
    """Somebody was greeted."""

    channel = "greeted"
    person = "reader"

    reader: str
    email: Annotated[str, PERSONAL]


async def test_personal_content_is_sealed_from_the_outbox_to_the_dead_letter(
    database: Store, place: Place, the_hub: Hub
) -> None:
    """The handler reads it; nobody else does, and the error that names it does not keep it."""
    service, got = Service("greeter"), []

    @service.on(Greeted)
    async def greet(event: Greeted) -> None:
        got.append(event.email)
        raise ValueError(f"the mailbox of {event.email} is full")

    await place(service, database, **BINDING)
    the_hub.away = True
    async with service.running():
        async with service.transaction() as tx:
            await tx.emit(Greeted("r1", "planted@example.org"))
        assert b"planted" not in await content(service, OUTBOX.c.content)
        the_hub.away = False
        await settled(service)
        (letter,) = await dead_letters(service)
        (document,) = await letters.of_person(service, "r1")
        assert b"planted" not in await content(service, INBOX.c.document)
    assert got == ["planted@example.org"]
    assert letter.message == "the mailbox of … is full"
    assert "planted" not in str(document)
    assert "planted" not in str(the_hub.published)


async def test_an_event_about_somebody_who_was_erased_has_no_effect(
    database: Store, place: Place, the_hub: Hub
) -> None:
    """It is no failure either: it is counted as erased, and nobody has to look at it."""
    service, got = Service("greeter"), []

    @service.on(Greeted)
    async def greet(event: Greeted) -> None:
        got.append(event.email)

    await place(service, database, **BINDING)
    the_hub.held = True
    async with service.running():
        async with service.transaction() as tx:
            await tx.emit(Greeted("r2", "planted@example.org"))
        await service.keyring.erase("r2")
        the_hub.held = False
        await settled(service)
        assert await dead_letters(service) == []
    labels = {"channel": "greeted", "outcome": "erased"}
    counted = prometheus_client.REGISTRY.get_sample_value("fairway_events_handled_total", labels)
    assert (got, counted) == ([], 1.0)


async def content(service: Service, column: sa.Column[bytes]) -> bytes:
    """Give all that a column holds."""
    async with service.sql().connection() as connection:
        found = b"".join((await connection.execute(sa.select(column))).scalars())
    assert found
    return found
