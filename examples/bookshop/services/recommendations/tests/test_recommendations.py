"""Recommendations: what was bought together, learnt from orders, and bestsellers where nothing is known."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from examples.bookshop.conftest import Shop

from bookshop_protos import recommendations_pb2 as pb
from bookshop_protos.recommendations_pb2_grpc import RecommendationsStub
from fairway_sdk.testing.events import deliver, settled
from recommendations.events import OrderPlaced
from recommendations.model import BESTSELLERS, load
from recommendations.service import service

if TYPE_CHECKING:
    from bookshop_protos.recommendations_pb2_grpc import RecommendationsAsyncStub

JANE, HEIGHTS, EYRES, MOBY = "9780141441146", "9780141439556", "9780141439563", "9780142437247"


@pytest.fixture
async def suggest(shop: Shop) -> "RecommendationsAsyncStub":
    """Give a client of the running service."""
    await shop.open("recommendations")
    return shop.stub("recommendations", RecommendationsStub)


async def _suggested(suggest: "RecommendationsAsyncStub", isbn: str, most: int = 0) -> list[str]:
    return list((await suggest.Suggest(pb.SuggestRequest(isbn=isbn, most=most))).isbns)


def _bought(order: str, *isbns: str) -> OrderPlaced:
    return OrderPlaced(order_id=order, isbns=isbns)


async def test_where_nothing_is_known_of_a_book_bestsellers_are_suggested(suggest: "RecommendationsAsyncStub") -> None:
    """Five where nothing is said, and never the book itself."""
    assert await _suggested(suggest, JANE) == list(BESTSELLERS[:5])
    assert await _suggested(suggest, BESTSELLERS[0], most=2) == list(BESTSELLERS[1:3])


async def test_what_was_bought_together_most_often_comes_first(suggest: "RecommendationsAsyncStub") -> None:
    """Then what was bought with it once, then bestsellers."""
    await deliver(service, _bought("o-1", JANE, HEIGHTS), _bought("o-2", JANE, EYRES, HEIGHTS))
    await settled(service)
    assert await _suggested(suggest, JANE, most=3) == [HEIGHTS, EYRES, BESTSELLERS[0]]
    assert await _suggested(suggest, EYRES, most=2) == [JANE, HEIGHTS] or [HEIGHTS, JANE]
    assert await _suggested(suggest, MOBY, most=1) == [BESTSELLERS[0]]


async def test_news_that_come_twice_at_once_count_once(shop: Shop, suggest: "RecommendationsAsyncStub") -> None:
    """Redis has no transactions, yet remembers which events were handled."""
    await deliver(service, _bought("o-1", JANE, EYRES), times=3)
    await deliver(service, _bought("o-2", JANE, HEIGHTS), _bought("o-3", JANE, HEIGHTS))
    await settled(service)
    assert await _suggested(suggest, JANE, most=2) == [HEIGHTS, EYRES]
    assert shop.hub.published


async def test_the_model_is_written_once_and_then_read(tmp_path: Path) -> None:
    """A newer model that was put there is used, and stays."""
    folder = tmp_path / "model"
    assert load(folder) == BESTSELLERS
    (folder / "bestsellers.json").write_text(f'["{MOBY}"]')
    assert load(folder) == (MOBY,)
    assert [file.name for file in folder.iterdir()] == ["bestsellers.json"], "no draft is left behind"
