"""What payments keeps: one payment for each order, and what became of it. A card's token is not kept."""

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """The tables of payments."""


class Payment(Base):
    """What one order pays; noted before the card network is asked, so that a crash in between loses nothing."""

    __tablename__ = "payment"

    order_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    reader: Mapped[str] = mapped_column(String(64))
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(10))  # asked, charged or refused; refunding, then refunded
