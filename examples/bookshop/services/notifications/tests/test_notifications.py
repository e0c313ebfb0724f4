"""Notifications: each reader gets each mail once, whatever the broker and the mail server do."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from examples.bookshop.conftest import PATIENCE, Shop

from fairway_sdk.personal.person import erase
from fairway_sdk.testing.events import dead_letters, deliver, settled
from notifications.events import OrderPlaced, ParcelSent
from notifications.service import service

MAIL = "ada@reader.test"


@pytest.fixture
async def notified(shop: Shop) -> Shop:
    """Give a shop in which notifications runs."""
    await shop.open("notifications")
    return shop


def _placed(order: str = "o-1", **further: Any) -> OrderPlaced:  # noqa: ANN401 - the event's own fields
    given: dict[str, Any] = {"reader": "ada", "price_cents": 1798, "name": "Ada", "email": MAIL}
    return OrderPlaced(order_id=order, **(given | further))


def _sent(order: str = "o-1") -> ParcelSent:
    return ParcelSent(order_id=order, reader="ada", tracking="T000001")


def _mails(shop: Shop) -> list[tuple[str, str]]:
    return [(mail["to"], mail["subject"]) for mail in shop.outside["mail"].effects]


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - what others do is not told
            await asyncio.sleep(0.01)


async def test_an_order_and_its_parcel_are_told_once_each_though_the_news_come_twice(notified: Shop) -> None:
    """The mail says what was ordered, for how much, and where the parcel is."""
    await deliver(service, _placed(), _sent(), times=3)
    await settled(service)
    assert _mails(notified) == [(MAIL, "Your order"), (MAIL, "Your parcel")]
    thanks, news = notified.outside["mail"].effects
    assert "thank you for your order o-1 for 17.98." in thanks["text"]
    assert "your order o-1 is on its way: T000001." in news["text"]


async def test_news_of_a_parcel_wait_for_those_of_its_order(notified: Shop) -> None:
    """They come from two services, over two channels, in any order."""
    await deliver(service, _sent())
    await asyncio.sleep(0.2)
    assert _mails(notified) == []
    await deliver(service, _placed())
    await _until(lambda: len(_mails(notified)) == 1)
    notified.clock.advance(10)
    await settled(service)
    assert _mails(notified) == [(MAIL, "Your order"), (MAIL, "Your parcel")]


async def test_a_mail_waits_for_a_mail_server_that_is_down(notified: Shop) -> None:
    """It is tried again, and sent once."""
    mail = notified.outside["mail"]
    await mail.stop()
    await deliver(service, _placed())
    await asyncio.sleep(0.3)
    await mail.start()
    notified.clock.advance(30)  # the pause between tries, and the breaker's
    await settled(service)
    assert _mails(notified) == [(MAIL, "Your order")]


async def test_news_that_cannot_be_told_are_parked_and_hold_nobody_up(notified: Shop) -> None:
    """A parcel of an order that nobody ever placed; the operator sees no address."""
    await deliver(service, _sent("o-unknown"), _placed("o-2"))
    async with asyncio.timeout(PATIENCE):
        while not await dead_letters(service):
            await asyncio.sleep(0.05)
            notified.clock.advance(30)  # news may be as late
    await settled(service)
    assert _mails(notified) == [(MAIL, "Your order")]
    (letter,) = await dead_letters(service)
    assert (letter.channel, letter.kind, letter.attempts) == ("parcel-sent", "ParcelSent", 1)
    assert letter.message == "the order's own news has not come yet"


async def test_what_is_no_event_is_parked(notified: Shop) -> None:
    """A document that nobody can read is kept for the operator, and the next one is handled."""
    notified.hub.inject("order-placed", b"no event")
    await deliver(service, _placed())
    await settled(service)
    assert len(await dead_letters(service)) == 1
    assert _mails(notified) == [(MAIL, "Your order")]


async def test_a_reader_who_was_erased_gets_no_more_mail(notified: Shop) -> None:
    """Their parcel is on its way; nobody knows any more where to."""
    await deliver(service, _placed())
    await settled(service)
    await erase(service, "ada")
    await deliver(service, _sent())
    await settled(service)
    assert _mails(notified) == [(MAIL, "Your order")]
    assert await dead_letters(service) == []


async def test_where_a_mail_goes_is_sealed_in_the_store(notified: Shop) -> None:
    """In the table of recipients and in the inbox alike."""
    await deliver(service, _placed())
    await settled(service)
    assert notified.holds("notifications-db", "o-1")
    assert not notified.holds("notifications-db", MAIL)
