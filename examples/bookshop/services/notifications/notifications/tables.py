"""What notifications keeps: where an order's news go, for as long as there may be news."""

from datetime import UTC, datetime

from sqlalchemy import DateTime, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from fairway_sdk.personal import personal


class Base(DeclarativeBase):
    """The tables of notifications."""


class Recipient(Base):
    """Who is told about an order."""

    __tablename__ = "recipient"
    __person__ = "reader"
    __since__ = "since"
    __keep__ = "90d"

    order_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    reader: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = personal()
    email: Mapped[str] = personal()
    since: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=lambda: datetime.now(UTC))
