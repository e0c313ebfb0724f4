"""Personal columns where tables are not of the plainest kind: inherited, keyed by two columns, persons as UUIDs."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy import DateTime, ForeignKey, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from fairway_sdk import Service
from fairway_sdk.contract.binding import Store
from fairway_sdk.personal import ERASED, BrokenSealError, personal, personal_equals
from fairway_sdk.personal.person import erase, export
from fairway_sdk.personal.retention import purge

MakeService = Callable[..., Service]
Migrate = Callable[..., Awaitable[None]]
ADA, BOB = uuid4(), uuid4()


class Base(DeclarativeBase):
    """The tables of a library."""


class Member(Base):
    """The parent; its person is a UUID."""

    __tablename__ = "member"
    __person__ = "person"
    __since__ = "joined"
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "member"}  # noqa: RUF012 - as SQLAlchemy has it

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    person: Mapped[UUID]
    joined: Mapped[datetime] = mapped_column(DateTime, default=lambda: datetime(2020, 1, 1))  # noqa: DTZ001 - without
    email: Mapped[str] = personal(searchable=True)


class Patron(Member):
    """A child with a table of its own."""

    __tablename__ = "patron_member"
    __mapper_args__ = {"polymorphic_identity": "patron"}  # noqa: RUF012 - likewise

    id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True)
    account: Mapped[str] = personal(searchable=True)


class Guest(Member):
    """A child in its parent's table."""

    __mapper_args__ = {"polymorphic_identity": "guest"}  # noqa: RUF012 - likewise

    host: Mapped[str | None] = personal(nullable=True)


class Loan(Base):
    """Keyed by two columns, and the time of keeping stands on a value."""

    __tablename__ = "loan"
    __person__ = "person"
    __since__ = "day"
    __keep__ = "forever"

    person: Mapped[UUID] = mapped_column(primary_key=True)
    book: Mapped[str] = mapped_column(String(20), primary_key=True)
    day: Mapped[float]
    remark: Mapped[str] = personal(keep="30d")


@pytest.fixture
async def service(make_service: MakeService, store: Store, migrate: Migrate) -> AsyncIterator[Service]:
    """Give a running service with members and loans."""
    await migrate(store, Base.metadata)
    async with make_service(store).running() as running:
        async with running.transaction() as transaction:
            transaction.add(Patron(person=ADA, email="ada@example.com", account="a-1"))
            transaction.add(Guest(person=BOB, email="bob@example.com", host="Ada"))
            transaction.add(Loan(person=ADA, book="one", day=5.0, remark="torn"))
            transaction.add(Loan(person=ADA, book="two", day=datetime.now(UTC).timestamp(), remark="late"))
        yield running


async def test_inherited_columns_open_and_are_found(service: Service) -> None:
    """Through the parent and through the child."""
    async with service.transaction() as transaction:
        members = (await transaction.scalars(sa.select(Member).order_by(Member.id))).all()
        assert [one.email for one in members] == ["ada@example.com", "bob@example.com"]
        found = await transaction.scalars(sa.select(Patron).where(personal_equals(Patron.account, "a-1")))
        assert found.one().account == "a-1"
        found = await transaction.scalars(sa.select(Patron).where(personal_equals(Patron.email, "ada@example.com")))
        assert found.one().email == "ada@example.com"
        assert (await transaction.scalars(sa.select(Guest))).one().host == "Ada"


async def test_a_person_is_erased_from_parent_and_child(service: Service) -> None:
    """Blind indexes go in both tables, and nothing of others changes."""
    assert "a-1" in str(await export(service, str(ADA)))
    done = await erase(service, str(ADA))
    assert done.unlinked == {"main.member": 1, "main.patron_member": 1}
    async with service.transaction() as transaction:
        patron = (await transaction.scalars(sa.select(Patron))).one()
        assert (patron.email, patron.account) == (ERASED, ERASED)
        guest = await transaction.scalars(sa.select(Member).where(personal_equals(Member.email, "bob@example.com")))
        assert guest.one().person == BOB


async def test_a_value_is_bound_to_all_columns_of_its_key(service: Service) -> None:
    """Another loan of the same person is another row."""
    async with service.sql().connection() as connection:
        one = await connection.scalar(sa.text("select remark from loan where book = 'one'"))
        await connection.execute(sa.text("update loan set remark = :one where book = 'two'"), {"one": one})
    with pytest.raises(BrokenSealError, match=r"loan\.remark"):
        async with service.transaction() as transaction:
            await transaction.scalars(sa.select(Loan))


async def test_a_value_without_null_is_emptied_all_the_same(service: Service) -> None:
    """It reads as erased, once; rows kept for ever stay, and the binding says nothing of the others."""
    purged = {one.table: one.gone for one in await purge(service)}
    assert purged == {"main.loan.remark": 1}
    async with service.transaction() as transaction:
        loans = (await transaction.scalars(sa.select(Loan).order_by(Loan.book))).all()
        assert [loan.remark for loan in loans] == [ERASED, "late"]
    assert {one.table: one.gone for one in await purge(service)} == {"main.loan.remark": 0}
