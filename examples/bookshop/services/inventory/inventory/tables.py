"""What inventory keeps: the books with the copies that are free, and what is held back for whom."""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """The tables of inventory."""


class Book(Base):
    """A book that is sold; `copies` are those that nobody has reserved."""

    __tablename__ = "book"
    __table_args__ = (CheckConstraint("copies >= 0", name="copies_are_not_negative"),)

    isbn: Mapped[str] = mapped_column(String(13), primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    author: Mapped[str] = mapped_column(String(200))
    price_cents: Mapped[int] = mapped_column(BigInteger)
    copies: Mapped[int]


class Reservation(Base):
    """What one order holds. It stays when it is released, so that a reservation that comes late is refused."""

    __tablename__ = "reservation"

    order_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    price_cents: Mapped[int] = mapped_column(BigInteger)
    released: Mapped[bool]


class Hold(Base):
    """Copies of one book that a reservation holds."""

    __tablename__ = "hold"

    order_id: Mapped[str] = mapped_column(ForeignKey("reservation.order_id"), primary_key=True)
    isbn: Mapped[str] = mapped_column(ForeignKey("book.isbn"), primary_key=True)
    copies: Mapped[int]
