"""Stock: copies are free or held, and no copy is ever both."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.dialects.postgresql import insert

from fairway_sdk import DeclinedError, Transaction
from inventory.tables import Book, Hold, Reservation


async def find(tx: Transaction, words: str, most: int) -> Sequence[Mapping[str, Any]]:
    """Give books with all words in their title or author, by title."""
    wanted = select(Book).order_by(Book.title).limit(most)
    for word in words.split():
        in_title = Book.title.icontains(word, autoescape=True)
        wanted = wanted.where(or_(in_title, Book.author.icontains(word, autoescape=True)))
    return [_told(book) for book in await tx.scalars(wanted)]


async def book(tx: Transaction, isbn: str) -> Mapping[str, Any]:
    """Give one book."""
    found = await tx.get(Book, isbn)
    if found is None:
        raise DeclinedError("NOT_FOUND", f"no book has the number {isbn}")
    return _told(found)


async def reserve(tx: Transaction, order_id: str, wanted: Mapping[str, int]) -> int:
    """Hold copies for an order and give their price in cents; an order that holds already is not asked again.

    Books are taken in the order of their numbers, so that two orders for the same books never wait for each other.
    """
    if not wanted or min(wanted.values()) < 1:
        raise DeclinedError("INVALID_ARGUMENT", "an order holds at least one copy of a book")
    if not await _first(tx, order_id, released=False):
        known = await tx.get_one(Reservation, order_id)
        if known.released:
            raise DeclinedError("FAILED_PRECONDITION", "what the order held was given back")
        return known.price_cents
    price = 0
    for isbn, copies in sorted(wanted.items()):
        taking = update(Book).where(Book.isbn == isbn, Book.copies >= copies).values(copies=Book.copies - copies)
        each = await tx.scalar(taking.returning(Book.price_cents))
        if each is None:
            raise DeclinedError("FAILED_PRECONDITION", f"fewer than {copies} copies of {isbn} are left")
        tx.add(Hold(order_id=order_id, isbn=isbn, copies=copies))
        price += copies * each
    await tx.execute(update(Reservation).where(Reservation.order_id == order_id).values(price_cents=price))
    return price


async def release(tx: Transaction, order_id: str) -> None:
    """Give back what an order holds, once. Where it holds nothing yet, a reservation that comes late is refused."""
    if await _first(tx, order_id, released=True):
        return
    giving = update(Reservation).where(Reservation.order_id == order_id, Reservation.released.is_(False))
    if await tx.scalar(giving.values(released=True).returning(Reservation.order_id)) is None:
        return
    for hold in await tx.scalars(select(Hold).where(Hold.order_id == order_id).order_by(Hold.isbn)):
        await tx.execute(update(Book).where(Book.isbn == hold.isbn).values(copies=Book.copies + hold.copies))


async def _first(tx: Transaction, order_id: str, *, released: bool) -> bool:
    """Note an order, and tell whether it was new: of two requests at once, one waits here and finds it known."""
    noting = insert(Reservation).values(order_id=order_id, price_cents=0, released=released)
    return await tx.scalar(noting.on_conflict_do_nothing().returning(Reservation.order_id)) is not None


def _told(book: Book) -> Mapping[str, Any]:
    return {
        "isbn": book.isbn,
        "title": book.title,
        "author": book.author,
        "price_cents": book.price_cents,
        "copies": book.copies,
    }
