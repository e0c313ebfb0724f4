"""The storefront: shelves, a basket that any replica knows, and the way to the checkout."""

from typing import Annotated

from fastapi import Query

from fairway_sdk import CurrentCaller, CurrentSession, DeclinedError, Person, Service, Session, needs
from storefront.others import Others
from storefront.pages import Basket, Book, BookPage, Isbn, OrderPage, Recipient

service = Service("storefront")
others = Others(service)

MOST_COPIES = 100


@service.get("/books")
async def books() -> list[Book]:
    """Give the books on the shelves."""
    return await others.find_books("")


@service.get("/search")
async def search(words: Annotated[str, Query(min_length=1, max_length=100)]) -> list[Book]:
    """Find books by words of their title or author."""
    return await others.find_books(words)


@service.get("/books/{isbn}")
async def book(isbn: Isbn, caller: CurrentCaller) -> BookPage:
    """Give a book with suggestions and, for a known reader, what they looked at before."""
    return BookPage(
        book=await others.book(isbn),
        suggestions=await others.suggestions(isbn),
        recently_seen=await others.recently_seen(isbn) if caller.known else [],
    )


@service.post("/session")
async def log_in(reader: Person, session: CurrentSession) -> Basket:
    """Make the session the reader's own; the basket stays."""
    session.login(reader)
    return _basket(session)


@service.delete("/session", status_code=204)
async def log_out(session: CurrentSession) -> None:
    """End the session."""
    session.logout()


@service.get("/basket")
async def basket(session: CurrentSession) -> Basket:
    """Give the basket."""
    return _basket(session)


@service.put("/basket/{isbn}")
async def fill(isbn: Isbn, copies: Annotated[int, Query(ge=0, le=MOST_COPIES)], session: CurrentSession) -> Basket:
    """Put copies of a book into the basket; zero takes it out."""
    lines = _basket(session).lines
    if copies:
        await others.book(isbn)  # a book that is not sold is not found
        lines[isbn] = copies
    else:
        lines.pop(isbn, None)
    session["basket"] = lines
    return Basket(lines=lines)


@service.post("/checkout", status_code=201, dependencies=[needs()])
async def checkout(to: Recipient, session: CurrentSession) -> OrderPage:
    """Order what is in the basket. The same order id again is the same order, also when the basket is empty by then."""
    if to.gift_wrapping and not service.flag("gift-wrapping"):
        raise DeclinedError("FAILED_PRECONDITION", "gifts are not wrapped at the moment")
    lines = (
        session.get("ordered", dict[str, int], {}) if session.get("order") == to.order_id else _basket(session).lines
    )
    if not lines:
        raise DeclinedError("FAILED_PRECONDITION", "the basket is empty")
    order = await others.place_order(lines, to)
    session["order"], session["ordered"], session["basket"] = to.order_id, lines, {}
    return order


@service.get("/orders/{order_id}", dependencies=[needs()])
async def order(order_id: str) -> OrderPage:
    """Give an order of the reader who asks."""
    return await others.order(order_id)


def _basket(session: Session) -> Basket:
    return Basket(lines=session.get("basket", dict[str, int], {}))
