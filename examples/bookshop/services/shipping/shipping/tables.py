"""What shipping keeps: one parcel for each order."""

from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from fairway_sdk.personal import personal


class Base(DeclarativeBase):
    """The tables of shipping."""


class Parcel(Base):
    """A parcel, noted before the carrier is asked; a recalled one stays, so that a late booking is refused."""

    __tablename__ = "parcel"
    __person__ = "reader"

    order_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    reader: Mapped[str] = mapped_column(String(64))
    address: Mapped[str | None] = personal()
    copies: Mapped[int]
    tracking: Mapped[str] = mapped_column(String(20), default="")
    state: Mapped[str] = mapped_column(String(10))  # asked, booked or refused; recalling, then recalled; sent
