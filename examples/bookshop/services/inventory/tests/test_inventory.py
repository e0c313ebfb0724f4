"""Inventory: copies are free or held, and no copy is ever both."""

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import grpc
import pytest
from examples.bookshop.conftest import Shop, refusal

from bookshop_protos import inventory_pb2 as pb
from bookshop_protos.inventory_pb2_grpc import InventoryStub

if TYPE_CHECKING:
    from bookshop_protos.inventory_pb2_grpc import InventoryAsyncStub

JANE = "9780141441146"
PRIDE = "9780141439518"


@pytest.fixture
async def inventory(shop: Shop) -> "InventoryAsyncStub":
    """Give a client of the running service."""
    await shop.open("inventory")
    return shop.stub("inventory", InventoryStub)


async def _copies(inventory: "InventoryAsyncStub", isbn: str) -> int:
    return (await inventory.GetBook(pb.GetBookRequest(isbn=isbn))).copies


async def _reserve(inventory: "InventoryAsyncStub", order: str, **copies: int) -> pb.Reservation:
    lines = [pb.Line(isbn=isbn.removeprefix("isbn"), copies=number) for isbn, number in copies.items()]
    return await inventory.Reserve(pb.ReserveRequest(order_id=order, lines=lines))


async def test_an_order_that_reserves_twice_holds_its_copies_once(inventory: "InventoryAsyncStub") -> None:
    """The second answer is the first one's, price included."""
    before = await _copies(inventory, PRIDE)
    first = await _reserve(inventory, "o-1", **{f"isbn{PRIDE}": 3})
    assert await _reserve(inventory, "o-1", **{f"isbn{PRIDE}": 3}) == first
    assert first.price_cents == 3 * 899
    assert await _copies(inventory, PRIDE) == before - 3


async def test_too_few_copies_are_declined_and_nothing_is_held(inventory: "InventoryAsyncStub") -> None:
    """Also of the other book of the order, of which there are enough; the order may be changed and come again."""
    before = await _copies(inventory, JANE)
    code, why = await refusal(_reserve(inventory, "o-1", **{f"isbn{JANE}": 2, f"isbn{PRIDE}": 201}))
    assert (code, why) == (grpc.StatusCode.FAILED_PRECONDITION, f"fewer than 201 copies of {PRIDE} are left")
    assert await _copies(inventory, JANE) == before
    await _reserve(inventory, "o-1", **{f"isbn{JANE}": 2})
    assert await _copies(inventory, JANE) == before - 2


async def test_released_copies_are_free_again_once_and_a_late_reservation_is_refused(
    inventory: "InventoryAsyncStub",
) -> None:
    """A message that was held up on its way must not hold copies that nobody will ever release."""
    before = await _copies(inventory, PRIDE)
    await _reserve(inventory, "o-1", **{f"isbn{PRIDE}": 3})
    for _ in range(2):
        await inventory.Release(pb.ReleaseRequest(order_id="o-1"))
        assert await _copies(inventory, PRIDE) == before
    assert await refusal(_reserve(inventory, "o-1", **{f"isbn{PRIDE}": 3})) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "what the order held was given back",
    )


async def test_a_release_that_overtakes_its_reservation_wins(inventory: "InventoryAsyncStub") -> None:
    """Nothing was held yet; what comes late is refused."""
    before = await _copies(inventory, PRIDE)
    await inventory.Release(pb.ReleaseRequest(order_id="o-1"))
    code, _ = await refusal(_reserve(inventory, "o-1", **{f"isbn{PRIDE}": 3}))
    assert code == grpc.StatusCode.FAILED_PRECONDITION
    assert await _copies(inventory, PRIDE) == before


async def test_twenty_orders_at_once_for_ten_copies_sell_exactly_ten(inventory: "InventoryAsyncStub") -> None:
    """None is lost, and none is sold twice."""
    await _reserve(inventory, "all-but-ten", **{f"isbn{PRIDE}": 190})
    asked = [_reserve(inventory, f"o-{number}", **{f"isbn{PRIDE}": 1}) for number in range(20)]
    told = await asyncio.gather(*asked, return_exceptions=True)
    refused = [one for one in told if isinstance(one, grpc.aio.AioRpcError)]
    assert Counter(one.code() for one in refused) == {grpc.StatusCode.FAILED_PRECONDITION: 10}
    assert await _copies(inventory, PRIDE) == 0


async def test_the_same_order_ten_times_at_once_holds_its_copies_once(inventory: "InventoryAsyncStub") -> None:
    """As a client with many impatient retries would ask."""
    told = await asyncio.gather(*(_reserve(inventory, "o-1", **{f"isbn{PRIDE}": 2}) for _ in range(10)))
    assert {one.price_cents for one in told} == {2 * 899}
    assert await _copies(inventory, PRIDE) == 198


async def test_orders_for_the_same_books_in_different_order_do_not_block_each_other(
    inventory: "InventoryAsyncStub",
) -> None:
    """Two orders that each held what the other wants would wait forever."""
    books = {f"isbn{PRIDE}": 1, f"isbn{JANE}": 1}
    turned = dict(reversed(books.items()))
    asked = [_reserve(inventory, f"o-{number}", **(books if number % 2 else turned)) for number in range(20)]
    await asyncio.gather(*asked)
    assert await _copies(inventory, PRIDE) == await _copies(inventory, JANE) == 180


@pytest.mark.parametrize(
    ("words", "titles"),
    [
        ("jane", ["Jane Eyre", "Pride and Prejudice"]),
        ("austen pride", ["Pride and Prejudice"]),
        ("BRONTË", ["Jane Eyre", "Wuthering Heights"]),
        ("%", []),
        ("_", []),
        ("\\", []),
        ("' or 1=1 --", []),
    ],
)
async def test_books_are_found_by_words_and_signs_mean_themselves(
    inventory: "InventoryAsyncStub", words: str, titles: list[str]
) -> None:
    """All words must be there, in title or author, in any case; a percent sign is no wildcard."""
    found = await inventory.FindBooks(pb.FindBooksRequest(words=words))
    assert [book.title for book in found.books] == titles


async def test_all_books_are_given_by_title_and_no_more_than_asked_for(inventory: "InventoryAsyncStub") -> None:
    """Twenty where nothing is said."""
    first = await inventory.FindBooks(pb.FindBooksRequest())
    titles = [book.title for book in first.books]
    assert titles == sorted(titles)
    assert len(titles) == 20
    assert len((await inventory.FindBooks(pb.FindBooksRequest(most=3))).books) == 3


async def test_an_unknown_book_is_not_found(inventory: "InventoryAsyncStub") -> None:
    """Neither given nor reserved."""
    assert await refusal(inventory.GetBook(pb.GetBookRequest(isbn="1"))) == (
        grpc.StatusCode.NOT_FOUND,
        "no book has the number 1",
    )
    code, _ = await refusal(_reserve(inventory, "o-1", isbn1=1))
    assert code == grpc.StatusCode.FAILED_PRECONDITION


@pytest.mark.parametrize("copies", [{}, {f"isbn{PRIDE}": 0}, {f"isbn{PRIDE}": -1}])
async def test_an_order_of_nothing_or_less_is_refused(inventory: "InventoryAsyncStub", copies: dict[str, int]) -> None:
    """Minus one copy would make stock out of nothing."""
    code, _ = await refusal(_reserve(inventory, "o-1", **copies))
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert await _copies(inventory, PRIDE) == 200
