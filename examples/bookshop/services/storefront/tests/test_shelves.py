"""The storefront's shelves: shown as well as they can be, whoever is down."""

import pytest
from examples.bookshop.conftest import Browser, Shop, answered

from fairway_sdk.contract import SKIPPED_HEADER, STALE_HEADER

PRIDE, JANE = "9780141439518", "9780141441146"
OTHERS = ("inventory", "recommendations", "activity")


@pytest.fixture
async def visitor(shop: Shop) -> Browser:
    """Give a visitor of the storefront; all whom the shelves need are there."""
    await shop.open(*OTHERS, "storefront")
    return await shop.browser("storefront")


async def test_anybody_may_browse_and_search(visitor: Browser) -> None:
    """By words of title or author; words with odd signs mean themselves."""
    shelf = await visitor.get("/books")
    assert (shelf.status, len(shelf.body)) == (200, 20)
    found = await visitor.get("/search?words=austen+pride")
    assert [book["title"] for book in found.body] == ["Pride and Prejudice"]
    assert (await visitor.get("/search?words=%25")).body == []


async def test_a_book_is_shown_with_suggestions_and_for_a_reader_with_what_they_saw_before(visitor: Browser) -> None:
    """A visitor has no history; a reader has their own."""
    page = await visitor.get(f"/books/{PRIDE}")
    assert page.status == 200
    assert page.body["book"]["title"] == "Pride and Prejudice"
    assert len(page.body["suggestions"]) == 5
    assert page.body["recently_seen"] == []
    await visitor.get(f"/books/{PRIDE}", reader="ada")
    assert (await visitor.get(f"/books/{JANE}", reader="ada")).body["recently_seen"] == [PRIDE]
    assert (await visitor.get(f"/books/{JANE}", reader="eve")).body["recently_seen"] == []


@pytest.mark.parametrize(
    ("path", "status"), [("/books/1", 422), ("/books/9780000000000", 404), ("/search?words=", 422)]
)
async def test_what_is_no_book_is_told_so(visitor: Browser, path: str, status: int) -> None:
    """A number that is none, a book that is not sold, a search for nothing."""
    told = await visitor.get(path)
    assert (told.status, told.headers["content-type"]) == (status, "application/problem+json")


async def test_while_inventory_is_down_what_was_last_known_is_shown_and_owned_up_to(
    shop: Shop, visitor: Browser
) -> None:
    """With its age in seconds, up to ten minutes; what was never asked for cannot be shown."""
    fresh = await visitor.get("/books")
    assert STALE_HEADER not in fresh.headers
    await shop.close("inventory")
    shop.clock.advance(100)
    stale = await visitor.get("/books")
    assert (stale.status, stale.body) == (200, fresh.body)
    assert 100 <= int(stale.headers[STALE_HEADER]) <= 110
    assert (await visitor.get("/search?words=jane")).status == 503
    shop.clock.advance(600)
    assert (await visitor.get("/books")).status == 503
    await shop.open("inventory")
    shop.clock.advance(60)  # the breaker's pause
    again = await answered(lambda: visitor.get("/books"))
    assert (again.status, STALE_HEADER in again.headers) == (200, False)


async def test_suggestions_and_history_are_left_out_while_nobody_gives_them(shop: Shop, visitor: Browser) -> None:
    """The book itself is what matters; the answer says whose part is missing."""
    await shop.close("recommendations")
    await shop.close("activity")
    page = await visitor.get(f"/books/{PRIDE}", reader="ada")
    assert (page.status, page.body["suggestions"], page.body["recently_seen"]) == (200, [], [])
    assert set(page.headers[SKIPPED_HEADER].split(", ")) == {"recommendations", "activity"}


async def test_the_last_good_suggestions_are_shown_for_a_minute(shop: Shop, visitor: Browser) -> None:
    """Then none."""
    known = (await visitor.get(f"/books/{PRIDE}")).body["suggestions"]
    await shop.close("recommendations")
    shop.clock.advance(30)
    assert (await visitor.get(f"/books/{PRIDE}")).body["suggestions"] == known
    shop.clock.advance(60)
    page = await visitor.get(f"/books/{PRIDE}")
    assert (page.body["suggestions"], page.headers[SKIPPED_HEADER]) == ([], "recommendations")


async def test_the_cache_of_one_replica_serves_another(shop: Shop, visitor: Browser) -> None:
    """It is in the store, so a new replica is no worse off."""
    fresh = await visitor.get("/books")
    await shop.close("inventory")
    await shop.close("storefront")
    await shop.open("storefront", replica="another")
    stale = await visitor.get("/books")
    assert (stale.body, STALE_HEADER in stale.headers) == (fresh.body, True)
