"""What orders keeps: the orders and their lines. Who they go to is sealed under the reader's own key."""

from typing import Literal

from sqlalchemy import BigInteger, ForeignKey, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from fairway_sdk.personal import personal


class Base(DeclarativeBase):
    """The tables of orders."""


class Order(Base):
    """An order; the saga of its checkout has the same id."""

    __tablename__ = "order"
    __person__ = "reader"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    reader: Mapped[str] = mapped_column(String(64), index=True)
    tenant: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = personal()
    address: Mapped[str] = personal()
    gift_wrapping: Mapped[bool]
    price_cents: Mapped[int] = mapped_column(BigInteger, default=0)
    state: Mapped[Literal["open", "confirmed", "cancelled"]] = mapped_column(String(10))
    lines: Mapped[list["OrderLine"]] = relationship(lazy="selectin", order_by="OrderLine.isbn")


class OrderLine(Base):
    """Copies of one book in an order."""

    __tablename__ = "order_line"

    order_id: Mapped[str] = mapped_column(ForeignKey("order.id"), primary_key=True)
    isbn: Mapped[str] = mapped_column(String(13), primary_key=True)
    copies: Mapped[int]
