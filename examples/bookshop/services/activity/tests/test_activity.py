"""Activity: what a reader looked at and bought, the latest first, for their own eyes only."""

import grpc
import pytest
from boto3.dynamodb.conditions import Key
from examples.bookshop.conftest import Shop

from activity.events import OrderPlaced
from activity.service import KEPT, service, views
from bookshop_protos import activity_pb2 as pb
from bookshop_protos.activity_pb2_grpc import ActivityStub
from fairway_sdk.testing.events import deliver, settled

BOOKS = ("9780141439518", "9780141441146", "9780141439556")


class Reader:
    """One reader's side of the service."""

    def __init__(self, shop: Shop, name: str) -> None:
        self._token = shop.token(name)
        self._stub = shop.stub("activity", ActivityStub)

    async def look(self, *books: str) -> None:
        """Look at books, one after the other."""
        for isbn in books:
            await self._stub.RecordView(pb.RecordViewRequest(isbn=isbn), metadata=self._token)

    async def seen(self, most: int = 0) -> list[tuple[str, bool]]:
        """Give what was seen, and whether it was bought."""
        found = await self._stub.RecentViews(pb.RecentViewsRequest(most=most), metadata=self._token)
        return [(view.isbn, view.bought) for view in found.views]


@pytest.fixture
async def ada(shop: Shop) -> Reader:
    """Give a reader; the service runs."""
    await shop.open("activity")
    return Reader(shop, "ada")


async def test_the_latest_views_come_first(ada: Reader) -> None:
    """Ten where nothing is said, and no more than asked for."""
    await ada.look(*BOOKS)
    assert await ada.seen() == [(isbn, False) for isbn in reversed(BOOKS)]
    assert await ada.seen(most=1) == [(BOOKS[2], False)]
    await ada.look(*BOOKS * 3)
    assert len(await ada.seen()) == 10


async def test_nobody_sees_what_another_looked_at(shop: Shop, ada: Reader) -> None:
    """And who is not known has no views."""
    await ada.look(*BOOKS)
    assert await Reader(shop, "eve").seen() == []
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await shop.stub("activity", ActivityStub).RecentViews(pb.RecentViewsRequest())
    assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED


async def test_what_was_bought_is_remembered_once_though_the_news_come_twice(shop: Shop, ada: Reader) -> None:
    """The note that it was handled, and what came of it, are written together."""
    placed = OrderPlaced(order_id="o-1", reader="ada", isbns=BOOKS[:2])
    await deliver(service, placed, times=3)
    await settled(service)
    shop.clock.advance(60)
    shop.hub.inject("order-placed", shop.hub.published[0].encode())
    await settled(service)
    assert sorted(await ada.seen()) == sorted((isbn, True) for isbn in BOOKS[:2])


async def test_a_view_is_forgotten_after_half_a_year(shop: Shop, ada: Reader) -> None:
    """The table itself forgets: each item says when."""
    await ada.look(BOOKS[0])
    (item,) = [item async for item in views.query(Key("reader").eq("ada"))]
    assert KEPT - 60 < int(item["expires"]) - shop.clock.now() <= KEPT
