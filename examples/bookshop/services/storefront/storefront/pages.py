"""What the storefront's pages hold."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

Isbn = Annotated[str, Field(pattern=r"^[0-9]{13}$")]
Words = Annotated[str, Field(min_length=1, max_length=200)]


class Book(BaseModel):
    """A book on the shelf."""

    isbn: str
    title: str
    author: str
    price_cents: int
    copies: int


class BookPage(BaseModel):
    """A book, and what goes with it: parts may be missing while others are down."""

    book: Book
    suggestions: list[str]
    recently_seen: list[str]


class Basket(BaseModel):
    """What the reader wants, and what it costs at today's prices."""

    lines: dict[str, int]


class Recipient(BaseModel):
    """Where an order goes, and how it is paid."""

    order_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{8,64}$")]
    card_token: Words
    name: Words
    address: Words
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=200)]
    gift_wrapping: bool = False


class OrderPage(BaseModel):
    """An order as it stands."""

    id: str
    state: Literal["open", "confirmed", "cancelled"]
    lines: dict[str, int]
    price_cents: int
    reason: str = ""
